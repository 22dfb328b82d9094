// SPDX-License-Identifier: GPL-3.0-or-later
// What the charts of the Train page draw of which points: no spike is lost, in groups, crowds and quantiles, and
// what a configuration says does not hide what was logged.
#include "ui/train/group_curves.h"
#include "ui/train/rollout_panel.h"
#include "ui/train/scene_source.h"
#include "ui/train/train_jobs.h"

#include <QTest>

#include <algorithm>
#include <cmath>

using namespace fulgurite;

namespace {

CurveRef curveOf(const std::vector<double>& values) {
    auto curve = std::make_shared<RunCurve>();
    auto steps = std::make_shared<std::vector<qint64>>();
    for (std::size_t i = 0; i < values.size(); ++i) {
        steps->push_back(static_cast<qint64>(i));
    }
    curve->steps = std::move(steps);
    curve->values = values;
    return curve;
}

// A hundred buckets of 2,441 points of 1, of which one at `at` is `spike`.
CurveRef bucketsOf(std::size_t at, double spike) {
    std::vector<double> means(100, 1);
    auto curve = std::make_shared<RunCurve>(*curveOf(means));
    curve->least = curve->most = means;
    curve->broken.assign(100, false);
    curve->bucket = 2441;
    curve->values[at] = 1 + (spike - 1) / 2441;
    curve->most[at] = spike;
    return curve;
}

const ChartSpec& chart(const char* id) {
    const std::vector<ChartSpec>& all = standardCharts();
    return *std::find_if(all.begin(), all.end(),
                         [id](const ChartSpec& spec) { return spec.id == QLatin1String(id); });
}

GroupInput groupOf(const std::vector<CurveRef>& curves, bool single = false) {
    GroupInput group{.label = QStringLiteral("g"), .look = 0, .single = single, .lines = {}};
    for (const CurveRef& curve : curves) {
        group.lines.push_back(
            {.run = static_cast<qint64>(group.lines.size()) + 1, .label = {}, .curve = curve, .clock = nullptr});
    }
    return group;
}

double most(const Values& values) {
    return values.empty() ? -INFINITY : *std::max_element(values.begin(), values.end());
}

// One run with this configuration and one series, as a chart of it takes them.
SceneSource sourceOf(const ChartSpec& spec, const QMap<QString, QString>& config, const CurveRef& curve) {
    RunInfo run;
    run.id = 1;
    run.config = config;
    SceneSource source;
    source.spec = spec;
    source.series = QStringList(spec.series.last());
    source.groups = std::make_shared<const std::vector<RunGroup>>(
        1, RunGroup{.key = {}, .label = {}, .look = 0, .single = true, .runs = {1}});
    source.runs = {.list = std::make_shared<const std::vector<RunInfo>>(1, run), .places = {{1, 0}}};
    source.curves = {RunCurves{{1, curve}}};
    return source;
}

} // namespace

class TestTrainScenes : public QObject {
    Q_OBJECT

  private slots:
    void aGroupsRangeTakesInWhatLiesBetween() {
        const std::vector<double> x{0, 1, 2, 3, 4};
        const std::vector<double> y{1, 1, 9, 1, 1};
        const std::vector<double> mean{1, 1, 2, 1, 1};
        const std::vector<double> low{1, 1, -5, 1, 1};
        const std::vector<double> high{1, 1, 90, 1, 1};
        const std::vector<double> places{0, 2.5, 4};
        const GroupCurve points = groupCurves(std::vector<MemberCurve>{{x, y}}, places);
        QCOMPARE(points.mean, (std::vector<double>{1, 5, 1})); // the line between 9 and 1
        QCOMPARE(points.most, (std::vector<double>{1, 9, 1}));
        QCOMPARE(points.mean_most, (std::vector<double>{1, 9, 1}));
        const std::vector<MemberCurve> both{{x, mean, low, high}, {x, y}};
        const GroupCurve buckets = groupCurves(both, x);
        QCOMPARE(buckets.most[2], 90.0);
        QCOMPARE(buckets.least[2], -5.0);
        QCOMPARE(buckets.mean[2], 5.5);
        QCOMPARE(buckets.mean_most[2], (90 + 9) / 2.0);
    }

