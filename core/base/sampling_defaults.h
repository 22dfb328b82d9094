// SPDX-License-Identifier: Apache-2.0
// How a model's makers recommend to sample from it: plain data that engine, protocol and window share.
#pragma once

#include <optional>

namespace fulgurite {

// An unset field is left to whoever samples.
struct SamplingDefaults {
    std::optional<double> temperature; // 0 is greedy
    std::optional<int> top_k;          // 0 is off
    std::optional<double> top_p;
    std::optional<double> min_p;
    std::optional<double> repetition_penalty;

    bool empty() const { return !temperature && !top_k && !top_p && !min_p && !repetition_penalty; }
};

} // namespace fulgurite
