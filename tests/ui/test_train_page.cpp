// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page over a real runs file that a real writer fills: list, filter, groups, charts, live tail, the way
// to a token, alerts, edits, export.
#include "core/store/runs/run_reader.h"
#include "tests/ui/train_window.h"
#include "ui/base/notices.h"
#include "ui/shell/action_registry.h"
#include "ui/train/answer_table.h"
#include "ui/train/difference_panel.h"
#include "ui/train/filter_field.h"
#include "ui/train/live_pill.h"
#include "ui/train/rollout_panel.h"
#include "ui/train/run_list.h"
#include "ui/train/token_inspector.h"
#include "ui/train/train_header.h"

#include <QElapsedTimer>
#include <QImage>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTest>

#include <algorithm>

using namespace fulgurite;
using test::beginRun;
using test::RunRecipe;
using test::writeAnswers;
using test::writeSteps;
using Fixture = test::TrainWindow;

namespace {

// The last step of the first run that a chart has painted.
class PaintWatch : public QObject {
  public:
    explicit PaintWatch(CurveChart& chart) : chart_(chart) { chart.installEventFilter(this); }
    double last() const { return last_; }

  protected:
    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() == QEvent::Paint && !chart_.pictured()->rows.empty()) {
            last_ = chart_.pictured()->rows.front().x.back();
        }
        return false;
    }

  private:
    CurveChart& chart_;
    double last_ = -1;
};

} // namespace

class TestTrainPage : public QObject {
    Q_OBJECT

  private slots:
    void listsFiltersAndGroups() {
        Fixture fixture;
        for (const char* algo : {"cispo", "dapo"}) {
            for (int seed = 0; seed < 3; ++seed) {
                fixture.write({.name = std::string(algo) + " " + std::to_string(seed),
                               .algo = algo,
                               .seed = seed,
                               .level = algo == std::string("cispo") ? 0.1 * seed : -0.2});
            }
        }
        fixture.open();
        TrainPage& page = fixture.page();
        QCOMPARE(page.board().matching().size(), std::size_t(6));
        QVERIFY(fixture.chart("reward").scene()->rows.size() == 6);

        page.board().setGroupField(QStringLiteral("algo"));
        fixture.settle();
        QTRY_COMPARE(fixture.chart("reward").scene()->rows.size(), std::size_t(2));
        const SceneRow& row = fixture.chart("reward").scene()->rows[0];
        QCOMPARE(row.label, QStringLiteral("cispo"));
        QCOMPARE(row.members.back(), 3);
        QVERIFY(std::abs(row.raw.back() - (0.99 + 0.1)) < 1e-9); // mean of +0, +.1, +.2
        QVERIFY(std::abs(row.most.back() - row.least.back()) > 0.19);
        QCOMPARE(page.list().list().rowCount(), 2);
        QVERIFY(page.list().list().spreadText(page.list().list().index(0, 0)).startsWith(u'±'));

        const ConfigDifferences& differences = page.differences().differences();
        QCOMPARE(differences.differing.size(), std::size_t(1)); // seeds are the same in both groups
        QCOMPARE(differences.differing[0].field, QStringLiteral("objective.loss"));
        QCOMPARE(page.differences().table().item(0, 2)->text(), QStringLiteral("dapo"));

        page.filter().setFilter(QStringLiteral("seed < 2 and cispo"));
        QCOMPARE(page.board().matching().size(), std::size_t(2));
        page.filter().setFilter(QStringLiteral("seed < two")); // wrong: the last good list stays
        QVERIFY(page.board().filterProblem());
        QCOMPARE(page.board().matching().size(), std::size_t(2));
        QVERIFY(page.filter().toolTip().contains(QStringLiteral("two")));
        page.filter().setFilter({});
        QCOMPARE(page.board().matching().size(), std::size_t(6));
    }

