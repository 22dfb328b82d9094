// SPDX-License-Identifier: Apache-2.0
// Which numbers each of the plots shows.
#include "core/retrieval/result_figures.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace fulgurite::retrieval {

namespace {

constexpr std::size_t kMost = 32;                 // documents that are judged
constexpr std::size_t kAbsoluteItems = 10;        // n of the absolute plots
constexpr std::size_t kHistogramMore = 20;        // documents beyond n: 30 for n = 10, as in the paper
constexpr std::size_t kItems[] = {5, 10, 15, 20}; // n of the relative plots

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

    std::size_t absoluteItems() const {
        const bool published = std::find(items_.begin(), items_.end(), kAbsoluteItems) != items_.end();
        return published ? kAbsoluteItems : items_.back();
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
        FigurePanel panel{fmt::format("n = {}", n), {}, {}};
        for (std::size_t k = n; k <= std::min(n + 10, kMost); k += 5) {
            panel.ticks.push_back(std::to_string(k));
        }
        for (const std::string& strategy : present(strategies, n)) {
            FigureSeries series{strategy, {}};
            for (std::size_t k = n; k <= std::min(n + 10, kMost); k += 5) {
                series.values.push_back(file_.values(strategy, n, k, metric));
            }
            panel.series.push_back(std::move(series));
        }
        add({name, title, values, Figure::Kind::Boxes, {std::move(panel)}, "k"});
    }

    // How many queries found how many of n.
    void histogram(const char* name, const char* title, Metric metric, const std::vector<std::string>& strategies) {
        const std::size_t n = absoluteItems();
        const std::size_t k = std::min(n + kHistogramMore, kMost);
        FigurePanel panel{fmt::format("n = {}, k = {}", n, k), {}, {}};
        for (std::size_t hits = 0; hits <= n; ++hits) {
            panel.ticks.push_back(std::to_string(hits));
        }
        for (const std::string& strategy : present(strategies, n)) {
            std::vector<std::vector<double>> counts(n + 1, std::vector<double>{0.0});
            for (const double ratio : file_.values(strategy, n, k, metric)) {
                const auto hits = static_cast<std::size_t>(std::lround(ratio * static_cast<double>(n)));
                ++counts[std::min(hits, n)][0];
            }
            panel.series.push_back({strategy, std::move(counts)});
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
            for (std::size_t k = n; k <= std::min(n + 10, kMost); k += step) {
                panel.ticks.push_back(std::to_string(k));
            }
            for (const std::string& strategy : present(strategies, n)) {
                FigureSeries series{strategy, {}};
                for (std::size_t k = n; k <= std::min(n + 10, kMost); k += step) {
                    series.values.push_back(gains(strategy, n, k));
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

std::string figuresCsv(const std::vector<Figure>& figures) {
    std::string csv = "figure,panel,tick,strategy,queries,mean,low,first quartile,median,third quartile,high\n";
    for (const Figure& figure : figures) {
        for (const FigurePanel& panel : figure.panels) {
            for (const FigureSeries& series : panel.series) {
                for (std::size_t i = 0; i < series.values.size(); ++i) {
                    const BoxStatistics box = boxOf(series.values[i]);
                    csv +=
                        fmt::format("{},\"{}\",{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g}\n", figure.name,
                                    panel.title, panel.ticks[i], series.strategy, series.values[i].size(), box.mean,
                                    box.low, box.first, box.median, box.third, box.high);
                }
            }
        }
    }
    return csv;
}

} // namespace fulgurite::retrieval
