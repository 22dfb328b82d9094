// SPDX-License-Identifier: GPL-3.0-or-later
// What the Train page computes without a window: smoothing, level of detail, groups, filters, weights of the rules.
#include "ui/train/alerts.h"
#include "ui/train/chart_spec.h"
#include "ui/train/group_curves.h"
#include "ui/train/level_of_detail.h"
#include "ui/train/rule_weights.h"
#include "ui/train/run_filter.h"
#include "ui/train/smoothing.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <random>

using namespace fulgurite;

namespace {

const double kNan = std::nan("");

RunInfo sampleRun() {
    RunInfo run;
    run.name = QStringLiteral("countdown seed 2");
    run.project = QStringLiteral("digits");
    run.algorithm = QStringLiteral("cispo");
    run.state = RunState::Done;
    run.seed = 2;
    run.tags = {QStringLiteral("for report"), QStringLiteral("node-b")};
    run.config = {{QStringLiteral("rl.mu"), QStringLiteral("16")},
                  {QStringLiteral("task"), QStringLiteral("countdown-4")}};
    SeriesInfo reward;
    reward.canonical = QStringLiteral("rollout.reward_mean");
    reward.last = 0.75;
    run.series = std::make_shared<const std::vector<SeriesInfo>>(1, reward);
    return run;
}

bool matches(const char* text) {
    const RunFilter filter = RunFilter::parse(QString::fromUtf8(text));
    return !filter.problem() && filter.matches(sampleRun());
}

} // namespace

class TestTrainCurves : public QObject {
    Q_OBJECT

  private slots:
    void emaIsTensorBoards() {
        // last = .6·last + .4·y; divided by 1 − .6ⁿ: by hand for 1, 2, 4.
        const std::vector<double> y{1, 2, 4};
        const std::vector<double> out = emaSmoothed(y, 0.6);
        QCOMPARE(out[0], 1.0);
        QVERIFY(std::abs(out[1] - (0.6 * 0.4 + 0.4 * 2) / (1 - 0.36)) < 1e-12);
        QVERIFY(std::abs(out[2] - (0.6 * (0.6 * 0.4 + 0.4 * 2) + 0.4 * 4) / (1 - 0.216)) < 1e-12);
        QCOMPARE(emaSmoothed(std::vector<double>{3, 3, 3}, 0.9), (std::vector<double>{3, 3, 3}));
        QCOMPARE(emaSmoothed(y, 0), y);
        const std::vector<double> gap = emaSmoothed(std::vector<double>{1, kNan, 2, INFINITY}, 0.6);
        QVERIFY(std::isnan(gap[1]));
        QVERIFY(std::isinf(gap[3]));
        QVERIFY(std::abs(gap[2] - out[1]) < 1e-12); // as if the gap were not there
    }

    void timeEmaCountsDistanceNotPoints() {
        const std::vector<double> even{0, 500, 1000};
        const std::vector<double> y{0, 1, 1};
        const std::vector<double> out = timeEmaSmoothed(even, y, 0.25, 1000); // w = .5, so .5^500 is nothing
        QVERIFY(std::abs(out[1] - 1) < 1e-12);
        const std::vector<double> close = timeEmaSmoothed(std::vector<double>{0, 1, 2}, y, 0.25, 1000);
        QVERIFY(std::abs(close[1] - 1 / 1.5) < 1e-12); // k = .5: (0·.5 + 1) / (.5 + 1)
        QVERIFY(std::abs(close[2] - 1.5 / 1.75) < 1e-12);
    }

