// SPDX-License-Identifier: GPL-3.0-or-later
// The plots of result files: opened, dropped and refused, walked by keys, exported, and equal to the published
// tables.
#include "tests/unit/published_results.h"
#include "tests/unit/test_paths.h"
#include "ui/base/theme_manager.h"
#include "ui/retrieve/result_panel.h"
#include "ui/retrieve/result_plot.h"

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDir>
#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFile>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>
#include <map>

using namespace fulgurite;

namespace {

// Standard finds half of what MRAG finds: 5 aspects, 3 queries, at every k.
QByteArray smallResults() {
    const auto matrix = [](const char* row) {
        QByteArray rows;
        for (int k = 0; k < 32; ++k) {
            rows += (k == 0 ? "" : ",") + QByteArray(row);
        }
        return "[" + rows + "]";
    };
    const auto strategy = [&](const char* ratios) {
        const QByteArray values = matrix(ratios);
        const QByteArray none = matrix("[0,0,0]");
        return "{\"5\":{\"success_ratio\":" + values + ",\"success\":" + none +
               ",\"category_success_ratio\":" + values + ",\"category_success\":" + none + "}}";
    };
    return "{\"standard-rag\":" + strategy("[0.2,0.2,0.4]") + ",\"multirag\":" + strategy("[0.4,0.4,0.8]") + "}";
}

} // namespace

class TestRetrieveResults : public QObject {
    Q_OBJECT

  private:
    ThemeManager themes_;
    std::unique_ptr<QTemporaryDir> folder_;

