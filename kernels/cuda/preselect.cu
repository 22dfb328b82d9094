// SPDX-License-Identifier: Apache-2.0
// What is chosen from a vocabulary before anything is drawn: many blocks for each row, each with its part of the
// tokens. Sums are made in the order of softmax_weight.h, masses and counts are whole numbers, so the result has
// the bits of the host's.
#include "kernels/cuda/preselect_job.h"

#include "kernels/cuda/ops_cuda.h"

namespace fulgurite::kernels::cuda {

namespace {

using namespace preselection;

// Grid of all kernels but one: blocks of tokens, rows.
__global__ void copyKernel(Job job, float* changed) {
    const int row = static_cast<int>(blockIdx.y);
    if (job.row[row].changes == 0) {
        return;
    }
    const int first = static_cast<int>(blockIdx.x) * kTokensOfBlock;
    const int end = min(first + kTokensOfBlock, job.known);
    for (int i = first + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(kThreads)) {
        changed[rowStart(job, row) + static_cast<std::size_t>(i)] = before(job, row)[i];
    }
}

// Grid: blocks of changes, rows.
__global__ void changeKernel(Job job, float* changed) {
    const int row = static_cast<int>(blockIdx.y);
    const PreselectRow& wish = job.row[row];
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= wish.changes) {
        return;
    }
    const LogitChange& change = job.changes[wish.first_change + i];
    float& logit = changed[rowStart(job, row) + static_cast<std::size_t>(change.id)];
    float value = plusRounded(logit, change.bias);
    if (change.seen != 0) {
        value = penalisedLogit(value, wish.repetition, wish.presence, wish.frequency, change.generated);
    }
    logit = value;
}

// Not a number when one of the logits is none, so that sampling says so.
__device__ __forceinline__ float blockMax(float x, float* parts) {
    for (int step = kWarp / 2; step > 0; step /= 2) {
        x = largerOrNan(x, __shfl_xor_sync(kAllLanes, x, step));
    }
    __syncthreads();
    if (threadIdx.x % kWarp == 0) {
        parts[threadIdx.x / kWarp] = x;
    }
    __syncthreads();
    float max = parts[0];
    for (unsigned w = 1; w < blockDim.x / kWarp; ++w) {
        max = largerOrNan(max, parts[w]);
    }
    return max;
}

__global__ void __launch_bounds__(kThreads) largestKernel(Job job) {
    __shared__ float parts[kThreads / kWarp];
    const int row = static_cast<int>(blockIdx.y);
    const int first = static_cast<int>(blockIdx.x) * kTokensOfBlock;
    const int end = min(first + kTokensOfBlock, job.vocab);
    Largest largest{-INFINITY, -INFINITY};
    for (int i = first + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(kThreads)) {
        largest.before = largerOrNan(largest.before, before(job, row)[i]);
        if (i < job.known) {
            largest.after = largerOrNan(largest.after, after(job, row)[i]);
        }
    }
    const float of_before = blockMax(largest.before, parts);
    const float of_after = blockMax(largest.after, parts);
    if (threadIdx.x == 0) {
        job.largest[row * job.blocks + static_cast<int>(blockIdx.x)] = {of_before, of_after};
    }
    for (int i = static_cast<int>(threadIdx.x); blockIdx.x == 0 && i < kWeightBuckets;
         i += static_cast<int>(kThreads)) {
        job.buckets[row * kWeightBuckets + i] = {0, 0, 0};
    }
}

// A chunk's lanes are threads that lie next to each other.
__global__ void __launch_bounds__(kThreads) sumsKernel(Job job) {
    __shared__ Sums lanes[kThreads];
    __shared__ Bucket buckets[kWeightBuckets];
    const int row = static_cast<int>(blockIdx.y);
    const int thread = static_cast<int>(threadIdx.x);
    const PreselectRow& wish = job.row[row];
    const Largest largest = largestOf(job, row);
    for (int i = thread; i < kWeightBuckets; i += static_cast<int>(kThreads)) {
        buckets[i] = {0, 0, 0};
    }
    __syncthreads();
    const int first = static_cast<int>(blockIdx.x) * kTokensOfBlock + thread / kLanes * kChunk;
    const int end = min(first + kChunk, job.vocab);
    Sums sums{0, 0, 0};
    for (int i = first + thread % kLanes; i < end; i += kLanes) {
        const SoftmaxWeight b = softmaxWeightOf(before(job, row)[i], largest.before, 1.0f);
        float weight = 0;
        if (b.weight > 0) {
            atomicAdd(&buckets[bucketOf(b.weight)].before, 1u);
        }
        if (i < job.known) {
            weight = softmaxWeightOf(after(job, row)[i], largest.after, wish.scale).weight;
            if (weight > 0) {
                Bucket& bucket = buckets[bucketOf(weight)];
                atomicAdd(&bucket.mass, static_cast<unsigned long long>(timesRounded(weight, kMassUnits)));
                atomicAdd(&bucket.after, 1u);
            }
        }
        sums = plus(sums, {static_cast<double>(b.weight), static_cast<double>(timesRounded(b.weight, b.exponent)),
                           static_cast<double>(weight)});
    }
    lanes[thread] = sums;
    __syncthreads();
    if (thread % kLanes == 0) {
        Sums chunk{0, 0, 0};
        for (int lane = 0; lane < kLanes; ++lane) {
            chunk = plus(chunk, lanes[thread + lane]);
        }
        lanes[thread] = chunk; // read by this thread alone until the barrier
    }
    __syncthreads();
    const int block = row * job.blocks + static_cast<int>(blockIdx.x);
    if (thread < kChunksOfBlock) {
        job.chunks[block * kChunksOfBlock + thread] = lanes[thread * kLanes].after;
    }
    if (thread == 0) {
        Sums all{0, 0, 0};
        for (int chunk = 0; chunk < kChunksOfBlock; ++chunk) {
            all = plus(all, lanes[chunk * kLanes]);
        }
        job.sums[block] = all;
    }
    for (int i = thread; i < kWeightBuckets; i += static_cast<int>(kThreads)) {
        const Bucket& mine = buckets[i];
        Bucket& all = job.buckets[row * kWeightBuckets + i];
        if (mine.after > 0) {
            atomicAdd(&all.mass, mine.mass);
            atomicAdd(&all.after, mine.after);
        }
        if (mine.before > 0) {
            atomicAdd(&all.before, mine.before);
        }
    }
}

// Grid: rows. Three warps: sums and the draw, the threshold after the changes, the one before.
constexpr unsigned kDecideThreads = 3 * kWarp;

__global__ void __launch_bounds__(kDecideThreads) decideKernel(Job job) {
    __shared__ float weights[kChunk];
    const int row = static_cast<int>(blockIdx.x);
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const PreselectRow& wish = job.row[row];
    const Bucket* buckets = job.buckets + row * kWeightBuckets;
    const Largest largest = largestOf(job, row);
    Preselected& out = job.out[row];
    Sums sums{0, 0, 0};
    if (warp == 0) {
        for (int block = 0; block < job.blocks; ++block) {
            sums = plus(sums, job.sums[row * job.blocks + block]);
        }
    } else if (warp == 1) {
        Tally all{0, 0};
        const float threshold = thresholdOf(
            buckets, all,
            [](const Bucket& b) {
                return Tally{b.mass, b.after};
            },
            [&](const Tally& of, const Tally& found) {
                return wish.best > 0 ? found.count >= static_cast<unsigned>(wish.best)
                                     : static_cast<double>(found.mass) >=
                                           static_cast<double>(wish.share) *
                                               static_cast<double>(of.mass + of.count) * (1.0 + kShareMargin);
            });
        if (lane == 0) {
            job.thresholds[row].after = wish.draws != 0 && wish.best == 0 ? 2.0f : fmaxf(threshold, wish.least);
            out.weighing_after = static_cast<int>(all.count);
            out.candidates = 0;
        }
    } else {
        Tally all{0, 0};
        const float threshold = thresholdOf(
            buckets, all,
            [](const Bucket& b) {
                return Tally{0, b.before};
            },
            [&](const Tally&, const Tally& found) { return found.count >= static_cast<unsigned>(wish.before); });
        if (lane == 0) {
            job.thresholds[row].before = threshold;
            out.weighing_before = static_cast<int>(all.count);
            out.before = 0;
            out.max_before = largest.before;
            out.max_after = largest.after;
        }
    }
    const int id = wish.draws != 0 ? drawn(job, row, wish, largest.after, sums.after, weights) : -1;
    if (threadIdx.x == 0) {
        out.sum_before = sums.before;
        out.weighted_before = sums.weighted;
        out.sum_after = sums.after;
        out.drawn = id < 0 ? Candidate{-1, 0, 0, 0}
                           : Candidate{id, softmaxWeightOf(after(job, row)[id], largest.after, wish.scale).weight,
                                       before(job, row)[id], 0};
        out.named =
            wish.named < 0 ? Candidate{-1, 0, 0, 0} : Candidate{wish.named, 0, before(job, row)[wish.named], 0};
    }
}

__global__ void __launch_bounds__(kThreads) selectKernel(Job job) {
    const int row = static_cast<int>(blockIdx.y);
    const PreselectRow& wish = job.row[row];
    const Largest largest{job.out[row].max_before, job.out[row].max_after};
    const Thresholds thresholds = job.thresholds[row];
    Preselected& out = job.out[row];
    const int first = static_cast<int>(blockIdx.x) * kTokensOfBlock;
    const int end = min(first + kTokensOfBlock, job.vocab);
    for (int i = first + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(kThreads)) {
        const float logit = before(job, row)[i];
        if (i < job.known) {
            const float weight = softmaxWeightOf(after(job, row)[i], largest.after, wish.scale).weight;
            if (weight > 0 && weight >= thresholds.after) {
                const int at = atomicAdd(&out.candidates, 1);
                if (at < static_cast<int>(Preselected::kMostCandidates)) {
                    out.candidate[at] = {i, weight, logit, 0};
                }
            }
        }
        if (wish.before > 0) {
            const float weight = softmaxWeightOf(logit, largest.before, 1.0f).weight;
            if (weight > 0 && weight >= thresholds.before) {
                const int at = atomicAdd(&out.before, 1);
                if (at < static_cast<int>(Preselected::kMostBefore)) {
                    out.before_list[at] = {i, 0, logit, 0};
                }
            }
        }
    }
}

// Grid: blocks of kThreads * kTokensOfThread tokens, rows. Every candidate counts those that rank before it.
constexpr int kTokensOfThread = 8;

__global__ void __launch_bounds__(kThreads) rankKernel(Job job) {
    const int row = static_cast<int>(blockIdx.y);
    if (job.row[row].statistics == 0) {
        return;
    }
    Preselected& out = job.out[row];
    const float* logits = before(job, row);
    const int first = static_cast<int>(blockIdx.x * kThreads) * kTokensOfThread + static_cast<int>(threadIdx.x);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    float mine[kTokensOfThread];
#pragma unroll
    for (int i = 0; i < kTokensOfThread; ++i) {
        const int token = first + i * static_cast<int>(kThreads);
        mine[i] = token < job.vocab ? logits[token] : -INFINITY;
    }
    const auto count = [&](Candidate& candidate) {
        unsigned ahead = 0;
#pragma unroll
        for (int i = 0; i < kTokensOfThread; ++i) {
            const int token = first + i * static_cast<int>(kThreads);
            const bool is = token < job.vocab &&
                            (mine[i] > candidate.logit || (mine[i] == candidate.logit && token < candidate.id));
            ahead += is ? 1u : 0u;
        }
        for (int step = kWarp / 2; step > 0; step /= 2) {
            ahead += __shfl_xor_sync(kAllLanes, ahead, step);
        }
        const bool itself = blockIdx.x == 0 && threadIdx.x == 0; // ranks begin at 1
        ahead += itself ? 1u : 0u;
        if (lane == 0 && ahead > 0) {
            atomicAdd(&candidate.rank, static_cast<int>(ahead));
        }
    };
    const int candidates = min(out.candidates, static_cast<int>(Preselected::kMostCandidates));
    for (int c = 0; c < candidates; ++c) {
        count(out.candidate[c]);
    }
    if (out.drawn.id >= 0) {
        count(out.drawn);
    }
    if (out.named.id >= 0) {
        count(out.named);
    }
}

// Pieces of one scratch array, one behind the other.
class Pieces {
  public:
    template <class T>
    std::size_t add(std::size_t count) {
        const std::size_t at = bytes_;
        bytes_ += ceilDiv(count * sizeof(T), 256) * 256;
        return at;
    }
    std::size_t bytes() const { return bytes_; }

