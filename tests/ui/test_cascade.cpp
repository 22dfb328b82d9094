// SPDX-License-Identifier: GPL-3.0-or-later
// The Cascade page against the real engine and its included encoders: folders are read, searches run through every
// stage, cuts move, and what fell stays in sight.
#include "ui/cascade/evaluation_view.h"
#include "ui/cascade/fell_view.h"
#include "ui/cascade/funnel_view.h"
#include "ui/cascade/image_grid.h"
#include "ui/cascade/ledger_view.h"
#include "ui/cascade/result_view.h"
#include "ui/cascade/scan_strip.h"
#include "ui/cascade/score_histogram.h"
#include "ui/cascade/simulation_view.h"
#include "ui/cascade/stage_column.h"
#include "ui/cascade/term_row.h"
#include "ui/cascade/thumbnail_store.h"
#include "ui/charts/line_plot.h"
#include "ui/pages/cascade_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QClipboard>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QImage>
#include <QLabel>
#include <QSignalSpy>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace fulgurite;

class TestCascade : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Desktop> desktop_;

    CascadePage& page() { return *qobject_cast<CascadePage*>(desktop_->window().page("cascade")); }
    CascadeSearch& search() { return page().search(); }
    bool run(const char* action) { return desktop_->context().actions.run(QLatin1String(action)); }
    // The page with the sample scenes read by the first encoder.
    bool openWithSamples() {
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .open = {}, .with_engine = true});
        desktop_->window().resize(1440, 900);
        desktop_->show();
        desktop_->window().showPage("cascade");
        return QTest::qWaitFor(
            [this] {
                const client::ImageLibrary* library = search().library();
                return search().client() && library && !library->scan && library->images == 300 &&
                       search().encoders().size() >= 2;
            },
            120000);
    }
    bool answered() {
        return QTest::qWaitFor([this] { return !search().searching() && search().answer(); }, 60000);
    }
    bool ask(const QString& text) {
        page().searchFor(text);
        return answered();
    }

  private slots:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }
    void cleanup() {
        desktop_.reset();
        folder_.reset();
    }

    void termsAreReadWithSignAndWeight() {
        QCOMPARE(parseTerm("a red  dog").text, std::string("a red dog"));
        QCOMPARE(parseTerm("a red dog").weight, 1.0);
        QCOMPARE(parseTerm("-cat").weight, -1.0);
        QCOMPARE(parseTerm("-0.4 cat").weight, -0.4);
        QCOMPARE(parseTerm("+0.5 on grass").text, std::string("on grass"));
        QVERIFY(parseTerm("   ").text.empty());
    }

    void aHundredThousandCellsArePaintedOneScreenAtATime() {
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .open = {}, .with_engine = false});
        ThumbnailStore thumbnails(search());
        ImageGrid grid(desktop_->context().themes, thumbnails, "images");
        int asked = 0;
        grid.setContent({100'000,
                         [&asked](int index) {
                             ++asked;
                             return GridCell{index + 1, QString::number(index), QString::number(index), false};
                         },
                         [](client::ImageId image) { return static_cast<int>(image) - 1; }});
        grid.resize(800, 600);
        grid.show();
        QVERIFY(QTest::qWaitForWindowExposed(&grid));
        grid.grab();
        QVERIFY(asked > 0);
        asked = 0;
        QSignalSpy chosen(&grid, &ImageGrid::chosen);
        QTest::keyClick(&grid, Qt::Key_End);
        QCOMPARE(chosen.last().first().value<client::ImageId>(), client::ImageId{100'000});
        grid.grab();
        QVERIFY2(asked < 500, qPrintable(QString::number(asked)));
        QTest::keyClick(&grid, Qt::Key_Home);
        QCOMPARE(grid.current(), 0);
    }

    void aSearchGoesThroughEveryStageAndNothingIsLost() {
        QVERIFY(openWithSamples());
        QVERIFY(ask("a dog"));
        const client::CascadeAnswer& answer = *search().answer();
        QCOMPARE(answer.images, std::size_t{300});
        QCOMPARE(answer.stages.size(), search().encoders().size());
        std::size_t in = answer.images;
        for (const client::CascadeStageReport& stage : answer.stages) {
            QCOMPARE(stage.in, in);
            QCOMPARE(stage.encoded + stage.cached, stage.in);
            in = stage.out;
        }
        // The scores of a stage fall from place to place, and what fell stands below the cut.
        const client::CascadeStageReport& first = answer.stages.front();
        QVERIFY(std::is_sorted(first.top_scores.rbegin(), first.top_scores.rend()));
        QVERIFY(!first.fell.empty());
        QCOMPARE(first.fell.front().rank, first.out + 1);
        QVERIFY(first.fell.front().score <= *first.cut_score);
        // Asked again, everything comes from the cache.
        QVERIFY(ask("a dog"));
        for (const client::CascadeStageReport& stage : search().answer()->stages)
            QCOMPARE(stage.encoded, std::size_t{0});
        QCOMPARE(page().results().grid().count(), static_cast<int>(search().answer()->results.size()));
        QTRY_VERIFY(search().ledger() && search().ledger()->queries >= 2);
        QVERIFY(page().ledger().figure(0) != QStringLiteral("–"));
    }

    void aCutIsMovedByKeyAndTakenBack() {
        QVERIFY(openWithSamples());
        QVERIFY(ask("two red apples"));
        ScoreHistogram& histogram = page().funnel().columns().front()->histogram();
        const std::size_t before = search().question().stages.front().keep.value();
        QCOMPARE(histogram.keep(), before);
        histogram.setFocus();
        for (int i = 0; i < 3; ++i)
            QTest::keyClick(&histogram, Qt::Key_Left);
        QCOMPARE(histogram.keep(), before + 3);
        QTest::keyClick(&histogram, Qt::Key_Return);
        QTRY_VERIFY(!search().searching());
        QTRY_COMPARE(search().answer()->stages.front().out, before + 3);
        QVERIFY(run("cascade.undo"));
        QTRY_COMPARE(search().answer()->stages.front().out, before);
    }

    void termsAddUpAndNegativeOnesLeadAway() {
        QVERIFY(openWithSamples());
        QVERIFY(ask("a cat"));
        const client::ImageId best = search().answer()->results.front().image;
        page().moreLike(best);
        QTRY_COMPARE(search().answered().terms.size(), std::size_t{2});
        QTRY_VERIFY(!search().searching());
        QCOMPARE(search().answer()->results.front().image, best);
        auto terms = search().question().terms;
        terms.back().weight = -1;
        search().setTerms(terms);
        QTRY_VERIFY(search().answered().terms.back().weight == -1 && !search().searching());
        QVERIFY(search().answer()->results.front().image != best);
        QVERIFY(run("cascade.clear"));
        QVERIFY(search().question().terms.empty());
        QVERIFY(run("cascade.undo"));
        QCOMPARE(search().question().terms.size(), std::size_t{2});
    }

    void aPictureFromOutsideIsATerm() {
        QVERIFY(openWithSamples());
        const QString scene = QDir(findSampleScenes()).entryList({"*.jpg", "*.png", "*.webp"}).at(3);
        const QTemporaryDir outside;
        const QString file = outside.filePath("mine." + QFileInfo(scene).suffix());
        QVERIFY(QFile::copy(QDir(findSampleScenes()).filePath(scene), file));
        page().moreLikeFiles({file});
        QTRY_COMPARE(search().question().terms.size(), std::size_t{1});
        QVERIFY(answered());
        QVERIFY(QString::fromStdString(search().answer()->results.front().path).endsWith(scene));
        auto* terms = page().findChild<TermRow*>();
        QVERIFY(terms->chipTexts().first().contains("like mine."));
        // Words are another term beside it.
        QVERIFY(ask("a dog"));
        QCOMPARE(search().question().terms.size(), std::size_t{2});
        // One that the engine does not read is made into one that it does.
        QImage red(2000, 40, QImage::Format_RGB32);
        red.fill(Qt::red);
        QVERIFY(red.save(outside.filePath("red.bmp")));
        page().moreLikeFiles({outside.filePath("red.bmp")});
        QTRY_COMPARE(search().question().terms.size(), std::size_t{3});
        QVERIFY(answered());
        QCOMPARE(search().answered().terms.size(), std::size_t{3});
        page().moreLikeFiles({outside.filePath("none.png")});
        QTest::qWait(300);
        QCOMPARE(search().question().terms.size(), std::size_t{3});
    }

    void everyImageThatFellCanBeSeen() {
        QVERIFY(openWithSamples());
        QVERIFY(ask("a tree"));
        const client::CascadeStageReport& first = search().answer()->stages.front();
        const auto fallen = static_cast<int>(first.in - first.out);
        QSignalSpy arrived(&page().fell(), &FellView::arrived);
        page().tabs().setCurrentWidget(&page().fell());
        page().fell().showStage(0);
        QTRY_VERIFY(!arrived.isEmpty());
        QCOMPARE(page().fell().grid().count(), fallen);
        // Choosing one says at its stage where it fell.
        const client::ImageId image = first.fell.front().image;
        search().select(image);
        QVERIFY(page().funnel().columns().front()->note().contains(QString::number(first.out + 1)));
    }

    void recallIsMeasuredOnTheLibrarysCaptions() {
        QVERIFY(openWithSamples());
        QSignalSpy finished(&page().evaluation(), &EvaluationView::finished);
        page().evaluation().run();
        QTRY_VERIFY_WITH_TIMEOUT(!finished.isEmpty(), 120000);
        QVERIFY(page().evaluation().evaluation().has_value());
        for (const client::RecallRow& row : page().evaluation().evaluation()->rows) {
            const client::Band& at1 = row.recall.at(1);
            const client::Band& at10 = row.recall.at(10);
            QVERIFY(at1.low <= at1.mean && at1.mean <= at1.high);
            QVERIFY(at1.mean <= at10.mean);
            QVERIFY2(at10.mean > 0.2, row.variant.c_str()); // 300 scenes: chance is 0.03
        }
    }

    void aSmallWorldIsSimulated() {
        QVERIFY(openWithSamples());
        QSignalSpy finished(&page().simulation(), &SimulationView::finished);
        page().simulation().run();
        QTRY_VERIFY_WITH_TIMEOUT(!finished.isEmpty(), 60000);
        const TableTwin table = page().simulation().touched().table();
        QVERIFY(table.rows > 10);
        for (int row = 0; row < table.rows; ++row) {
            const double share = table.cell(row, 2).toDouble();
            QVERIFY(share >= 0 && share <= 1);
        }
    }

    void aFolderWithBrokenFilesIsReadAllTheSame() {
        QVERIFY(openWithSamples());
        const QTemporaryDir pictures;
        QImage image(40, 30, QImage::Format_RGB32);
        image.fill(Qt::red);
        QVERIFY(image.save(pictures.filePath("red.png")));
        for (const auto& [name, bytes] : {std::pair{"empty.jpg", ""}, {"words.png", "not a picture"}}) {
            QFile file(pictures.filePath(name));
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(bytes);
        }
        search().createLibrary("Broken", {pictures.path()});
        QTRY_VERIFY_WITH_TIMEOUT(search().library() && search().library()->name == "Broken" &&
                                     !search().library()->scan && search().library()->images == 1,
                                 30000);
        QCOMPARE(search().library()->unreadable, std::size_t{2});
        QVERIFY(ask("red"));
        QCOMPARE(search().answer()->results.size(), std::size_t{1});
        QVERIFY(run("cascade.remove"));
        QTRY_VERIFY(search().library() && search().library()->name != "Broken");
    }

    // A drive that is taken away: the page says so, keeps what it knows, and says no more when it is back.
    void aFolderThatIsGoneIsSaid() {
        QVERIFY(openWithSamples());
        const QTemporaryDir place;
        const QString pictures = place.filePath("pictures");
        QVERIFY(QDir().mkpath(pictures));
        QImage image(40, 30, QImage::Format_RGB32);
        image.fill(Qt::blue);
        QVERIFY(image.save(pictures + "/blue.png"));
        search().createLibrary("Drive", {pictures});
        const auto settled = [this](bool told) {
            return QTest::qWaitFor(
                [this, told] {
                    const client::ImageLibrary* library = search().library();
                    return library && library->name == "Drive" && !library->scan && library->images == 1 &&
                           library->message.empty() != told;
                },
                30000);
        };
        QVERIFY(settled(false));
        auto* strip = page().findChild<ScanStrip*>();
        QVERIFY(!strip->isVisible());
        QVERIFY(QDir().rename(pictures, place.filePath("away")));
        QVERIFY(run("cascade.scan"));
        QVERIFY(settled(true));
        QVERIFY(strip->isVisible());
        QVERIFY(strip->findChild<QLabel*>()->text().contains("not there"));
        QVERIFY(QDir().rename(place.filePath("away"), pictures));
        QVERIFY(run("cascade.scan"));
        QVERIFY(settled(false));
        QVERIFY(!strip->isVisible());
    }

    void everyEntrySaysWhatItCounts() {
        QVERIFY(openWithSamples());
        QVERIFY(ask("a dog"));
        QTRY_VERIFY(search().ledger() && search().ledger()->queries == 1);
        QStringList kinds;
        for (const client::LedgerEntry& entry : search().ledger()->entries)
            kinds << QString::fromStdString(entry.kind);
        QVERIFY(kinds.contains("ingest") && kinds.contains("query") && kinds.contains("search"));
    }

    void resultsAreCopiedWithRankAndScoreOfEveryStage() {
        QVERIFY(openWithSamples());
        QVERIFY(ask("a house"));
        page().results().grid().setFocus();
        QTest::keyClick(&page().results().grid(), Qt::Key_C, Qt::ControlModifier);
        const QStringList lines = QApplication::clipboard()->text().split('\n', Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), static_cast<qsizetype>(search().answer()->results.size()) + 1);
        QCOMPARE(lines.first().split('\t').size(),
                 3 + 2 * static_cast<qsizetype>(search().answer()->stages.size()));
    }
};

QTEST_MAIN(TestCascade)
#include "test_cascade.moc"