    void aSpikeInBucketsOfAGroupIsInItsBandAndItsTable() {
        SceneInput input;
        input.spec = chart("grad_norm");
        input.spec.log_y = false;
        input.settings.members = false;
        input.series = {{.name = {},
                         .label = {},
                         .groups = {groupOf({bucketsOf(20, 1e4), bucketsOf(40, 1e4), bucketsOf(60, 1)})}}};
        SceneRef scene = buildScene(input);
        QCOMPARE(scene->bands.size(), std::size_t(1));
        QCOMPARE(most(scene->bands[0].high), 1e4);
        QCOMPARE(most(scene->rows[0].most), 1e4);
        QVERIFY(scene->yRange(0, 99).second > 9000);
        // Of the others the band is that of smooth lines; the raw line behind them shows it.
        input.spec = chart("entropy");
        scene = buildScene(input);
        double raw = 0;
        for (const SceneCurve& curve : scene->curves) {
            raw = std::max(raw, curve.stroke == Stroke::Raw ? most(curve.most) : 0);
        }
        QVERIFY(raw > 3000);
    }

    void aCrowdHasItsRawPointsInOneBand() {
        SceneInput input;
        input.spec = chart("entropy");
        SeriesInput series;
        for (int i = 0; i < 201; ++i) {
            std::vector<double> values(50, 1);
            values[25] = i == 100 ? 90 : 1;
            series.groups.push_back(groupOf({curveOf(values)}, true));
        }
        input.series = {series};
        const SceneRef scene = buildScene(input);
        QCOMPARE(scene->curves.size(), std::size_t(201)); // the smooth ones
        QCOMPARE(scene->bands.size(), std::size_t(1));
        QCOMPARE(most(scene->bands[0].high), 90.0);
        input.series[0].groups.resize(10);
        QVERIFY(buildScene(input)->bands.empty()); // few have their raw lines
    }

    void theLargestRatioKeepsItsRawLineAndColumn() {
        std::vector<double> largest(40, 1.5);
        largest[20] = 40;
        SceneInput input;
        input.spec = chart("ratio");
        for (const QString& label : input.spec.labels) {
            const bool is_most = label == QLatin1String("max");
            input.series.push_back(
                {.name = {},
                 .label = label,
                 .groups = {groupOf({curveOf(is_most ? largest : std::vector<double>(40, 1.0))}, true)}});
        }
        const SceneRef scene = buildScene(input);
        const auto row = std::find_if(scene->rows.begin(), scene->rows.end(),
                                      [](const SceneRow& each) { return each.label == QLatin1String("max"); });
        QCOMPARE(row->raw[20], 40.0);
        QVERIFY(row->smooth[20] < 30);
        const auto raw = std::find_if(scene->curves.begin(), scene->curves.end(), [](const SceneCurve& each) {
            return each.stroke == Stroke::Raw && each.label == QLatin1String("max");
        });
        QVERIFY(raw != scene->curves.end());
        QVERIFY(std::abs(raw->y[20] - std::log10(40)) < 1e-12);
        QCOMPARE(scene->bands.size(), std::size_t(2));
    }

    void whatWasLoggedIsDrawnWhateverTheConfigurationSays() {
        const QMap<QString, QString> once{{QStringLiteral("num_iterations"), QStringLiteral("1")}};
        const ChartSpec& spec = chart("capped");
        // Steps per generation above the accumulation: TRL makes several updates with one iteration.
        SceneRef scene = buildScene(inputOf(sourceOf(spec, once, curveOf({0, 0.03, 0.02}))));
        QVERIFY(!scene->curves.empty());
        scene = buildScene(inputOf(sourceOf(spec, once, curveOf({0, 0, 0}))));
        QVERIFY(scene->curves.empty());
        QVERIFY2(scene->missing.startsWith(QStringLiteral("n/a")), qPrintable(scene->missing));
        scene = buildScene(inputOf(sourceOf(chart("ratio"), once, curveOf({1, 1, 1}))));
        QVERIFY(scene->missing.startsWith(QStringLiteral("n/a")));
    }

    void updatesAreCountedAsEachTrainerDoes() {
        const auto updates = [](const QMap<QString, QString>& config) {
            RunInfo run;
            run.config = config;
            return updatesPerBatch(run);
        };
        QCOMPARE(updates({{"updates", "4"}}), std::optional(4.0));
        QCOMPARE(updates({{"num_iterations", "1"}}), std::optional(1.0));
        QCOMPARE(
            updates({{"num_iterations", "2"}, {"steps_per_generation", "8"}, {"gradient_accumulation_steps", "4"}}),
            std::optional(4.0));
        QCOMPARE(updates({{"actor_rollout_ref.actor.ppo_epochs", "1"},
                          {"data.train_batch_size", "512"},
                          {"actor_rollout_ref.actor.ppo_mini_batch_size", "32"}}),
                 std::optional(16.0)); // DAPO's own recipe
        QCOMPARE(updates({}), std::optional<double>());
    }

