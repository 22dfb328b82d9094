// SPDX-License-Identifier: Apache-2.0
// Arithmetic over one token's distribution: softmax weights, the best entries and the nucleus, without sorting a
// vocabulary of 200,000. Values are float32; sums that decide anything are double.
#pragma once

#include "core/base/types.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite {

// A token and its logit or softmax weight.
struct Entry {
    float value = 0;
    TokenId id = 0;
};

// Falling value; equal values by rising id.
constexpr bool ranksBefore(const Entry& a, const Entry& b) {
    return a.value != b.value ? a.value > b.value : a.id < b.id;
}

struct SoftmaxSums {
    float max = 0;      // of the logits
    double sum = 0;     // of the weights
    double log_sum = 0; // ln(sum): the log-probability of x is (x - max) / temperature - log_sum
    double entropy = 0; // nats
    bool finite = true; // false when a logit was NaN or +infinity
};

// With max and sum set: the rest. `weighted` is the sum of the weights times their exponents.
SoftmaxSums completed(SoftmaxSums sums, double weighted);

// weights[i] = exp((logits[i] - max) / temperature), 0 below e^-87. `weights` has room for every logit, of which
// there is at least one; temperature > 0.
SoftmaxSums softmaxWeights(std::span<const float> logits, float temperature, std::span<float> weights);

// The `count` best entries in rank order; all of them when there are fewer.
std::vector<Entry> bestOf(std::span<const float> values, std::size_t count);

// Index of the first largest value, -1 when it is not finite. `values` is not empty.
TokenId argmax(std::span<const float> values);

// 1 + the number of entries that rank before `id`.
int rankOf(std::span<const float> values, TokenId id);

// Entries with values of at least `threshold`, by rising id.
std::vector<Entry> atLeast(std::span<const float> values, float threshold);

// Reduces `entries` to the smallest set of best ones whose values add up to `mass` or more (at least one entry).
// Order is lost. Linear time.
void keepMass(std::vector<Entry>& entries, double mass);

// The entry in whose share of the running sum (by rising id) `mass` lies; the last one above 0 when it lies beyond.
Entry entryAtMass(std::span<const float> values, double mass);

// A uniform number in [0, 1) that depends on nothing but its two arguments.
double uniformAt(std::uint64_t seed, std::uint64_t counter);

} // namespace fulgurite
