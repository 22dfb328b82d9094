// SPDX-License-Identifier: Apache-2.0
// The scalar truth of what is chosen from a vocabulary before anything is drawn.
#include "kernels/preselect.h"

#include "kernels/softmax_weight.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace fulgurite::kernels {

namespace {

float largest(std::span<const float> logits) {
    float max = -std::numeric_limits<float>::infinity();
    for (const float logit : logits) {
        max = std::fmax(max, logit);
    }
    return max;
}

// valueAt(i) summed over [begin, end) in the one order; `size` is that of the parts, and lies between a block's, a
// chunk's and a lane's.
template <class ValueAt>
double sumOf(std::size_t begin, std::size_t end, std::size_t size, ValueAt valueAt) {
    double sum = 0;
    for (std::size_t part = begin; part < end; part += size) {
        const std::size_t stop = std::min(part + size, end);
        if (size == kSumBlock) {
            sum += sumOf(part, stop, kSumChunk, valueAt);
            continue;
        }
        double lanes[kSumLanes] = {};
        for (std::size_t i = part; i < stop; ++i) {
            lanes[i % kSumLanes] += valueAt(i);
        }
        double chunk = 0;
        for (const double lane : lanes) {
            chunk += lane;
        }
        sum += chunk;
    }
    return sum;
}

struct Bucket {
    std::uint64_t mass = 0;
    std::uint32_t count = 0;
};

// The weight from which on a superset of what is wanted lies; 2 when nothing is.
float thresholdOf(const std::vector<Bucket>& buckets, std::int32_t best, float share) {
    std::uint64_t total = 0;
    std::uint64_t count = 0;
    for (const Bucket& bucket : buckets) {
        total += bucket.mass;
        count += bucket.count;
    }
    const double wanted = static_cast<double>(share) * static_cast<double>(total + count) * (1.0 + kShareMargin);
    std::uint64_t mass = 0;
    std::uint64_t found = 0;
    for (int b = kWeightBuckets - 1; b >= 0; --b) {
        mass += buckets[static_cast<std::size_t>(b)].mass;
        found += buckets[static_cast<std::size_t>(b)].count;
        const bool enough =
            best > 0 ? found >= static_cast<std::uint64_t>(best) : static_cast<double>(mass) >= wanted;
        if (enough) {
            return std::bit_cast<float>(static_cast<std::uint32_t>(b) << kBucketShift) * kWeightMargin;
        }
    }
    return 0;
}

// Of weights above 0.
std::vector<Bucket> bucketsOf(std::span<const float> logits, float max, float scale) {
    std::vector<Bucket> buckets(kWeightBuckets);
    for (const float logit : logits) {
        const float weight = softmaxWeightOf(logit, max, scale).weight;
        if (weight > 0) {
            Bucket& bucket = buckets[std::bit_cast<std::uint32_t>(weight) >> kBucketShift];
            bucket.mass += static_cast<std::uint64_t>(weight * kMassUnits);
            ++bucket.count;
        }
    }
    return buckets;
}

std::int32_t countOf(const std::vector<Bucket>& buckets) {
    std::uint32_t count = 0;
    for (const Bucket& bucket : buckets) {
        count += bucket.count;
    }
    return static_cast<std::int32_t>(count);
}

std::vector<float> changed(const PreselectParams& p, const PreselectRow& row, std::span<const float> logits) {
    std::vector<float> after(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(p.known));
    for (const LogitChange& change :
         std::span(p.changes + row.first_change, static_cast<std::size_t>(row.changes))) {
        float& logit = after[static_cast<std::size_t>(change.id)];
        logit = plusRounded(logit, change.bias);
        if (change.seen != 0) {
            logit = penalisedLogit(logit, row.repetition, row.presence, row.frequency, change.generated);
        }
    }
    return after;
}

Candidate describe(std::span<const float> logits, std::int32_t id, float weight, bool ranked) {
    const float logit = logits[static_cast<std::size_t>(id)];
    std::int32_t rank = 0;
    if (ranked) {
        rank = 1;
        for (std::size_t i = 0; i < logits.size(); ++i) {
            rank += logits[i] > logit || (logits[i] == logit && static_cast<std::int32_t>(i) < id) ? 1 : 0;
        }
    }
    return {id, weight, logit, rank};
}

void preselectRow(const PreselectParams& p, std::size_t index) {
    const PreselectRow& row = p.row[index];
    const std::span<const float> logits(p.logits + index * p.vocab, p.vocab);
    const std::vector<float> after = changed(p, row, logits);
    Preselected& out = p.out[index];
    out = {};
    out.max_before = largest(logits);
    out.max_after = largest(after);
    const auto beforeAt = [&](std::size_t i) { return softmaxWeightOf(logits[i], out.max_before, 1.0f); };
    out.sum_before = sumOf(0, logits.size(), kSumBlock, [&](std::size_t i) { return double{beforeAt(i).weight}; });
    out.weighted_before = sumOf(0, logits.size(), kSumBlock, [&](std::size_t i) {
        return double{timesRounded(beforeAt(i).weight, beforeAt(i).exponent)};
    });
    const auto weightOf = [&](std::size_t i) { return softmaxWeightOf(after[i], out.max_after, row.scale).weight; };
    const auto weightAt = [&](std::size_t i) { return double{weightOf(i)}; };
    out.sum_after = sumOf(0, after.size(), kSumBlock, weightAt);
    const std::vector<Bucket> buckets = bucketsOf(after, out.max_after, row.scale);
    out.weighing_after = countOf(buckets);
    const float threshold =
        row.draws != 0 && row.best == 0 ? 2.0f : std::max(thresholdOf(buckets, row.best, row.share), row.least);
    for (std::size_t i = 0; i < after.size(); ++i) {
        const float weight = weightOf(i);
        if (weight > 0 && weight >= threshold &&
            out.candidates++ < static_cast<int>(Preselected::kMostCandidates)) {
            out.candidate[out.candidates - 1] =
                describe(logits, static_cast<std::int32_t>(i), weight, row.statistics != 0);
        }
    }
    const std::vector<Bucket> buckets_before = bucketsOf(logits, out.max_before, 1.0f);
    out.weighing_before = countOf(buckets_before);
    const float threshold_before = thresholdOf(buckets_before, row.before, 1.0f);
    for (std::size_t i = 0; row.before > 0 && i < logits.size(); ++i) {
        const float weight = softmaxWeightOf(logits[i], out.max_before, 1.0f).weight;
        if (weight > 0 && weight >= threshold_before && out.before++ < static_cast<int>(Preselected::kMostBefore)) {
            out.before_list[out.before - 1] = {static_cast<std::int32_t>(i), 0, logits[i], 0};
        }
    }
    if (row.draws != 0) {
        double mass = row.uniform * out.sum_after;
        std::size_t begin = 0;
        std::size_t end = after.size();
        for (const std::size_t size : {kSumBlock, kSumChunk, std::size_t{1}}) {
            const auto parts = static_cast<int>((end - begin + size - 1) / size);
            const int part = partAtMass(parts, mass, [&](int at_part) {
                const std::size_t at = begin + static_cast<std::size_t>(at_part) * size;
                return size == 1 ? weightAt(at) : sumOf(at, std::min(at + size, end), size, weightAt);
            });
            begin += static_cast<std::size_t>(std::max(part, 0)) * size;
            end = std::min(begin + size, end);
        }
        out.drawn = describe(logits, static_cast<std::int32_t>(begin), weightOf(begin), row.statistics != 0);
    }
    if (row.named >= 0) {
        out.named = describe(logits, row.named, 0, row.statistics != 0);
    }
}

} // namespace

void referencePreselect(const PreselectParams& p) {
    for (std::size_t row = 0; row < p.rows; ++row) {
        preselectRow(p, row);
    }
}

} // namespace fulgurite::kernels