    void theRolloutPanelSaysWhatTheRunsRuleDid() {
        Answer answer;
        answer.advantage = 1;
        answer.tokens.resize(2);
        answer.tokens[0].ratio = 9.4;
        answer.tokens[0].weight = 5;
        answer.tokens[0].capped = true;
        answer.tokens[1].ratio = answer.tokens[1].weight = 1.1;
        RuleSettings rules;
        QCOMPARE(RolloutPanel::boundText(answer, QStringLiteral("cispo"), rules),
                 QStringLiteral("1 capped, kept at weight 5; DAPO would mask 1 of 2"));
        answer.tokens[0].weight = 0; // as DAPO's and GRPO's masks leave it
        QCOMPARE(RolloutPanel::boundText(answer, QStringLiteral("dapo"), rules),
                 QStringLiteral("1 of 2 masked: no gradient from them; CISPO would keep them"));
        rules.cispo_floor = 0.5;
        answer.tokens[0].ratio = 0.1;
        answer.tokens[0].weight = 0.5;
        QVERIFY(RolloutPanel::boundText(answer, QStringLiteral("cispo"), rules)
                    .startsWith(QStringLiteral("0 capped, kept at weight 5, 1 raised to weight 0.5; DAPO")));
    }

    void configurationsMayHaveComments() {
        QString problem;
        const auto config = readTrainConfig(QStringLiteral("// mine\n{\"steps\": 3 /* few */}"), problem);
        QVERIFY(config);
        QCOMPARE(config->value(QStringLiteral("steps")).toInt(), 3);
        QVERIFY(!readTrainConfig(QStringLiteral("{\"steps\": }"), problem));
        QVERIFY2(problem.contains(QStringLiteral("at character")), qPrintable(problem));
        QVERIFY(!readTrainConfig(QStringLiteral("[1]"), problem));
        for (const QString& hostile :
             {QStringLiteral("{\"learning_rate\": {\"peak\": 1e999}}"),
              QStringLiteral("{\"a\": ") + QString(100'000, u'[') + QString(100'000, u']') + u'}'}) {
            problem.clear();
            QVERIFY(!readTrainConfig(hostile, problem));
            QVERIFY2(problem.contains(QStringLiteral("cannot be read")), qPrintable(problem.left(200)));
        }
    }

    // Two tasks are two lines, and a run that logged another of the alternatives is not left out.
    void everyTaskAndEveryRunHasItsAccuracy() {
        const auto run = [](const QStringList& names) {
            RunInfo info;
            std::vector<SeriesInfo> series;
            for (const QString& name : names) {
                series.emplace_back().canonical = name;
            }
            info.series = std::make_shared<const std::vector<SeriesInfo>>(std::move(series));
            return info;
        };
        const QString addition = QStringLiteral("eval.addition.mean@4");
        const QString sorting = QStringLiteral("eval.sorting.mean@4");
        const QString greedy = QStringLiteral("eval.addition.greedy");
        const RunInfo two = run({addition, greedy, sorting});
        const RunInfo old = run({greedy});
        const QStringList names{greedy, addition, sorting};
        QCOMPARE(chosenSeries(chart("accuracy"), names), (QStringList{addition, sorting}));
        QCOMPARE(chosenSeries(chart("accuracy"), names, {&two}), (QStringList{addition, sorting}));
        QCOMPARE(chosenSeries(chart("accuracy"), names, {&two, &old}), (QStringList{addition, sorting, greedy}));
        // Each is told by its task.
        SceneSource source = sourceOf(chart("accuracy"), {}, curveOf({0.1, 0.2}));
        source.series = {addition, sorting};
        source.curves = {RunCurves{{1, curveOf({0.1, 0.2})}}, RunCurves{{1, curveOf({0.3, 0.4})}}};
        const SceneRef scene = buildScene(inputOf(source));
        QStringList told;
        for (const SceneRow& row : scene->rows) {
            told << row.series;
        }
        QCOMPARE(told, (QStringList{QStringLiteral("addition"), QStringLiteral("sorting")}));
    }
};

QTEST_GUILESS_MAIN(TestTrainScenes)
#include "test_train_scenes.moc"
