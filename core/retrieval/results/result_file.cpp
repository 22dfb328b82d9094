// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/results/result_file.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/retrieval/results/strategy.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace fulgurite::retrieval {

namespace {

// In the order of Metric.
struct Measure {
    const char* name;
    const char* published;
};
constexpr std::array<Measure, 4> kMeasures{{{"success_ratio", "rat"},
                                            {"success", "suc"},
                                            {"category_success_ratio", "category_rat"},
                                            {"category_success", "category_suc"}}};

std::vector<std::vector<double>> matrixOf(const JsonField& field) {
    std::vector<std::vector<double>> matrix(field.size());
    for (std::size_t row = 0; row < matrix.size(); ++row) {
        const JsonField values = field.at(row);
        for (std::size_t i = 0; i < values.size(); ++i) {
            matrix[row].push_back(values.at(i).number());
            values.at(i).expect(matrix[row][i] >= 0 && matrix[row][i] <= 1, "a share from 0 to 1");
        }
        values.expect(!matrix[row].empty() && matrix[row].size() == matrix[0].size(),
                      "a value for each query, in every row for as many");
    }
    field.expect(!matrix.empty(), "a row for each number of documents");
    return matrix;
}

std::size_t numberOf(const std::string& text, const JsonField& where) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    where.expect(error == std::errc() && end == text.data() + text.size() && number > 0,
                 "numbers of aspects as keys");
    return number;
}

} // namespace

ResultFile ResultFile::read(const std::filesystem::path& path) {
    return parse(readTextFile(path, kLargestResultFile), path.string());
}

ResultFile ResultFile::parse(std::string_view json, const std::string& name) {
    const nlohmann::json value = parseJson(json, name);
    const JsonField root(value, name);
    root.expect(value.is_object(), "an object of strategies");
    ResultFile file;
    file.name_ = name;
    for (const auto& [strategy, by_items] : value.items()) {
        const JsonField of_strategy = root.at(strategy);
        auto& of_items = file.matrices_[strategyOf(strategy).name];
        of_strategy.expect(by_items.is_object(), "an object by number of aspects");
        for (const auto& [items, measures] : by_items.items()) {
            const JsonField field = of_strategy.at(items);
            field.expect(measures.is_object(), "an object of measures");
            auto& matrices = of_items[numberOf(items, of_strategy)];
            for (std::size_t i = 0; i < kMeasures.size(); ++i) {
                matrices[i] =
                    matrixOf(field[field.has(kMeasures[i].name) ? kMeasures[i].name : kMeasures[i].published]);
                field.expect(matrices[i].size() == matrices[0].size() &&
                                 matrices[i][0].size() == matrices[0][0].size(),
                             "measures of one shape");
            }
            Matrix& weighted = matrices[static_cast<std::size_t>(Metric::Weighted)];
            weighted = matrices[static_cast<std::size_t>(Metric::SuccessRatio)];
            for (std::size_t row = 0; row < weighted.size(); ++row) {
                const auto& category = matrices[static_cast<std::size_t>(Metric::CategorySuccessRatio)][row];
                std::transform(weighted[row].begin(), weighted[row].end(), category.begin(), weighted[row].begin(),
                               [](double ratio, double by_label) { return (2 * ratio + by_label) / 3; });
            }
        }
    }
    return file;
}

std::vector<std::string> ResultFile::strategies() const {
    std::vector<std::string> names;
    for (const Strategy& strategy : allStrategies()) {
        if (matrices_.contains(strategy.name)) {
            names.push_back(strategy.name);
        }
    }
    return names;
}

std::vector<std::size_t> ResultFile::items(const std::string& strategy) const {
    std::vector<std::size_t> items;
    if (const auto found = matrices_.find(strategy); found != matrices_.end()) {
        for (const auto& [n, matrices] : found->second) {
            items.push_back(n);
        }
    }
    return items;
}

const std::vector<double>& ResultFile::values(const std::string& strategy, std::size_t n, std::size_t k,
                                              Metric metric) const {
    const auto by_items = matrices_.find(strategy);
    const bool known = by_items != matrices_.end() && by_items->second.contains(n);
    const auto index = static_cast<std::size_t>(metric);
    if (!known || index >= kPublishedMetrics || k == 0 || k > by_items->second.at(n)[index].size()) {
        fail(ErrorKind::InvalidInput, "{}: there is no {} for {} aspects and {} documents", name_, strategy, n, k);
    }
    return by_items->second.at(n)[index][k - 1];
}

double ResultFile::mean(const std::string& strategy, std::size_t n, std::size_t k, Metric metric) const {
    const std::vector<double>& all = values(strategy, n, k, metric);
    return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

double ResultFile::averageGain(const std::string& strategy, std::size_t n) const {
    constexpr std::size_t kSpan = 10;
    double sum = 0;
    const std::size_t last = std::min(n + kSpan, kMostJudged);
    for (std::size_t k = n; k <= last; ++k) {
        sum += mean(strategy, n, k, Metric::Weighted) - mean("standard", n, k, Metric::Weighted);
    }
    return sum / static_cast<double>(last - n + 1);
}

std::string resultFileJson(const ResultMatrices& matrices) {
    nlohmann::json root = nlohmann::json::object();
    for (const auto& [name, by_items] : matrices) {
        const Strategy& strategy = strategyOf(name);
        nlohmann::json& of_strategy = root[strategy.published.empty() ? name : strategy.published];
        for (const auto& [n, rows] : by_items) {
            nlohmann::json& measures = of_strategy[std::to_string(n)];
            for (std::size_t i = 0; i < kMeasures.size(); ++i) {
                nlohmann::json matrix = nlohmann::json::array();
                for (const std::vector<MetricValues>& queries : rows) {
                    nlohmann::json row = nlohmann::json::array();
                    std::transform(queries.begin(), queries.end(), std::back_inserter(row),
                                   [=](const MetricValues& values) { return values[i]; });
                    matrix.push_back(std::move(row));
                }
                measures[kMeasures[i].name] = std::move(matrix);
            }
        }
    }
    return root.dump();
}

} // namespace fulgurite::retrieval
