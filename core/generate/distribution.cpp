// SPDX-License-Identifier: Apache-2.0
#include "core/generate/distribution.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace fulgurite {

namespace {

constexpr std::size_t kLanes = 16;
constexpr float kSmallestExponent = -87.0f;

// exp(x) for -87 <= x <= 0 to 2 units in the last place, free of branches so that the compiler vectorises it.
// Cody-Waite reduction x = n ln 2 + r, then a polynomial on r. NaN stays NaN.
[[gnu::always_inline]] inline float expOfNegative(float x) {
    constexpr float kMagic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    const float shifted = x * 1.44269504f + kMagic;
    const float n = shifted - kMagic;
    const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(kMagic);
    return p * std::bit_cast<float>((exponent + 127u) << 23);
}

struct LaneSums {
    std::array<double, kLanes> sum{};
    std::array<double, kLanes> weighted{}; // weight times its exponent, for the entropy
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

// All of the vocabulary in groups of kLanes; the rest is filled up with what weighs nothing.
[[gnu::always_inline]] inline void addAll(std::span<const float> logits, float max, float scale,
                                          std::span<float> weights, LaneSums& lanes) {
    std::size_t i = 0;
    for (; i + kLanes <= logits.size(); i += kLanes) {
        addGroup(logits.data() + i, max, scale, weights.data() + i, lanes);
    }
    if (i < logits.size()) {
        std::array<float, kLanes> rest;
        std::array<float, kLanes> rest_weights;
        rest.fill(-std::numeric_limits<float>::infinity());
        std::copy(logits.begin() + static_cast<std::ptrdiff_t>(i), logits.end(), rest.begin());
        addGroup(rest.data(), max, scale, rest_weights.data(), lanes);
        std::copy_n(rest_weights.begin(), logits.size() - i, weights.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void addAllBase(std::span<const float> logits, float max, float scale, std::span<float> weights, LaneSums& lanes) {
    addAll(logits, max, scale, weights, lanes);
}

#if defined(__x86_64__)
// The same operations on wider registers; without fused multiply-add, so that the bits are the same too.
[[gnu::target("avx2")]] void addAllAvx2(std::span<const float> logits, float max, float scale,
                                        std::span<float> weights, LaneSums& lanes) {
    addAll(logits, max, scale, weights, lanes);
}
#endif

using AddAll = void (*)(std::span<const float>, float, float, std::span<float>, LaneSums&);

AddAll chooseAddAll() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return addAllAvx2;
    }
#endif
    return addAllBase;
}

float maximum(std::span<const float> values) {
    std::array<float, kLanes> lanes;
    lanes.fill(values[0]);
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes) {
        for (std::size_t j = 0; j < kLanes; ++j) {
            lanes[j] = values[i + j] > lanes[j] ? values[i + j] : lanes[j];
        }
    }
    float best = *std::max_element(lanes.begin(), lanes.end());
    for (; i < values.size(); ++i) {
        best = std::max(best, values[i]);
    }
    return best;
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
    LaneSums lanes;
    add_all(logits, sums.max, 1.0f / temperature, weights, lanes);
    double weighted = 0;
    for (std::size_t j = 0; j < kLanes; ++j) {
        sums.sum += lanes.sum[j];
        weighted += lanes.weighted[j];
    }
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

void keepMass(std::vector<Entry>& entries, double mass) {
    constexpr std::ptrdiff_t kSortBelow = 64;
    auto begin = entries.begin(); // everything before it is kept
    auto end = entries.end();     // everything from it on is dropped
    while (end - begin > kSortBelow) {
        const auto middle = begin + (end - begin) / 2;
        std::nth_element(begin, middle, end, ranksBefore);
        double half = 0;
        for (auto entry = begin; entry != middle; ++entry) {
            half += static_cast<double>(entry->value);
        }
        if (half >= mass) {
            end = middle;
        } else {
            mass -= half;
            begin = middle;
        }
    }
    std::sort(begin, end, ranksBefore);
    while (begin != end) {
        mass -= static_cast<double>(begin->value);
        ++begin;
        if (mass <= 0) {
            break;
        }
    }
    entries.erase(begin, entries.end());
}

Entry entryAtMass(std::span<const float> values, double mass) {
    Entry last;
    for (std::size_t begin = 0; begin < values.size(); begin += kLanes) {
        const auto group = values.subspan(begin, std::min(kLanes, values.size() - begin));
        double sum = 0;
        for (const float value : group) {
            sum += static_cast<double>(value);
        }
        if (sum <= mass && begin + kLanes < values.size()) {
            mass -= sum;
            continue;
        }
        for (std::size_t j = 0; j < group.size(); ++j) {
            if (group[j] > 0) {
                last = {group[j], static_cast<TokenId>(begin + j)};
                mass -= static_cast<double>(group[j]);
                if (mass < 0) {
                    return last;
                }
            }
        }
    }
    return last;
}

double uniformAt(std::uint64_t seed, std::uint64_t counter) {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;
    const std::uint64_t stream = mix(seed + kGolden);
    const std::uint64_t bits = mix(mix(stream ^ (counter * kGolden + 1)) + stream);
    return static_cast<double>(bits >> 11) * 0x1p-53;
}

} // namespace fulgurite
