// SPDX-License-Identifier: Apache-2.0
// Which numbers each of the plots shows.
#include "core/retrieval/results/result_figures.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace fulgurite::retrieval {

namespace {

constexpr std::size_t kAbsoluteItems = 10;        // n of the absolute plots
constexpr std::size_t kHistogramMore = 20;        // documents beyond n: 30 for n = 10, as in the paper
constexpr std::size_t kItems[] = {5, 10, 15, 20}; // n of the relative plots
constexpr std::size_t kResamples = 2000;
constexpr std::uint64_t kSeed = 1;

// A step of 1, 2 or 5 times a power of ten that gives at most seven lines.
double niceStep(double span) {
    const double rough = span / 6;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= rough) {
            return factor * power;
        }
    }
    return 10 * power;
}

FigureMark markOf(const std::vector<double>& values) {
    return {values.size(), boxOf(values), bootstrap(values, kResamples, kSeed)};
}

// How many of the queries are ones.
FigureMark countOf(const std::vector<double>& ones) {
    const auto queries = static_cast<double>(ones.size());
    Interval count = bootstrap(ones, kResamples, kSeed);
    for (double* each : {&count.mean, &count.low, &count.high}) {
        *each *= queries;
    }
    return {ones.size(), boxOf({count.mean}), count};
}

class Figures {
  public:
    explicit Figures(const ResultFile& file) : file_(file) {
        for (const std::string& strategy : file.strategies()) {
            for (const std::size_t n : file.items(strategy)) {
                if (std::find(items_.begin(), items_.end(), n) == items_.end()) {
                    items_.push_back(n);
                }
            }
        }
        std::sort(items_.begin(), items_.end());
    }

    std::vector<Figure> all() {
        if (items_.empty()) {
            return {};
        }
        const std::vector<std::string> main{"mrag", "standard"};
        absolute("absolute-success", "Documents found", "success ratio", Metric::SuccessRatio, main);
        absolute("absolute-categories", "Categories found", "category success ratio", Metric::CategorySuccessRatio,
                 main);
        histogram("histogram-success", "Documents found, by query", Metric::SuccessRatio, main);
        histogram("histogram-categories", "Categories found, by query", Metric::CategorySuccessRatio, main);
        using enum Figure::Kind;
        relative("relative-boxes", "MRAG over the standard vector", Boxes, 5, {"mrag"});
        relative("baselines-low-cost", "Without a language model", Boxes, 5, {"mrag", "split"});
        relative("baselines-high-cost", "With prompts of a language model", Boxes, 5, {"fusion-mrag", "fusion"});
        relative("relative-lines", "MRAG and pieces of the standard vector", Lines, 2, {"mrag", "split"});
        relative("voting-lines", "Ways to vote, heads", Lines, 2, {"mrag", "mrag-decay", "mrag-distance"});
        relative("split-voting-lines", "Ways to vote, pieces", Lines, 2, {"split", "split-weighted"});
        return std::move(figures_);
    }

  private:
    bool has(const std::string& strategy, std::size_t n) const {
        const std::vector<std::size_t> items = file_.items(strategy);
        return std::find(items.begin(), items.end(), n) != items.end();
    }