    void followsAWriter() {
        Fixture fixture;
        const RunRecipe recipe{.name = "live"};
        auto run = beginRun(fixture.file, recipe);
        writeSteps(*run, recipe, 0, 10);
        run->flush();
        fixture.open();
        const qint64 id = run->run();
        const CurveKey key{id, QStringLiteral("rollout.reward_mean")};
        QTRY_COMPARE(fixture.page().feed().curve(key)->size(), std::size_t(10));
        writeSteps(*run, recipe, 10, 25); // no flush: the writer knows that somebody watches
        QTRY_COMPARE(fixture.page().feed().curve(key)->size(), std::size_t(25));
        QTRY_COMPARE(fixture.chart("reward").scene()->rows[0].x.back(), 24.0);

        fixture.page().feed().setPaused(true);
        writeSteps(*run, recipe, 25, 30);
        QTRY_VERIFY(fixture.page().feed().heldBack() >= 15); // three series
        QCOMPARE(fixture.page().feed().curve(key)->size(), std::size_t(25));
        fixture.page().feed().setPaused(false);
        QCOMPARE(fixture.page().feed().curve(key)->size(), std::size_t(30));

        run->rewind(20); // as after a restart from a checkpoint
        run->add("rollout.reward_mean", 20, 7.0);
        run->flush();
        QTRY_COMPARE(fixture.page().feed().curve(key)->size(), std::size_t(21));
        QCOMPARE(fixture.page().feed().curve(key)->values.back(), 7.0);
        run->finish(RunStatus::Finished);
        QTRY_COMPARE(fixture.page().feed().run(id)->state, RunState::Done);
        run.reset(); // lets go of the run
        RunEditor(fixture.file).remove(id);
        QTRY_COMPARE(fixture.page().feed().run(id)->state, RunState::Deleted);
        QCOMPARE(fixture.page().feed().curve(key)->size(), std::size_t(21)); // stays until dismissed
    }

    // From a row of the trainer's writer to the painting that shows it. The figure is told; a busy machine fails
    // nothing.
    void aRowIsOnTheScreenSoon() {
        Fixture fixture;
        const auto run = beginRun(fixture.file, {.name = "live"});
        run->add("rollout.reward_mean", 0, 0.5);
        run->flush();
        fixture.open();
        CurveChart& chart = fixture.chart("reward");
        PaintWatch painted(chart);
        std::vector<qint64> late;
        for (std::int64_t step = 1; step <= 12; ++step) {
            QElapsedTimer since;
            since.start();
            run->add("rollout.reward_mean", step, 0.5);
            while (painted.last() < static_cast<double>(step) && since.elapsed() < 20000) {
                QTest::qWait(1);
            }
            QCOMPARE(painted.last(), static_cast<double>(step));
            late.push_back(since.elapsed());
        }
        std::sort(late.begin(), late.end());
        qInfo("from a row to its painting: median %lld ms, longest %lld ms", late[late.size() / 2], late.back());
    }

    void aRunThatIsDeletedWhileOpenStaysMarked() {
        Fixture fixture;
        fixture.write({.name = "kept"});
        fixture.write({.name = "deleted"});
        fixture.open();
        const qint64 id = fixture.page().feed().runs()->front().id;
        QCOMPARE(fixture.page().feed().run(id)->name, QStringLiteral("deleted"));
        RunEditor(fixture.file).remove(id); // another program
        QTRY_VERIFY(fixture.page().feed().run(id)->state == RunState::Deleted);
        fixture.settle();
        RunListModel& list = fixture.page().list().list();
        QVERIFY(
            list.data(list.indexOfRun(id), Qt::AccessibleTextRole).toString().contains(QStringLiteral("deleted")));
        QCOMPARE(fixture.page().board().matching().size(), std::size_t(2));
        // What was read before it went is not asked for again, and the others are drawn on.
        QVERIFY(fixture.chart("reward").scene()->rows.size() >= 1);
        QVERIFY(fixture.page().feed().curve(
            {fixture.page().feed().runs()->front().id, QStringLiteral("rollout.reward_mean")}));
    }

