// SPDX-License-Identifier: Apache-2.0
// Result files of the MRAG project: strategy -> n -> measure -> [32 rows, k = 1..32][queries]. Both spellings are
// read: the program's own (success_ratio, multirag) and that of the published files (rat, mrag).
#pragma once

#include "core/retrieval/results/intervals.h"

#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::retrieval {

// The four stored measures and, worked out of them, the weighted ratio; in the order of Metric.
inline constexpr std::size_t kPublishedMetrics = 5;

// Larger files are refused. Nine strategies over 1,600 queries have 35 MiB at most.
inline constexpr std::size_t kLargestResultFile = std::size_t{64} << 20;

class ResultFile {
  public:
    // Throws Error{NotFound | InvalidInput | Corrupt} that names the field: also for shares outside of 0 to 1 and
    // for rows without queries, of which there is no mean.
    static ResultFile read(const std::filesystem::path& path);
    static ResultFile parse(std::string_view json, const std::string& name);

    // As strategies are called here ("mrag"), in the order of strategy.h.
    std::vector<std::string> strategies() const;
    std::vector<std::size_t> items(const std::string& strategy) const; // the values of n, rising
    // Of each query; `k` from 1 on. Throws Error{InvalidInput} for what the file does not have.
    const std::vector<double>& values(const std::string& strategy, std::size_t n, std::size_t k,
                                      Metric metric) const;
    double mean(const std::string& strategy, std::size_t n, std::size_t k, Metric metric) const;
    // Mean gain of the weighted ratio over "standard", averaged over k = n .. n + 10, at most 32.
    double averageGain(const std::string& strategy, std::size_t n) const;

  private:
    // strategy -> n -> [metric][k - 1][query]
    using Matrix = std::vector<std::vector<double>>;
    std::string name_;
    std::map<std::string, std::map<std::size_t, std::array<Matrix, kPublishedMetrics>>> matrices_;
};

// Matrices in the program's own spelling.
std::string resultFileJson(const ResultMatrices& matrices);

} // namespace fulgurite::retrieval
