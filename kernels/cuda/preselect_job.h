// SPDX-License-Identifier: Apache-2.0
// What the kernels of preselect.cu share: where a look-up keeps what it has found so far, the weight above which
// the candidates lie, and the draw from all tokens.
#pragma once

#include "kernels/cuda/warp.h"
#include "kernels/preselect.h"
#include "kernels/softmax_weight.h"

#include <bit>

namespace fulgurite::kernels::cuda::preselection {

constexpr unsigned kThreads = 256;
constexpr int kLanes = static_cast<int>(kSumLanes);
constexpr int kChunk = static_cast<int>(kSumChunk);
constexpr int kChunksOfBlock = static_cast<int>(kThreads) / kLanes;
constexpr int kTokensOfBlock = static_cast<int>(kSumBlock);
static_assert(kTokensOfBlock == kChunksOfBlock * kChunk);

struct Sums {
    double before;
    double weighted;
    double after;
};

__device__ __forceinline__ Sums plus(const Sums& a, const Sums& b) {
    return {plusRounded(a.before, b.before), plusRounded(a.weighted, b.weighted), plusRounded(a.after, b.after)};
}

struct Bucket {
    unsigned long long mass; // of weights after the changes
    unsigned after;
    unsigned before;
};

struct Largest {
    float before;
    float after;
};

struct Thresholds {
    float before;
    float after;
};

struct Job {
    const float* logits;  // [rows, vocab]
    const float* changed; // [rows, vocab] of the rows that have changes
    const PreselectRow* row;
    const LogitChange* changes;
    Largest* largest;       // [rows, blocks]
    Sums* sums;             // [rows, blocks]
    double* chunks;         // [rows, blocks, kChunksOfBlock]: of the weights after the changes
    Bucket* buckets;        // [rows, kWeightBuckets]
    Thresholds* thresholds; // [rows]
    Preselected* out;       // [rows]
    int vocab;
    int known;
    int blocks; // of each row
};

__device__ __forceinline__ std::size_t rowStart(const Job& job, int row) {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(job.vocab);
}
__device__ __forceinline__ const float* before(const Job& job, int row) {
    return job.logits + rowStart(job, row);
}
__device__ __forceinline__ const float* after(const Job& job, int row) {
    return (job.row[row].changes > 0 ? job.changed : job.logits) + rowStart(job, row);
}

__device__ __forceinline__ Largest largestOf(const Job& job, int row) {
    Largest largest{-INFINITY, -INFINITY};
    for (int block = 0; block < job.blocks; ++block) {
        const Largest& part = job.largest[row * job.blocks + block];
        largest.before = largerOrNan(largest.before, part.before);
        largest.after = largerOrNan(largest.after, part.after);
    }
    return largest;
}

__device__ __forceinline__ int bucketOf(float weight) {
    return static_cast<int>(std::bit_cast<std::uint32_t>(weight) >> kBucketShift);
}

// The buckets of a row, shared among the lanes of a warp: lane 0 has the heaviest.
constexpr int kBucketsOfLane = (kWeightBuckets + kWarp - 1) / kWarp;

struct Tally {
    unsigned long long mass;
    unsigned count;
};

template <class Of>
__device__ __forceinline__ Tally tallyOf(const Bucket* buckets, int lane, Of of) {
    Tally tally{0, 0};
    for (int i = 0; i < kBucketsOfLane; ++i) {
        const int b = kWeightBuckets - 1 - (lane * kBucketsOfLane + i);
        if (b >= 0) {
            const Tally one = of(buckets[b]);
            tally.mass += one.mass;
            tally.count += one.count;
        }
    }
    return tally;
}

// The weight of the bucket with which what lies in it and above is enough(tally), 0 if it never is; for every lane.
// `all` becomes what lies in all of them.
template <class Of, class Enough>
__device__ float thresholdOf(const Bucket* buckets, Tally& all, Of of, Enough enough) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const Tally mine = tallyOf(buckets, lane, of);
    Tally sum = mine; // becomes that of this lane and those before it
    for (int step = 1; step < kWarp; step *= 2) {
        const unsigned long long mass = __shfl_up_sync(kAllLanes, sum.mass, static_cast<unsigned>(step));
        const unsigned count = __shfl_up_sync(kAllLanes, sum.count, static_cast<unsigned>(step));
        sum.mass += lane >= step ? mass : 0;
        sum.count += lane >= step ? count : 0;
    }
    all = {__shfl_sync(kAllLanes, sum.mass, kWarp - 1), __shfl_sync(kAllLanes, sum.count, kWarp - 1)};
    Tally found{sum.mass - mine.mass, sum.count - mine.count};
    float threshold = 0;
    if (enough(all, sum) && (lane == 0 || !enough(all, found))) {
        for (int i = 0; i < kBucketsOfLane; ++i) {
            const int b = kWeightBuckets - 1 - (lane * kBucketsOfLane + i);
            const Tally one = of(buckets[max(b, 0)]);
            found = {found.mass + one.mass, found.count + one.count};
            if (enough(all, found)) {
                threshold = std::bit_cast<float>(static_cast<std::uint32_t>(max(b, 0)) << kBucketShift);
                break;
            }
        }
    }
    return warpMax(threshold) * kWeightMargin;
}

// The token that a draw from all of them comes to, for the whole block: thread 0 has it.
__device__ inline int drawn(const Job& job, int row, const PreselectRow& wish, float largest, double sum,
                            float* weights) {
    __shared__ double mass;
    __shared__ int first;
    const Sums* blocks = job.sums + row * job.blocks;
    if (threadIdx.x == 0) {
        double left = wish.uniform * sum;
        const int block = max(partAtMass(job.blocks, left, [&](int b) { return blocks[b].after; }), 0);
        const double* chunks = job.chunks + (row * job.blocks + block) * kChunksOfBlock;
        const int chunk = max(partAtMass(kChunksOfBlock, left, [&](int c) { return chunks[c]; }), 0);
        first = block * kTokensOfBlock + chunk * kChunk;
        mass = left;
    }
    __syncthreads();
    const int count = min(kChunk, job.known - first);
    for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
        weights[i] = softmaxWeightOf(after(job, row)[first + i], largest, wish.scale).weight;
    }
    __syncthreads();
    if (threadIdx.x != 0) {
        return -1;
    }
    double left = mass;
    return first + max(partAtMass(count, left, [&](int i) { return static_cast<double>(weights[i]); }), 0);
}

} // namespace fulgurite::kernels::cuda::preselection
