// SPDX-License-Identifier: Apache-2.0
#include "core/generate/distribution.h"

#include "kernels/preselect.h"
#include "kernels/softmax_weight.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

namespace fulgurite {

namespace {

using kernels::expOfNegative;
using kernels::kSmallestExponent;
using kernels::kSumBlock;
using kernels::kSumChunk;

constexpr std::size_t kLanes = kernels::kSumLanes;

struct LaneSums {
    std::array<double, kLanes> sum{};
    std::array<double, kLanes> weighted{}; // weight times its exponent, for the entropy
};

// Of a chunk, a block or all; see kernels/softmax_weight.h for the order.
struct WeightSums {
    double sum = 0;
    double weighted = 0;

    void add(const WeightSums& other) {
        sum += other.sum;
        weighted += other.weighted;
    }
};

// kLanes logits to weights. One small loop a step and masks in place of choices: so the compiler turns each loop
// into vector instructions.
[[gnu::always_inline]] inline void addGroup(const float* logits, float max, float scale, float* weights,
                                            LaneSums& lanes) {
    std::array<float, kLanes> x;
    std::array<std::uint32_t, kLanes> keep; // all ones, or 0 below the smallest exponent; NaN is kept
    std::array<float, kLanes> weight;
    for (std::size_t j = 0; j < kLanes; ++j) {
        x[j] = (logits[j] - max) * scale;
    }
    for (std::size_t j = 0; j < kLanes; ++j) {
        keep[j] = 0u - static_cast<std::uint32_t>(!(x[j] < kSmallestExponent));
    }
    for (std::size_t j = 0; j < kLanes; ++j) {
        x[j] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x[j]) & keep[j]);
    }
    for (std::size_t j = 0; j < kLanes; ++j) {
        weight[j] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(expOfNegative(x[j])) & keep[j]);
    }
    for (std::size_t j = 0; j < kLanes; ++j) {
        weights[j] = weight[j];
    }
    for (std::size_t j = 0; j < kLanes; ++j) {
        lanes.sum[j] += static_cast<double>(weight[j]);
    }
    for (std::size_t j = 0; j < kLanes; ++j) {
        lanes.weighted[j] += static_cast<double>(weight[j] * x[j]);
    }
}

// A chunk in groups of kLanes; the rest is filled up with what weighs nothing.
[[gnu::always_inline]] inline WeightSums addChunk(std::span<const float> logits, float max, float scale,
                                                  float* weights) {
    LaneSums lanes;
    std::size_t i = 0;
    for (; i + kLanes <= logits.size(); i += kLanes) {
        addGroup(logits.data() + i, max, scale, weights + i, lanes);
    }
    if (i < logits.size()) {
        std::array<float, kLanes> rest;
        std::array<float, kLanes> rest_weights;
        rest.fill(-std::numeric_limits<float>::infinity());
        std::copy(logits.begin() + static_cast<std::ptrdiff_t>(i), logits.end(), rest.begin());
        addGroup(rest.data(), max, scale, rest_weights.data(), lanes);
        std::copy_n(rest_weights.begin(), logits.size() - i, weights + i);
    }
    WeightSums sums;
    for (std::size_t j = 0; j < kLanes; ++j) {
        sums.add({lanes.sum[j], lanes.weighted[j]});
    }
    return sums;
}

[[gnu::always_inline]] inline WeightSums addAll(std::span<const float> logits, float max, float scale,
                                                std::span<float> weights) {
    WeightSums all;
    for (std::size_t begin = 0; begin < logits.size(); begin += kSumBlock) {
        const auto block = logits.subspan(begin, std::min(kSumBlock, logits.size() - begin));
        WeightSums sums;
        for (std::size_t at = 0; at < block.size(); at += kSumChunk) {
            sums.add(addChunk(block.subspan(at, std::min(kSumChunk, block.size() - at)), max, scale,
                              weights.data() + begin + at));
        }
        all.add(sums);
    }
    return all;
}

WeightSums addAllBase(std::span<const float> logits, float max, float scale, std::span<float> weights) {
    return addAll(logits, max, scale, weights);
}

#if defined(__x86_64__)
// The same operations on wider registers; without fused multiply-add, so that the bits are the same too.
[[gnu::target("avx2")]] WeightSums addAllAvx2(std::span<const float> logits, float max, float scale,
                                              std::span<float> weights) {
    return addAll(logits, max, scale, weights);
}
#endif