    QString write(const char* name, const QByteArray& bytes) {
        QFile file(folder_->filePath(QLatin1String(name)));
        [&] { QVERIFY(file.open(QIODevice::WriteOnly)); }();
        file.write(bytes);
        return file.fileName();
    }
    void open(ResultPanel& panel, const QStringList& paths) {
        panel.open(paths);
        QTRY_VERIFY(panel.reading() || !panel.openFiles().isEmpty());
        QTRY_VERIFY_WITH_TIMEOUT(!panel.reading(), 30000);
    }
    void choose(ResultPanel& panel, const char* figure) {
        const int at = panel.figures().findData(QLatin1String(figure));
        QVERIFY2(at >= 0, figure);
        panel.figures().setCurrentIndex(at);
        QCOMPARE(QString::fromStdString(panel.plot().figure()->name), QLatin1String(figure));
    }
    // What the page says at one mark: of its table twin, a row.
    QVariantList row(ResultPanel& panel, const QString& panel_title, int tick, const QString& strategy) {
        const TableTwin table = panel.plot().table();
        for (int row = 0; row < table.rows; ++row) {
            if (table.cell(row, 0).toString() == panel_title && table.cell(row, 1).toInt() == tick &&
                table.cell(row, 2).toString() == strategy) {
                QVariantList cells;
                for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) {
                    cells << table.cell(row, column);
                }
                return cells;
            }
        }
        return {};
    }

  private slots:
    void initTestCase() { themes_.apply(); }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void nothingOpenSaysWhatToDo() {
        ResultPanel panel(themes_);
        panel.show();
        QVERIFY(panel.message().contains("drop its result files"));
        QVERIFY(!panel.sources().isVisibleTo(panel.controls()));
    }

    void aFileIsShownWalkedAndExported() {
        ResultPanel panel(themes_);
        panel.resize(900, 240);
        panel.show();
        open(panel, {write("small.json", smallResults())});
        QCOMPARE(panel.sources().currentText(), QString("small.json"));
        choose(panel, "relative-boxes");
        ResultPlot& plot = panel.plot();
        QCOMPARE(plot.accessibleName(), QString("MRAG over the standard vector"));
        const QVariantList cells = row(panel, "n = 5", 10, "mrag");
        QCOMPARE(cells[3].toInt(), 3);
        QVERIFY(std::abs(cells[4].toDouble() - 4.0 / 15) < 1e-12); // gains 0.2, 0.2, 0.4
        QVERIFY(cells[5].toDouble() <= cells[4].toDouble() && cells[4].toDouble() <= cells[6].toDouble());
        QVERIFY(std::abs(cells[9].toDouble() - 0.2) < 1e-12); // the median
        // Keys: along k, and to the next plot; what stands there is said.
        plot.setFocus();
        QTest::keyClick(&plot, Qt::Key_Right);
        QTest::keyClick(&plot, Qt::Key_Right);
        QCOMPARE(plot.column(), 1);
        QVERIFY2(plot.accessibleDescription().startsWith("n = 5, k = 10, MRAG 0.267 (0.200 to "),
                 qPrintable(plot.accessibleDescription()));
        QTest::keyClick(&plot, Qt::Key_End);
        QCOMPARE(plot.column(), 2);
        QCOMPARE(plot.table().current, 2);
        const QString before = panel.figures().currentText();
        QTest::keyClick(&plot, Qt::Key_PageDown);
        QVERIFY(panel.figures().currentText() != before);
        QTest::keyClick(&plot, Qt::Key_PageUp);
        QCOMPARE(panel.figures().currentText(), before);
        // Hovering: the value under the pointer is drawn; copies and pictures hold what is seen.
        QTest::keyClick(&plot, Qt::Key_C, Qt::ControlModifier);
        const QStringList lines = QApplication::clipboard()->text().split(u'\n', Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), 4);
        QVERIFY2(lines[0].startsWith("panel\tk\tstrategy\tqueries\tmean\tmean low\tmean high"),
                 qPrintable(lines[0]));
        QVERIFY(twinAsCsv(plot.table()).contains("n = 5,10,mrag,3,0.26666"));
        QVERIFY(plot.svg().contains("<svg"));
        const QImage dark = plot.picture();
        themes_.setMode(themes_.theme().dark() ? ThemeMode::Light : ThemeMode::Dark);
        QVERIFY(plot.picture() != dark);
        for (int figure = 0; figure < panel.figures().count(); ++figure) {
            panel.figures().setCurrentIndex(figure);
            QVERIFY(!plot.picture().isNull());
        }
    }

    void filesAreDroppedAndClosed() {
        ResultPanel panel(themes_);
        panel.show();
        write("a.json", smallResults());
        write("b.json", smallResults());
        write("notes.txt", "no results");
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(folder_->path())});
        QDragEnterEvent enter(QPoint(5, 5), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(&panel, &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(5, 5), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QApplication::sendEvent(&panel, &drop);
        QTRY_COMPARE(panel.openFiles().size(), 2);
        QTRY_VERIFY(!panel.reading());
        QCOMPARE(panel.sources().currentText(), QString("a.json"));
        panel.closeFile();
        QCOMPARE(panel.openFiles().size(), 1);
        panel.closeFile();
        QVERIFY(!panel.message().isEmpty());
        QVERIFY(QFile::exists(folder_->filePath("a.json")));
    }

    void whatIsNoResultFileIsSaid() {
        ResultPanel panel(themes_);
        panel.show();
        QSignalSpy failed(&panel, &ResultPanel::failed);
        panel.open({write("list.json", "[1, 2]")});
        QTRY_COMPARE(failed.count(), 1);
        QVERIFY2(failed.last().first().toString().contains("list.json: expected an object of strategies"),
                 qPrintable(failed.last().first().toString()));
        panel.open({folder_->filePath("none.json")});
        QTRY_COMPARE(failed.count(), 2);
        write("good.json", smallResults());
        write("empty.json", "{}");
        write("big.json", R"({"mrag":{"5":{"rat":[[7]],"suc":[[0]],"category_rat":[[0]],"category_suc":[[0]]}}})");
        write("none.json", R"({"mrag":{"5":{"rat":[[]],"suc":[[]],"category_rat":[[]],"category_suc":[[]]}}})");
        panel.open({folder_->path()});
        QTRY_COMPARE(failed.count(), 3);
        const QString said = failed.last().first().toString();
        QVERIFY2(said.startsWith("4 of 5 files were not read: "), qPrintable(said));
        QVERIFY2(said.contains("a share from 0 to 1"), qPrintable(said));
        QCOMPARE(panel.openFiles(), QStringList{folder_->filePath("good.json")});
        QTemporaryDir empty;
        panel.open({empty.path()});
        QTRY_COMPARE(failed.count(), 4);
    }

    // An own evaluation is asked for when it is looked at, and only then.
    void recordsAreAskedForWhenTheyAreSeen() {
        ResultPanel panel(themes_);
        QSignalSpy wanted(&panel, &ResultPanel::recordWanted);
        client::Evaluation evaluation;
        evaluation.record = "8f2c31";
        panel.setEvaluations({evaluation});
        QCOMPARE(wanted.count(), 0);
        panel.show();
        QCOMPARE(wanted.count(), 1);
        panel.hide();
        panel.show();
        QCOMPARE(wanted.count(), 1);
        panel.takeRecord("8f2c31", std::make_shared<const std::string>(smallResults().toStdString()), {});
        QTRY_VERIFY(panel.plot().figure() != nullptr);
        client::Evaluation newer = evaluation;
        newer.record = "aa0001";
        panel.setEvaluations({newer, evaluation});
        QCOMPARE(panel.sources().currentText(), QString("Evaluation aa0001"));
        panel.takeRecord("aa0001", nullptr, "made by an earlier version");
        QCOMPARE(panel.message(), QString("made by an earlier version"));
        panel.sources().setCurrentIndex(1);
        QVERIFY(panel.message().isEmpty());
        QCOMPARE(wanted.count(), 2);
    }

    // What the page draws is what the tables say.
    void publishedFilesShowThePublishedNumbers() {
        const auto results = test::sharedData("mrag/results");
        if (!std::filesystem::exists(results)) {
            QSKIP("no published results on this machine");
        }
        ResultPanel panel(themes_);
        panel.resize(1200, 300);
        panel.show();
        open(panel, {QString::fromStdString(results.string())});
        QCOMPARE(panel.openFiles().size(), 4);
        const auto near = [](double a, double b, double within) { return std::abs(a - b) <= within + 1e-9; };
        int gains = 0;
        int ratios = 0;
        for (int file = 0; file < panel.sources().count(); ++file) {
            panel.sources().setCurrentIndex(file);
            std::map<std::pair<std::size_t, std::size_t>, double> standard;
            for (const test::PublishedMean& each : test::kPublishedMeans) {
                if (panel.sources().currentText() == each.file && QString(each.strategy) == "standard") {
                    standard[{each.n, each.k}] = each.weighted;
                }
            }
            for (const test::PublishedMean& each : test::kPublishedMeans) {
                if (panel.sources().currentText() != each.file) {
                    continue;
                }
                const QString title = QString("n = %1").arg(each.n);
                for (const char* figure : {"baselines-low-cost", "baselines-high-cost"}) {
                    if (panel.figures().findData(figure) < 0) {
                        continue;
                    }
                    choose(panel, figure);
                    const QVariantList cells = row(panel, title, static_cast<int>(each.k), each.strategy);
                    // Two figures of three digits: each may be half of the last one off.
                    if (!cells.isEmpty() && standard.contains({each.n, each.k})) {
                        QVERIFY2(near(cells[4].toDouble(), each.weighted - standard[{each.n, each.k}], 0.001),
                                 each.strategy);
                        ++gains;
                    }
                }
                choose(panel, "absolute-success");
                const QVariantList exact = row(panel, title, static_cast<int>(each.k), each.strategy);
                if (!exact.isEmpty()) {
                    QVERIFY(near(exact[4].toDouble(), each.success_ratio, 0.0005));
                    choose(panel, "absolute-categories");
                    QVERIFY(near(row(panel, title, static_cast<int>(each.k), each.strategy)[4].toDouble(),
                                 each.category_success_ratio, 0.0005));
                    ++ratios;
                }
            }
        }
        QVERIFY2(gains >= 30, qPrintable(QString::number(gains)));
        QVERIFY2(ratios >= 10, qPrintable(QString::number(ratios)));
        panel.sources().setCurrentIndex(panel.sources().findText("wikipedia_v1_sfr.json"));
        QCOMPARE(panel.figures().count(), 10);
        choose(panel, "histogram-success");
        const int counts[] = {0, 1, 3, 3, 6, 10, 1, 1, 0, 0, 0};
        for (int hits = 0; hits <= 10; ++hits) {
            const QVariantList cells = row(panel, "n = 10, k = 30", hits, "mrag");
            QCOMPARE(cells[4].toInt(), counts[hits]);
            QVERIFY(cells[5].toDouble() <= counts[hits] && counts[hits] <= cells[6].toDouble());
        }
    }
};

QTEST_MAIN(TestRetrieveResults)
#include "test_retrieve_results.moc"