    void longSeriesKeepTheirSpikes() {
        Fixture fixture;
        const auto run = beginRun(fixture.file, {.name = "long"});
        for (int step = 0; step < 100000; ++step) {
            run->add("train.loss", step, step == 61234 ? 50.0 : step == 71234 ? std::nan("") : 1.0);
        }
        run->finish(RunStatus::Finished);
        fixture.open();
        const CurveKey key{run->run(), QStringLiteral("train.loss")};
        QTRY_VERIFY(fixture.page().feed().curve(key));
        QVERIFY(fixture.page().feed().curve(key)->buckets());
        QVERIFY(fixture.page().feed().curve(key)->size() <= 2 * kColumns);
        fixture.settle();
        CurveChart& chart = fixture.chart("loss");
        QVERIFY(chart.scene()->yRange(0, 100000).second > 50);
        QVERIFY(!chart.scene()->glyphs.empty());
        fixture.page().grid().link().setRange(61200, 61300); // closer: points
        QTRY_VERIFY([&] {
            const CurveRef curve = fixture.page().feed().curve(key);
            const auto at = std::lower_bound(curve->steps->begin(), curve->steps->end(), 61234);
            return at != curve->steps->end() && *at == 61234 &&
                   curve->values[static_cast<std::size_t>(at - curve->steps->begin())] == 50.0;
        }());
    }

    void twoClicksFromCurveToToken() {
        Fixture fixture;
        const RunRecipe recipe{.name = "cispo 0"};
        const auto run = beginRun(fixture.file, recipe);
        writeSteps(*run, recipe, 0, 100);
        writeAnswers(*run, 50);
        run->finish(RunStatus::Finished);
        fixture.open();
        RolloutPanel& rollouts = fixture.page().rollouts();
        QSignalSpy opened(&rollouts, &RolloutPanel::opened);
        CurveChart& chart = fixture.chart("reward");
        const Scene& scene = *chart.scene();
        const std::size_t middle = scene.rows[0].x.size() / 2;
        const QPoint at = chart.toPixel({scene.rows[0].x[middle], scene.rows[0].smooth[middle]}).toPoint();
        QCOMPARE(chart.runAt(at), run->run());
        QTest::mouseDClick(&chart, Qt::LeftButton, {}, at); // one
        QTRY_COMPARE(opened.count(), 1);
        QCOMPARE(rollouts.group().step, qint64(50));
        QCOMPARE(rollouts.group().answers.size(), std::size_t(2));
        QCOMPARE(rollouts.answers().answers().answer(0)->capped(), 1);
        QVERIFY(rollouts.isVisible());
        QTest::qWait(50); // the dock's layout
        QTest::mouseClick(&rollouts.flow(), Qt::LeftButton, {}, rollouts.flow().tokenRect(2).center()); // two
        QCOMPARE(rollouts.flow().current(), 2);
        const QString told = rollouts.inspector().text();
        QVERIFY2(told.contains(QStringLiteral("CISPO\tmin(r, 5)\t5.00")), qPrintable(told));
        QVERIFY2(told.contains(QStringLiteral("DAPO\tr above 1.28\tmasked")), qPrintable(told));
        QTest::keyClick(&rollouts.flow(), Qt::Key_Left);
        QCOMPARE(rollouts.flow().current(), 1);
        QTest::keyClick(&rollouts.flow(), Qt::Key_N);
        QCOMPARE(rollouts.flow().current(), 2);
    }

    void oneUpdateABatchIsNotAFlatZero() {
        Fixture fixture;
        fixture.write({.name = "control", .updates = 1});
        fixture.open();
        const SceneRef scene = fixture.chart("capped").scene();
        QVERIFY(scene->curves.empty());
        QVERIFY2(scene->missing.startsWith(QStringLiteral("n/a: one update")), qPrintable(scene->missing));
        fixture.write({.name = "four", .updates = 4});
        QTRY_VERIFY(!fixture.chart("capped").scene()->curves.empty());
        QTest::mouseClick(&fixture.chart("ratio"), Qt::LeftButton, {}, {100, 80}); // not logged; its link
        QTRY_COMPARE(fixture.page().board().matching().size(), std::size_t(1));
    }

    void otherAxes() {
        Fixture fixture;
        fixture.write({.name = "a"});
        fixture.open();
        ChartSettings settings = fixture.page().board().settings();
        settings.x = XAxis::Tokens;
        fixture.page().board().setSettings(settings);
        QTRY_COMPARE(fixture.chart("reward").scene()->x_high, 99000.0);
        settings.x = XAxis::Elapsed;
        fixture.page().board().setSettings(settings);
        QTRY_COMPARE(fixture.chart("reward").scene()->x_high, 99.0);
        settings.x = XAxis::Step;
        settings.log_x = true;
        fixture.page().board().setSettings(settings);
        QTRY_VERIFY(std::abs(fixture.chart("reward").scene()->x_high - std::log10(99.0)) < 1e-9);
        QCOMPARE(fixture.chart("reward").scene()->x_low, 0.0); // step 0 has no place
    }