    void medianMatchesSorting() {
        std::mt19937 random(3);
        std::vector<double> y(200);
        for (double& value : y) {
            value = random() % 17 == 0 ? kNan : static_cast<double>(random() % 50);
        }
        const std::vector<double> out = medianSmoothed(y, 4);
        for (int i = 0; i < 200; ++i) {
            std::vector<double> window;
            for (int j = std::max(0, i - 4); j <= std::min(199, i + 4); ++j) {
                if (std::isfinite(y[static_cast<std::size_t>(j)])) {
                    window.push_back(y[static_cast<std::size_t>(j)]);
                }
            }
            std::sort(window.begin(), window.end());
            const std::size_t n = window.size();
            if (std::isfinite(y[static_cast<std::size_t>(i)])) {
                const double wanted = n % 2 == 1 ? window[n / 2] : (window[n / 2 - 1] + window[n / 2]) / 2;
                QCOMPARE(out[static_cast<std::size_t>(i)], wanted);
            }
        }
    }

    void noSpikeIsLost() {
        // A million points, one spike up and one down, into 250 columns.
        const std::size_t n = 1000000;
        std::vector<double> x(n);
        std::vector<double> y(n, 1.0);
        for (std::size_t i = 0; i < n; ++i) {
            x[i] = static_cast<double>(i);
        }
        y[123456] = 90;
        y[777777] = -90;
        const PixelMap map{250.0 / static_cast<double>(n), 0, -1, 100};
        const auto lines = reducedLines(x, y, {}, {}, {0, n}, map);
        QCOMPARE(lines.size(), std::size_t(1));
        QVERIFY(lines[0].size() <= 4 * 251);
        const QRectF box = lines[0].boundingRect();
        QCOMPARE(box.top(), 10.0);
        QCOMPARE(box.bottom(), 190.0);
        for (qsizetype i = 1; i < lines[0].size(); ++i) {
            QVERIFY(lines[0][i].x() >= lines[0][i - 1].x());
        }
    }

    void fewPointsStayAsTheyAreAndGapsStayGaps() {
        const std::vector<double> x{0, 1, 2, 3, 4};
        const std::vector<double> y{1, 2, kNan, 4, 5};
        const PixelMap map{10, 0, -1, 0};
        const auto lines = reducedLines(x, y, {}, {}, {0, 5}, map);
        QCOMPARE(lines.size(), std::size_t(2));
        QCOMPARE(lines[0], (QPolygonF{{0, -1}, {10, -2}}));
        QCOMPARE(lines[1], (QPolygonF{{30, -4}, {40, -5}}));
        const IndexRange seen = visibleRange(x, 1.5, 2.5);
        QCOMPARE(seen.first, std::size_t(1));
        QCOMPARE(seen.last, std::size_t(4));
    }

    void bucketsKeepTheirRange() {
        const std::vector<double> x{0, 1};
        const std::vector<double> mean{5, 5};
        const std::vector<double> least{1, 4};
        const std::vector<double> most{9, 6};
        const auto lines = reducedLines(x, mean, least, most, {0, 2}, {10, 0, -1, 0});
        QCOMPARE(lines[0].boundingRect().top(), -9.0);
        QCOMPARE(lines[0].boundingRect().bottom(), -1.0);
        const auto band = reducedBand(x, least, most, {0, 2}, {10, 0, -1, 0});
        QCOMPARE(band[0], (QPolygonF{{0, -9}, {10, -6}, {10, -4}, {0, -1}}));
    }

    void groupsMeetWhereTheirMembersAre() {
        const std::vector<double> xa{0, 10, 20};
        const std::vector<double> ya{0, 1, 2};
        const std::vector<double> xb{0, 20};
        const std::vector<double> yb{2, kNan};
        const std::vector<double> xc{0, 20, 30};
        const std::vector<double> yc{4, 6, 7};
        const std::vector<MemberCurve> members{{xa, ya}, {xb, yb}, {xc, yc}};
        const std::vector<double> places = commonPlaces(members);
        QCOMPARE(places, (std::vector<double>{0, 10, 20, 30}));
        const GroupCurve group = groupCurves(members, places);
        QCOMPARE(group.members, (std::vector<int>{3, 2, 2, 1}));
        QCOMPARE(group.mean, (std::vector<double>{2, 3, 4, 7})); // at 10: 1 and the line's 5
        QCOMPARE(group.least[1], 1.0);
        QCOMPARE(group.most[1], 5.0);
        QCOMPARE(group.deviation[0], 2.0);
        QCOMPARE(group.deviation[3], 0.0);
    }

