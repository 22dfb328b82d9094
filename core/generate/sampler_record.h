// SPDX-License-Identifier: Apache-2.0
// What a TokenRecord says of a distribution, whether its whole row was at hand or what a device had looked up.
// Private to the sampler.
#pragma once

#include "core/base/error.h"
#include "core/generate/distribution.h"
#include "core/generate/request.h"

#include <cmath>
#include <vector>

namespace fulgurite {

inline void requireFinite(bool finite) {
    if (!finite) {
        fail(ErrorKind::Internal, "the model produced a logit that is not a number; its weights may be damaged");
    }
}

inline double sumOf(const std::vector<Entry>& entries) {
    double sum = 0;
    for (const Entry& entry : entries) {
        sum += static_cast<double>(entry.value);
    }
    return sum;
}

std::vector<Alternative> asAlternatives(const std::vector<Entry>& entries, const auto& logprobOf) {
    std::vector<Alternative> result;
    result.reserve(entries.size());
    for (const Entry& entry : entries) {
        result.push_back({entry.id, static_cast<float>(logprobOf(entry.value))});
    }
    return result;
}

// The log-probability of a weight among weights of this sum.
inline auto logShareOf(double sum) {
    return [sum](float weight) { return std::log(static_cast<double>(weight) / sum); };
}

// Returns what to subtract from a logit to get its log-probability. `best`: the alternatives that are wanted.
inline double recordBefore(const SoftmaxSums& sums, const std::vector<Entry>& best, TokenRecord& record) {
    requireFinite(sums.finite);
    const double normaliser = static_cast<double>(sums.max) + sums.log_sum;
    record.entropy = static_cast<float>(sums.entropy);
    record.before = asAlternatives(best, [&](float logit) { return static_cast<double>(logit) - normaliser; });
    return normaliser;
}

inline void recordDrawnFromAll(const Entry& chosen, std::size_t count, double sum, TokenRecord& record) {
    record.id = chosen.id;
    record.kept = static_cast<int>(count);
    record.kept_mass = 1.0f;
    record.logprob_after = static_cast<float>(logShareOf(sum)(chosen.value));
}

} // namespace fulgurite