using AddAll = WeightSums (*)(std::span<const float>, float, float, std::span<float>);

AddAll chooseAddAll() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return addAllAvx2;
    }
#endif
    return addAllBase;
}

// Not a number when one of the values is none: comparisons alone would pass over it.
float maximum(std::span<const float> values) {
    std::array<float, kLanes> lanes;
    std::array<std::uint32_t, kLanes> odd{};
    lanes.fill(values[0]);
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes) {
        for (std::size_t j = 0; j < kLanes; ++j) {
            const float value = values[i + j];
            lanes[j] = value > lanes[j] ? value : lanes[j];
            odd[j] |= value != value ? 1U : 0U;
        }
    }
    float best = *std::max_element(lanes.begin(), lanes.end());
    bool any_odd = std::ranges::any_of(odd, [](std::uint32_t lane) { return lane != 0; });
    for (; i < values.size(); ++i) {
        best = std::max(best, values[i]);
        any_odd |= std::isnan(values[i]);
    }
    return any_odd ? std::numeric_limits<float>::quiet_NaN() : best;
}

// Heap order with the worst entry at the front.
bool worseLast(const Entry& a, const Entry& b) {
    return ranksBefore(a, b);
}

// Keeps the best in a small heap; whole groups of values below its worst are skipped at a glance.
std::vector<Entry> bestByHeap(std::span<const float> values, std::size_t count) {
    std::vector<Entry> heap;
    heap.reserve(count + 1);
    const auto offer = [&](std::size_t i) {
        const Entry entry{values[i], static_cast<TokenId>(i)};
        if (heap.size() == count && !ranksBefore(entry, heap.front())) {
            return;
        }
        heap.push_back(entry);
        std::push_heap(heap.begin(), heap.end(), worseLast);
        if (heap.size() > count) {
            std::pop_heap(heap.begin(), heap.end(), worseLast);
            heap.pop_back();
        }
    };
    std::size_t i = 0;
    for (; i < count; ++i) {
        offer(i);
    }
    for (; i + kLanes <= values.size(); i += kLanes) {
        const float worst = heap.front().value;
        int better = 0;
        for (std::size_t j = 0; j < kLanes; ++j) {
            better |= values[i + j] > worst ? 1 : 0;
        }
        for (std::size_t j = 0; better != 0 && j < kLanes; ++j) {
            offer(i + j);
        }
    }
    for (; i < values.size(); ++i) {
        offer(i);
    }
    return heap;
}

std::vector<Entry> allOf(std::span<const float> values) {
    std::vector<Entry> entries(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        entries[i] = {values[i], static_cast<TokenId>(i)};
    }
    return entries;
}

// Of weights that are there, in the order in which addAll adds them.
double sumOf(std::span<const float> weights) {
    double all = 0;
    for (std::size_t begin = 0; begin < weights.size(); begin += kSumBlock) {
        const auto block = weights.subspan(begin, std::min(kSumBlock, weights.size() - begin));
        double sum = 0;
        for (std::size_t at = 0; at < block.size(); at += kSumChunk) {
            const auto chunk = block.subspan(at, std::min(kSumChunk, block.size() - at));
            std::array<double, kLanes> lanes{};
            for (std::size_t i = 0; i < chunk.size(); i += kLanes) {
                const std::size_t there = std::min(kLanes, chunk.size() - i);
                for (std::size_t j = 0; j < there; ++j) {
                    lanes[j] += static_cast<double>(chunk[i + j]);
                }
            }
            sum += std::accumulate(lanes.begin(), lanes.end(), 0.0);
        }
        all += sum;
    }
    return all;
}

std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

} // namespace

SoftmaxSums softmaxWeights(std::span<const float> logits, float temperature, std::span<float> weights) {
    static const AddAll add_all = chooseAddAll();
    SoftmaxSums sums;
    sums.max = maximum(logits);
    const WeightSums all = add_all(logits, sums.max, kernels::softmaxScale(temperature), weights);
    sums.sum = all.sum;
    return completed(sums, all.weighted);
}