    std::vector<std::string> present(const std::vector<std::string>& wanted, std::size_t n) const {
        std::vector<std::string> strategies;
        std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(strategies),
                     [&](const std::string& strategy) { return has(strategy, n); });
        return strategies;
    }

    // The published numbers of aspects, or all where an evaluation has none of those.
    std::vector<std::size_t> relativeItems() const {
        std::vector<std::size_t> chosen;
        std::copy_if(items_.begin(), items_.end(), std::back_inserter(chosen), [](std::size_t n) {
            return std::find(std::begin(kItems), std::end(kItems), n) != std::end(kItems);
        });
        return chosen.empty() ? items_ : chosen;
    }

    // The published number of aspects, or the largest of which all can be found; 0: there is none.
    std::size_t absoluteItems() const {
        if (std::find(items_.begin(), items_.end(), kAbsoluteItems) != items_.end()) {
            return kAbsoluteItems;
        }
        const auto above = std::upper_bound(items_.begin(), items_.end(), kMostJudged);
        return above == items_.begin() ? 0 : *(above - 1);
    }

    void add(Figure figure) {
        std::erase_if(figure.panels,
                      [](const FigurePanel& panel) { return panel.series.empty() || panel.ticks.empty(); });
        if (!figure.panels.empty()) {
            figures_.push_back(std::move(figure));
        }
    }

    void absolute(const char* name, const char* title, const char* values, Metric metric,
                  const std::vector<std::string>& strategies) {
        const std::size_t n = absoluteItems();
        if (n == 0) {
            return;
        }
        FigurePanel panel{fmt::format("n = {}", n), {}, {}};
        for (std::size_t k = n; k <= std::min(n + 10, kMostJudged); k += 5) {
            panel.ticks.push_back(std::to_string(k));
        }
        for (const std::string& strategy : present(strategies, n)) {
            FigureSeries series{strategy, {}, {}};
            for (std::size_t k = n; k <= std::min(n + 10, kMostJudged); k += 5) {
                series.values.push_back(file_.values(strategy, n, k, metric));
                series.marks.push_back(markOf(series.values.back()));
            }
            panel.series.push_back(std::move(series));
        }
        add({name, title, values, Figure::Kind::Boxes, {std::move(panel)}, "k"});
    }

    // How many queries found how many of n.
    void histogram(const char* name, const char* title, Metric metric, const std::vector<std::string>& strategies) {
        const std::size_t n = absoluteItems();
        if (n == 0) {
            return;
        }
        const std::size_t k = std::min(n + kHistogramMore, kMostJudged);
        FigurePanel panel{fmt::format("n = {}, k = {}", n, k), {}, {}};
        for (std::size_t hits = 0; hits <= n; ++hits) {
            panel.ticks.push_back(std::to_string(hits));
        }
        for (const std::string& strategy : present(strategies, n)) {
            const std::vector<double>& ratios = file_.values(strategy, n, k, metric);
            FigureSeries series{strategy, {}, {}};
            for (std::size_t hits = 0; hits <= n; ++hits) {
                std::vector<double> ones;
                std::transform(ratios.begin(), ratios.end(), std::back_inserter(ones), [=](double ratio) {
                    return std::lround(ratio * static_cast<double>(n)) == static_cast<long>(hits) ? 1.0 : 0.0;
                });
                series.marks.push_back(countOf(ones));
                series.values.push_back({std::accumulate(ones.begin(), ones.end(), 0.0)});
            }
            panel.series.push_back(std::move(series));
        }
        add({name, title, "queries", Figure::Kind::Bars, {std::move(panel)}, "found"});
    }

    // Gains of the weighted ratio over the standard vector, paired by query.
    void relative(const char* name, const char* title, Figure::Kind kind, std::size_t step,
                  const std::vector<std::string>& strategies) {
        Figure figure{name, title, "gain of the weighted ratio", kind, {}, "k"};
        for (const std::size_t n : relativeItems()) {
            if (!has("standard", n)) {
                continue;
            }
            FigurePanel panel{fmt::format("n = {}", n), {}, {}};
            for (std::size_t k = n; k <= std::min(n + 10, kMostJudged); k += step) {
                panel.ticks.push_back(std::to_string(k));
            }
            for (const std::string& strategy : present(strategies, n)) {
                FigureSeries series{strategy, {}, {}};
                for (std::size_t k = n; k <= std::min(n + 10, kMostJudged); k += step) {
                    series.values.push_back(gains(strategy, n, k));
                    series.marks.push_back(markOf(series.values.back()));
                }
                panel.series.push_back(std::move(series));
            }
            figure.panels.push_back(std::move(panel));
        }
        add(std::move(figure));
    }

    std::vector<double> gains(const std::string& strategy, std::size_t n, std::size_t k) const {
        std::vector<double> gains = file_.values(strategy, n, k, Metric::Weighted);
        const std::vector<double>& standard = file_.values("standard", n, k, Metric::Weighted);
        gains.resize(std::min(gains.size(), standard.size()));
        for (std::size_t i = 0; i < gains.size(); ++i) {
            gains[i] -= standard[i];
        }
        return gains;
    }

    const ResultFile& file_;
    std::vector<std::size_t> items_;
    std::vector<Figure> figures_;
};

double quantile(const std::vector<double>& sorted, double share) {
    const double at = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

} // namespace

std::vector<Figure> resultFigures(const ResultFile& file) {
    return Figures(file).all();
}

BoxStatistics boxOf(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    BoxStatistics box;
    const auto count = static_cast<double>(values.size());
    box.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    box.first = quantile(values, 0.25);
    box.median = quantile(values, 0.5);
    box.third = quantile(values, 0.75);
    const double reach = 1.5 * (box.third - box.first);
    box.low = *std::lower_bound(values.begin(), values.end(), box.first - reach);
    box.high = *(std::upper_bound(values.begin(), values.end(), box.third + reach) - 1);
    box.notch = 1.57 * (box.third - box.first) / std::sqrt(count);
    return box;
}

FigureRange rangeOf(const Figure& figure) {
    FigureRange range{0, 0, 1};
    const auto cover = [&range](double low, double high) {
        range.low = std::min(range.low, low);
        range.high = std::max(range.high, high);
    };
    for (const FigurePanel& panel : figure.panels) {
        for (const FigureSeries& series : panel.series) {
            for (const FigureMark& mark : series.marks) {
                cover(mark.mean.low, mark.mean.high);
                if (figure.kind == Figure::Kind::Boxes) {
                    cover(mark.box.low, mark.box.high);
                }
            }
        }
    }
    if (range.high - range.low < 1e-9) {
        range.high = range.low + 1;
    }
    range.step = niceStep(range.high - range.low);
    range.low = std::floor(range.low / range.step + 1e-9) * range.step;
    range.high = std::ceil(range.high / range.step - 1e-9) * range.step;
    return range;
}

std::string figuresCsv(const std::vector<Figure>& figures) {
    std::string csv = "figure,panel,tick,strategy,queries,mean,mean low,mean high,low,first quartile,median,third "
                      "quartile,high\n";
    for (const Figure& figure : figures) {
        for (const FigurePanel& panel : figure.panels) {
            for (const FigureSeries& series : panel.series) {
                for (std::size_t i = 0; i < series.marks.size(); ++i) {
                    const auto& [queries, box, mean] = series.marks[i];
                    csv +=
                        fmt::format("{},\"{}\",{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g}\n",
                                    figure.name, panel.title, panel.ticks[i], series.strategy, queries, mean.mean,
                                    mean.low, mean.high, box.low, box.first, box.median, box.third, box.high);
                }
            }
        }
    }
    return csv;
}

} // namespace fulgurite::retrieval