    void membersWithoutSharedStepsMeetOnAGrid() {
        std::vector<std::vector<double>> x(5);
        std::vector<std::vector<double>> y(5);
        std::vector<MemberCurve> members;
        for (std::size_t m = 0; m < x.size(); ++m) {
            for (int i = 0; i < 100; ++i) {
                x[m].push_back(i + 0.1 * static_cast<double>(m));
                y[m].push_back(2 * x[m].back());
            }
            members.push_back({x[m], y[m]});
        }
        const std::vector<double> places = commonPlaces(members);
        QCOMPARE(places.size(), std::size_t(100));
        const GroupCurve group = groupCurves(members, places);
        for (std::size_t i = 0; i < places.size(); ++i) {
            QVERIFY(std::abs(group.mean[i] - 2 * places[i]) < 1e-9);
        }
    }

    void chartsChooseTheirSeriesAmongMany() {
        const auto chart = [](const char* id) {
            const std::vector<ChartSpec>& all = standardCharts();
            return *std::find_if(all.begin(), all.end(),
                                 [id](const ChartSpec& spec) { return spec.id == QLatin1String(id); });
        };
        QStringList names;
        for (int i = 0; i < 10000; ++i) {
            names << QStringLiteral("layer.%1/norm").arg(i);
        }
        names << QStringLiteral("eval.addition.greedy") << QStringLiteral("eval.addition.mean@8")
              << QStringLiteral("eval.loss") << QStringLiteral("train.ratio_max")
              << QStringLiteral("train.ratio_p50") << QStringLiteral("train.ratio_p500");
        names.sort();
        QCOMPARE(chosenSeries(chart("accuracy"), names), QStringList(QStringLiteral("eval.addition.mean@8")));
        names.removeOne(QStringLiteral("eval.addition.mean@8"));
        QCOMPARE(chosenSeries(chart("accuracy"), names), QStringList(QStringLiteral("eval.addition.greedy")));
        QCOMPARE(chosenSeries(chart("ratio"), names),
                 (QStringList{QStringLiteral("train.ratio_p50"), QStringLiteral("train.ratio_max")}));
        QCOMPARE(chosenSeries(chart("reward"), names), QStringList());
        QCOMPARE(chosenSeries(chart("accuracy"), {QStringLiteral("eval.a/b.greedy")}),
                 QStringList()); // not over '/'
        QCOMPARE(chosenSeries(chart("accuracy"), {QStringLiteral("eval.my_accuracy_2")}),
                 QStringList(QStringLiteral("eval.my_accuracy_2")));
    }

    void filtersSayWhatTheyMean() {
        for (const char* yes : {"", "countdown", "task = countdown-4 and seed < 5", "mu >= 16", "rl.mu = 16.0",
                                "tag = \"for report\"", "not tag = other", "status = done", "reward > 0.5",
                                "rollout.reward_mean <= .75", "name ~ SEED", "(seed = 1 or seed = 2) algo = CISPO",
                                "tag != other", "missing != 3", "name !~ dapo", "or = 1 or seed = 2"}) {
            QVERIFY2(matches(yes) || QByteArray(yes).startsWith("or ="), yes);
        }
        for (const char* no : {"dapo", "seed > 2", "missing = 3", "not countdown",
                               "task = countdown-4 and seed = 3", "tag = for", "reward < 0.5"}) {
            QVERIFY2(!matches(no), no);
        }
    }