SoftmaxSums completed(SoftmaxSums sums, double weighted) {
    sums.finite = std::isfinite(sums.sum) && std::isfinite(sums.max);
    sums.log_sum = std::log(sums.sum);
    sums.entropy = std::max(0.0, sums.log_sum - weighted / sums.sum);
    return sums;
}

std::vector<Entry> bestOf(std::span<const float> values, std::size_t count) {
    count = std::min(count, values.size());
    if (count == 0) {
        return {};
    }
    std::vector<Entry> best;
    // A heap wins while few entries displace another; beyond that, selection does.
    if (count <= values.size() / 8) {
        best = bestByHeap(values, count);
    } else {
        best = allOf(values);
        if (count < best.size()) {
            std::nth_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(count), best.end(),
                             ranksBefore);
            best.resize(count);
        }
    }
    std::sort(best.begin(), best.end(), ranksBefore);
    return best;
}

TokenId argmax(std::span<const float> values) {
    const float best = maximum(values);
    if (!std::isfinite(best)) {
        return -1;
    }
    return static_cast<TokenId>(std::find(values.begin(), values.end(), best) - values.begin());
}

int rankOf(std::span<const float> values, TokenId id) {
    const auto at = static_cast<std::size_t>(id);
    const float value = values[at];
    int before = 0;
    for (const float other : values) {
        before += other > value ? 1 : 0;
    }
    before += static_cast<int>(std::count(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), value));
    return before + 1;
}

std::vector<Entry> atLeast(std::span<const float> values, float threshold) {
    std::vector<Entry> found;
    std::size_t i = 0;
    const auto offer = [&](std::size_t index) {
        if (values[index] >= threshold) {
            found.push_back({values[index], static_cast<TokenId>(index)});
        }
    };
    for (; i + kLanes <= values.size(); i += kLanes) {
        int any = 0;
        for (std::size_t j = 0; j < kLanes; ++j) {
            any |= values[i + j] >= threshold ? 1 : 0;
        }
        for (std::size_t j = 0; any != 0 && j < kLanes; ++j) {
            offer(i + j);
        }
    }
    for (; i < values.size(); ++i) {
        offer(i);
    }
    return found;
}

// Masses are whole numbers of units, so that what is kept does not depend on the order or on what else was there.
void keepMass(std::vector<Entry>& entries, double mass) {
    constexpr std::ptrdiff_t kSortBelow = 64;
    const auto unitsOf = [](double of) { return static_cast<std::int64_t>(of * double{kernels::kMassUnits}); };
    std::int64_t left = unitsOf(mass);
    auto begin = entries.begin(); // everything before it is kept
    auto end = entries.end();     // everything from it on is dropped
    while (end - begin > kSortBelow) {
        const auto middle = begin + (end - begin) / 2;
        std::nth_element(begin, middle, end, ranksBefore);
        std::int64_t half = 0;
        for (auto entry = begin; entry != middle; ++entry) {
            half += unitsOf(double{entry->value});
        }
        if (half >= left) {
            end = middle;
        } else {
            left -= half;
            begin = middle;
        }
    }
    std::sort(begin, end, ranksBefore);
    while (begin != end) {
        left -= unitsOf(double{begin->value});
        ++begin;
        if (left <= 0) {
            break;
        }
    }
    entries.erase(begin, entries.end());
}

// The sums of parts are made anew, from the weights: few of them are asked for.
Entry entryAtMass(std::span<const float> values, double mass) {
    std::size_t begin = 0;
    std::size_t end = values.size();
    for (const std::size_t size : {kSumBlock, kSumChunk, std::size_t{1}}) {
        const auto parts = static_cast<int>((end - begin + size - 1) / size);
        const int part = kernels::partAtMass(parts, mass, [&](int index) {
            const std::size_t at = begin + static_cast<std::size_t>(index) * size;
            return sumOf(values.subspan(at, std::min(size, end - at)));
        });
        begin += static_cast<std::size_t>(std::max(part, 0)) * size;
        end = std::min(begin + size, end);
    }
    return {values[begin], static_cast<TokenId>(begin)};
}

double uniformAt(std::uint64_t seed, std::uint64_t counter) {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;
    const std::uint64_t stream = mix(seed + kGolden);
    const std::uint64_t bits = mix(mix(stream ^ (counter * kGolden + 1)) + stream);
    return static_cast<double>(bits >> 11) * 0x1p-53;
}

} // namespace fulgurite