  private:
    std::size_t bytes_ = 0;
};

unsigned mostChanges(const PreselectParams& p) {
    std::int32_t most = 0;
    for (std::size_t row = 0; row < p.rows; ++row) {
        most = std::max(most, p.row[row].changes);
    }
    return static_cast<unsigned>(most);
}

void preselect(const PreselectParams& p, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    CudaQueue& queue = CudaQueue::of(q);
    const std::size_t blocks = ceilDiv(p.vocab, static_cast<std::size_t>(kTokensOfBlock));
    const unsigned most = mostChanges(p);
    Pieces pieces;
    const std::size_t rows_at = pieces.add<PreselectRow>(p.rows);
    const std::size_t changes_at = pieces.add<LogitChange>(p.change_count);
    const std::size_t largest_at = pieces.add<Largest>(p.rows * blocks);
    const std::size_t sums_at = pieces.add<Sums>(p.rows * blocks);
    const std::size_t chunks_at = pieces.add<double>(p.rows * blocks * kChunksOfBlock);
    const std::size_t buckets_at = pieces.add<Bucket>(p.rows * kWeightBuckets);
    const std::size_t thresholds_at = pieces.add<Thresholds>(p.rows);
    const std::size_t changed_at = pieces.add<float>(most > 0 ? p.rows * p.vocab : 0);
    auto* memory = static_cast<std::byte*>(queue.scratch(CudaQueue::Slot::Sampling, pieces.bytes()));
    queue.copyIn(memory + rows_at, p.row, p.rows * sizeof(PreselectRow));
    if (p.change_count > 0) {
        queue.copyIn(memory + changes_at, p.changes, p.change_count * sizeof(LogitChange));
    }
    auto* changed = reinterpret_cast<float*>(memory + changed_at);
    const Job job{p.logits,
                  changed,
                  reinterpret_cast<const PreselectRow*>(memory + rows_at),
                  reinterpret_cast<const LogitChange*>(memory + changes_at),
                  reinterpret_cast<Largest*>(memory + largest_at),
                  reinterpret_cast<Sums*>(memory + sums_at),
                  reinterpret_cast<double*>(memory + chunks_at),
                  reinterpret_cast<Bucket*>(memory + buckets_at),
                  reinterpret_cast<Thresholds*>(memory + thresholds_at),
                  p.out,
                  static_cast<int>(p.vocab),
                  static_cast<int>(p.known),
                  static_cast<int>(blocks)};
    const auto rows = static_cast<unsigned>(p.rows);
    const dim3 grid(static_cast<unsigned>(blocks), rows);
    if (most > 0) {
        queue.launch(copyKernel, grid, kThreads, 0, job, changed);
        queue.launch(changeKernel, dim3(static_cast<unsigned>(ceilDiv(most, kThreads)), rows), kThreads, 0, job,
                     changed);
    }
    queue.launch(largestKernel, grid, kThreads, 0, job);
    queue.launch(sumsKernel, grid, kThreads, 0, job);
    queue.launch(decideKernel, dim3(rows), kDecideThreads, 0, job);
    queue.launch(selectKernel, grid, kThreads, 0, job);
    const std::size_t of_block = static_cast<std::size_t>(kThreads) * kTokensOfThread;
    queue.launch(rankKernel, dim3(static_cast<unsigned>(ceilDiv(p.vocab, of_block)), rows), kThreads, 0, job);
}

} // namespace

} // namespace fulgurite::kernels::cuda

// What kernels/device_sampling.cpp looks up.
extern "C" __attribute__((visibility("default"))) const fulgurite::kernels::DeviceSampling*
fulgurite_device_sampling() {
    using namespace fulgurite::kernels;
    static const DeviceSampling sampling{kSamplingInterface, cuda::preselect};
    return &sampling;
}