    void alertsAreToldOnce() {
        Fixture fixture;
        fixture.write({.name = "a"});
        fixture.open();
        fixture.page().setAlerts({{.series = QStringLiteral("rollout.reward_mean"),
                                   .test = AlertRule::Test::Above,
                                   .value = 0.5,
                                   .steps = 3}});
        fixture.write({.name = "b"});
        const Notices& notices = fixture.desktop.context().notices;
        const auto told = [&](const QString& words) {
            return std::count_if(notices.all().begin(), notices.all().end(),
                                 [&](const Notice& notice) { return notice.text.contains(words); });
        };
        QTRY_COMPARE(told(QStringLiteral("b: rollout.reward_mean above 0.5 for 3 steps from step 51 on")), 1);
        fixture.settle();
        QTRY_VERIFY(std::any_of(fixture.chart("reward").scene()->references.begin(),
                                fixture.chart("reward").scene()->references.end(),
                                [](const ReferenceLine& line) { return line.alert; }));
    }

    void editsReachTheFile() {
        Fixture fixture;
        fixture.write({.name = "a"});
        fixture.open();
        const qint64 id = fixture.page().feed().runs()->front().id;
        fixture.page().feed().edit([id](RunEditor& editor) { editor.setTags(id, {"for report"}); });
        QTRY_COMPARE(fixture.page().feed().run(id)->tags, QStringList(QStringLiteral("for report")));
        QCOMPARE(RunReader(fixture.file).run(id).tags, std::vector<std::string>{"for report"});
        fixture.page().filter().setFilter(QStringLiteral("tag = \"for report\""));
        QCOMPARE(fixture.page().board().matching().size(), std::size_t(1));
        QSignalSpy failed(&fixture.page().feed(), &RunFeed::failed);
        fixture.page().feed().edit([](RunEditor& editor) { editor.setName(999, "x"); });
        QTRY_COMPARE(failed.count(), 1);
    }

    void whatIsDrawnIsExported() {
        Fixture fixture;
        fixture.write({.name = "a"});
        fixture.open();
        CurveChart& chart = fixture.chart("reward");
        const QStringList lines = twinAsCsv(chart.table()).split(u'\n');
        QCOMPARE(lines[0], QStringLiteral("step,a smooth,a raw,a least,a most"));
        QVERIFY2(lines[51].startsWith(QStringLiteral("50,")) && lines[51].contains(QStringLiteral(",0.5")),
                 qPrintable(lines[51]));
        const QByteArray svg = chart.svg();
        QVERIFY(svg.contains("<polyline"));
        QVERIFY(svg.size() < 60000);
        const QImage picture = chart.picture(1);
        QCOMPARE(picture.size(), chart.size());
    }

    void chartsAreUsedFromTheKeyboard() {
        Fixture fixture;
        fixture.write({.name = "a"});
        fixture.open();
        ChartGrid& grid = fixture.page().grid();
        CurveChart& chart = fixture.chart("reward");
        chart.setFocus();
        QTest::keyClick(&chart, Qt::Key_Left);
        QCOMPARE(grid.link().cursor(), std::optional(98.0));
        QTest::keyClick(&chart, Qt::Key_Space);
        QCOMPARE(grid.link().pins(), std::vector<double>{98.0});
        QTest::keyClick(&chart, Qt::Key_Plus);
        QVERIFY(grid.link().zoomed());
        QTRY_COMPARE(fixture.chart("grad_norm").range().width(), chart.range().width()); // zoom is shared
        QTest::keyClick(&chart, Qt::Key_F);
        QVERIFY(!grid.link().zoomed());
        QTest::keyClick(&chart, Qt::Key_Return);
        QCOMPARE(grid.enlarged(), QStringLiteral("reward"));
        QTest::keyClick(&chart, Qt::Key_Escape); // the pin first
        QTest::keyClick(&chart, Qt::Key_Escape);
        QVERIFY(grid.enlarged().isEmpty());
        QTest::keyClick(&chart, Qt::Key_2);
        QCOMPARE(grid.current()->spec().id, grid.chartIds()[1]);
    }
};

QTEST_MAIN(TestTrainPage)
#include "test_train_page.moc"