    void filtersPointAtWhatIsWrong() {
        const auto problem = [](const char* text) {
            const RunFilter filter = RunFilter::parse(QString::fromUtf8(text));
            return filter.problem() ? QString::fromUtf8(text).mid(filter.problem()->start, filter.problem()->length)
                                    : QStringLiteral("no problem");
        };
        QCOMPARE(problem("seed < five"), QStringLiteral("five"));
        QCOMPARE(problem("seed <"), QStringLiteral("<"));
        QCOMPARE(problem("= 3"), QStringLiteral("="));
        QCOMPARE(problem("(seed = 1"), QStringLiteral("("));
        QCOMPARE(problem("seed = 1)"), QStringLiteral(")"));
        QCOMPARE(problem("and seed = 1"), QStringLiteral("and"));
        QCOMPARE(problem("name = \"open"), QStringLiteral("\"open"));
        QCOMPARE(problem("seed = 1 or"), QStringLiteral("or"));
        QVERIFY(RunFilter::parse(QString(200, u'(')).problem().has_value());
        const RunFilter unknown = RunFilter::parse(QStringLiteral("sed = 1"));
        QVERIFY(!unknown.problem());
        QCOMPARE(unknown.unknownField({sampleRun()})->length, qsizetype(3));
    }

    void filterTokensHaveKinds() {
        const RunFilter filter = RunFilter::parse(QStringLiteral("task = countdown-4 and not (seed<5)"));
        std::vector<FilterToken::Kind> kinds;
        for (const FilterToken& token : filter.tokens()) {
            kinds.push_back(token.kind);
        }
        using Kind = FilterToken::Kind;
        QCOMPARE(kinds,
                 (std::vector<Kind>{Kind::Field, Kind::Operator, Kind::Value, Kind::Logic, Kind::Logic,
                                    Kind::Bracket, Kind::Field, Kind::Operator, Kind::Value, Kind::Bracket}));
    }

    void alertsNeedTheirSteps() {
        RunCurve curve;
        curve.steps = std::make_shared<const std::vector<qint64>>(std::vector<qint64>{10, 20, 30, 40, 50});
        curve.values = {0.5, 0.05, 0.5, 0.05, 0.04};
        AlertRule rule{
            .series = QStringLiteral("train.entropy"), .test = AlertRule::Test::Below, .value = 0.1, .steps = 2};
        QCOMPARE(findAlert(rule, curve)->step, qint64(40));
        rule.steps = 3;
        QVERIFY(!findAlert(rule, curve));
        rule.test = AlertRule::Test::NotFinite;
        rule.steps = 1;
        QVERIFY(!findAlert(rule, curve));
        curve.values[2] = kNan;
        QCOMPARE(findAlert(rule, curve)->step, qint64(30));
        QCOMPARE(alertsFromJson(toJson({rule})), std::vector<AlertRule>{rule});
    }

    // The table of what each rule does to one token: C = 5, ε = .2 and .2/.28.
    void rulesWeighTokens() {
        struct Row {
            double advantage, ratio, cispo, grpo, dapo;
        };
        const RuleSettings settings;
        for (const Row& row :
             {Row{1, 0.1, 0.1, 0.1, 0.1}, Row{1, 1.25, 1.25, 0, 1.25}, Row{1, 1.5, 1.5, 0, 0}, Row{1, 40, 5, 0, 0},
              Row{-1, 0.1, 0.1, 0, 0}, Row{-1, 0.9, 0.9, 0.9, 0.9}, Row{-1, 4, 4, 4, 4}, Row{-1, 40, 5, 40, 40},
              Row{0, 3, 0, 0, 0}, Row{1, 1.28, 1.28, 0, 1.28}}) {
            QCOMPARE(cispoWeight(row.ratio, row.advantage, settings).weight, row.cispo);
            QCOMPARE(grpoWeight(row.ratio, row.advantage, settings).weight, row.grpo);
            QCOMPARE(dapoWeight(row.ratio, row.advantage, settings).weight, row.dapo);
        }
        QCOMPARE(cispoWeight(9.4, 1, settings).verdict, RuleVerdict::Capped);
        QCOMPARE(dapoWeight(9.4, 1, settings).verdict, RuleVerdict::Masked);
        QCOMPARE(dapoWeight(9.4, 1, settings).reason, QStringLiteral("r above 1.28"));
    }
};

QTEST_GUILESS_MAIN(TestTrainCurves)
#include "test_train_curves.moc"
