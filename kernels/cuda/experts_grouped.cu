// SPDX-License-Identifier: Apache-2.0
// Experts of some rows: rows are grouped by expert on the device, and one launch multiplies all groups on the tensor
// cores. Gate and up go through one kernel that writes silu(gate) * up; down through the same with other addresses.
// Weights are bfloat16, or int8 that becomes bfloat16 (exactly) on the way from shared memory to the fragments, with the
// scale of an output put on its sum. Bfloat16 with many rows for each expert goes to cuBLAS (experts_cublas.cu).
#include "kernels/cuda/experts.h"
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/tensor_core.h"
#include "kernels/cuda/weight_load.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr int kTileRows = 128; // slots of a block
constexpr int kTileCols = 128; // rows of weights of a block; of gate and up 64 each
constexpr int kStep = 64;      // elements of the inner dimension in shared memory at once
constexpr int kStages = 3;
constexpr int kStride = kStep + 8;
constexpr int kMostExperts = 256;

struct Groups {
    std::int32_t* first;  // [count + 1]: first slot of each expert; the last: how many slots there are
    std::int32_t* source; // [rows * top_k]: the row behind a slot
    std::int32_t* slot;   // [rows * top_k]: the slot of a choice; -1: an expert of another rank
};

// One block; warp w takes experts w, w + warps, ... Slots of an expert are in the order of rows, whatever the
// timing.
__global__ void __launch_bounds__(1024) groupKernel(ExpertRows p, Groups g) {
    __shared__ int counts[kMostExperts + 1];
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    const int choices = p.rows * p.top_k;
    for (int e = warp; e < p.count; e += warps) {
        int count = 0;
        for (int i = lane; i < choices; i += kWarp) {
            count += p.ids[i] - p.first == e ? 1 : 0;
        }
        for (int step = kWarp / 2; step > 0; step /= 2) {
            count += __shfl_xor_sync(kAllLanes, count, step);
        }
        if (lane == 0) {
            counts[e] = count;
        }
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        int sum = 0;
        for (int e = 0; e < p.count; ++e) {
            g.first[e] = sum;
            const int count = counts[e];
            counts[e] = sum;
            sum += count;
        }
        g.first[p.count] = sum;
    }
    for (int i = static_cast<int>(threadIdx.x); i < choices; i += static_cast<int>(blockDim.x)) {
        const int expert = p.ids[i] - p.first;
        if (expert < 0 || expert >= p.count) {
            g.slot[i] = -1;
        }
    }
    __syncthreads();
    for (int e = warp; e < p.count; e += warps) {
        int next = counts[e];
        for (int begin = 0; begin < choices; begin += kWarp) {
            const int i = begin + lane;
            const int mine = i < choices && p.ids[i] - p.first == e ? 1 : 0;
            int before = mine; // becomes the number up to and with this lane
            for (int step = 1; step < kWarp; step *= 2) {
                const int other = __shfl_up_sync(kAllLanes, before, static_cast<unsigned>(step));
                before += lane >= step ? other : 0;
            }
            if (mine != 0) {
                const int slot = next + before - 1;
                g.slot[i] = slot;
                g.source[slot] = i / p.top_k;
            }
            next += __shfl_sync(kAllLanes, before, kWarp - 1);
        }
    }
}

// Rows by slot, in bfloat16.
__global__ void gatherRowsKernel(ExpertRows p, Groups g, std::uint32_t* out) {
    const int slot = static_cast<int>(blockIdx.x);
    if (slot >= g.first[p.count]) {
        return;
    }
    const float* from = p.x + static_cast<std::size_t>(g.source[slot]) * static_cast<std::size_t>(p.width);
    std::uint32_t* to = out + static_cast<std::size_t>(slot) * static_cast<std::size_t>(p.width / 2);
    for (int i = static_cast<int>(threadIdx.x); i < p.width / 2; i += static_cast<int>(blockDim.x)) {
        to[i] = packBf16(from[2 * i], from[2 * i + 1]);
    }
}

// Fragments of B from rows of weights in shared memory, [n][k].
template <class Weight>
struct Weights;

template <>
struct Weights<Bf16> {
    static constexpr int kStrideBytes = kStride * 2;
    static __device__ __forceinline__ void load(std::uint32_t (&b)[4], const unsigned char* tile, int k, int n) {
        loadB(b, Tile{reinterpret_cast<const std::uint16_t*>(tile), kStride}, k, n);
    }
};

template <>
struct Weights<std::int8_t> {
    static constexpr int kStrideBytes = kStep + 16;
    static __device__ __forceinline__ std::uint32_t pairAt(const unsigned char* tile, int n, int k) {
        std::int8_t both[2];
        memcpy(both, tile + n * kStrideBytes + k, 2);
        return packBf16(static_cast<float>(both[0]), static_cast<float>(both[1]));
    }
    static __device__ __forceinline__ void load(std::uint32_t (&b)[4], const unsigned char* tile, int k, int n) {
        const int lane = static_cast<int>(threadIdx.x) % kWarp;
        const int row = n + lane / 4;
        const int at = k + 2 * (lane % 4);
        b[0] = pairAt(tile, row, at);
        b[1] = pairAt(tile, row, at + 8);
        b[2] = pairAt(tile, row + 8, at);
        b[3] = pairAt(tile, row + 8, at + 8);
    }
};

struct Product {
    const ExpertMatrices* experts;
    const std::int32_t* first; // [count + 1]
    const std::uint16_t* x;    // [slots, inner] bfloat16
    void* out;                 // of gate and up: bfloat16 [slots, outputs]; of down: float32
    int count;
    int inner; // a multiple of 16 bytes of either type
    int outputs;
};

template <class Weight>
struct Stage {
    alignas(16) std::uint16_t x[kTileRows][kStride];
    alignas(16) unsigned char weights[kTileCols * Weights<Weight>::kStrideBytes];
};

template <class Weight, bool kGateUp>
__device__ __forceinline__ const Weight* weightRow(const Product& p, const ExpertMatrices& e, int first_output,
                                                   int row) {
    constexpr int kHalf = kTileCols / 2;
    const WeightMatrix& w = !kGateUp ? e.down : row < kHalf ? e.gate : e.up;
    const int output = first_output + (kGateUp ? row % kHalf : row);
    if (output >= p.outputs) {
        return nullptr;
    }
    const std::size_t stride = w.stride != 0 ? w.stride : w.cols;
    return static_cast<const Weight*>(w.data) + static_cast<std::size_t>(output) * stride;
}

template <class Weight, bool kGateUp>
__device__ __forceinline__ void loadStage(Stage<Weight>& stage, const Product& p, const ExpertMatrices& e,
                                          int first_slot, int slots, int first_output, int k) {
    constexpr int kPieces = kStep / 8; // of a row of x
    for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kPieces; i += static_cast<int>(kThreads)) {
        const int row = i / kPieces;
        const int at = i % kPieces * 8;
        const bool inside = row < slots && k + at < p.inner;
        copyAsync(&stage.x[row][at],
                  inside ? p.x + static_cast<std::size_t>(first_slot + row) * static_cast<std::size_t>(p.inner) +
                               (k + at)
                         : nullptr);
    }
    constexpr int kPack16 = kPack<Weight>;
    constexpr int kWeightPieces = kStep / kPack16;
    for (int i = static_cast<int>(threadIdx.x); i < kTileCols * kWeightPieces; i += static_cast<int>(kThreads)) {
        const int row = i / kWeightPieces;
        const int at = i % kWeightPieces * kPack16;
        const Weight* from = weightRow<Weight, kGateUp>(p, e, first_output, row);
        copyAsync(&stage.weights[row * Weights<Weight>::kStrideBytes + at * static_cast<int>(sizeof(Weight))],
                  from != nullptr && k + at < p.inner ? from + k + at : nullptr);
    }
    commitCopies();
}

// Where a warp's eight fragments of columns begin among the tile's rows of weights.
template <bool kGateUp>
__device__ __forceinline__ int fragmentRow(int warp_column, int n) {
    return kGateUp ? n / 4 * 64 + warp_column * 32 + n % 4 * 8 : warp_column * 64 + n * 8;
}

template <class Weight, bool kGateUp>
__device__ __forceinline__ void store(const FragmentC (&sums)[2][8], const Product& p, const ExpertMatrices& e,
                                      int first_slot, int slots, int first_output, int warp_row, int warp_column) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const auto scaled = [](const WeightMatrix& w, int output, float sum) {
        return w.scales != nullptr ? sum * static_cast<const float*>(w.scales)[output] : sum;
    };
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
        for (int n = 0; n < (kGateUp ? 4 : 8); ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int row = warp_row * 32 + m * 16 + lane / 4 + i / 2 * 8;
                const int output = first_output + fragmentRow<kGateUp>(warp_column, n) + 2 * (lane % 4) + i % 2;
                if (row >= slots || output >= p.outputs) {
                    continue;
                }
                const std::size_t at =
                    static_cast<std::size_t>(first_slot + row) * static_cast<std::size_t>(p.outputs) +
                    static_cast<std::size_t>(output);
                if constexpr (kGateUp) {
                    const float gate = scaled(e.gate, output, sums[m][n][i]);
                    const float up = scaled(e.up, output, sums[m][n + 4][i]);
                    static_cast<std::uint16_t*>(p.out)[at] =
                        static_cast<std::uint16_t>(packBf16(gate * sigmoid(gate) * up, 0.0f));
                } else {
                    static_cast<float*>(p.out)[at] = scaled(e.down, output, sums[m][n][i]);
                }
            }
        }
    }
}

// Grid: tiles of rows of all experts (an upper bound of their number), tiles of outputs.
template <class Weight, bool kGateUp>
__global__ void __launch_bounds__(kThreads, 1) productKernel(Product p) {
    FG_SHARED(Stage<Weight>, stages);
    int tile = static_cast<int>(blockIdx.x);
    int expert = 0;
    for (; expert < p.count; ++expert) {
        const int tiles = (p.first[expert + 1] - p.first[expert] + kTileRows - 1) / kTileRows;
        if (tile < tiles) {
            break;
        }
        tile -= tiles;
    }
    if (expert == p.count) {
        return; // the same for the whole block
    }
    const ExpertMatrices& e = p.experts[expert];
    const int first_slot = p.first[expert] + tile * kTileRows;
    const int slots = min(kTileRows, p.first[expert + 1] - first_slot);
    const int first_output = static_cast<int>(blockIdx.y) * (kGateUp ? kTileCols / 2 : kTileCols);
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int warp_row = warp % 4;
    const int warp_column = warp / 4;
    const int steps = (p.inner + kStep - 1) / kStep;
    for (int s = 0; s < kStages - 1; ++s) {
        if (s < steps) {
            loadStage<Weight, kGateUp>(stages[s], p, e, first_slot, slots, first_output, s * kStep);
        } else {
            commitCopies();
        }
    }
    FragmentC sums[2][8] = {};
    for (int step = 0; step < steps; ++step) {
        waitCopies<kStages - 2>();
        __syncthreads(); // the stage is there, and nobody reads the one that is overwritten now
        const int ahead = step + kStages - 1;
        if (ahead < steps) {
            loadStage<Weight, kGateUp>(stages[ahead % kStages], p, e, first_slot, slots, first_output,
                                       ahead * kStep);
        } else {
            commitCopies();
        }
        const Stage<Weight>& stage = stages[step % kStages];
        const Tile x{&stage.x[0][0], kStride};
#pragma unroll
        for (int k = 0; k < kStep; k += 16) {
            FragmentA a[2];
            loadA(a[0], x, warp_row * 32, k);
            loadA(a[1], x, warp_row * 32 + 16, k);
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                std::uint32_t b[4];
                Weights<Weight>::load(b, stage.weights, k, fragmentRow<kGateUp>(warp_column, n));
#pragma unroll
                for (int m = 0; m < 2; ++m) {
                    multiplyAdd(sums[m][n], a[m], b[0], b[1]);
                    multiplyAdd(sums[m][n + 1], a[m], b[2], b[3]);
                }
            }
        }
    }
    waitCopies<0>();
    store<Weight, kGateUp>(sums, p, e, first_slot, slots, first_output, warp_row, warp_column);
}

// out[row, i]: the row's experts by rising index.
__global__ void combineSlotsKernel(ExpertRows p, Groups g, const float* outputs) {
    const int row = static_cast<int>(blockIdx.x);
    const int first = row * p.top_k;
    for (int i = static_cast<int>(threadIdx.x); i < p.width; i += static_cast<int>(blockDim.x)) {
        float sum = 0;
        int last = -1;
        for (int round = 0; round < p.top_k; ++round) {
            int next = -1;
            int choice = first;
            for (int j = first; j < first + p.top_k; ++j) {
                if (p.ids[j] > last && (next < 0 || p.ids[j] < next)) {
                    next = p.ids[j];
                    choice = j;
                }
            }
            last = next;
            if (g.slot[choice] >= 0) {
                sum += p.weights[choice] *
                       outputs[static_cast<std::size_t>(g.slot[choice]) * static_cast<std::size_t>(p.width) +
                               static_cast<std::size_t>(i)];
            }
        }
        p.out[static_cast<std::size_t>(row) * static_cast<std::size_t>(p.width) + static_cast<std::size_t>(i)] =
            sum;
    }
}

template <class Weight>
void productsByTiles(const ExpertRows& p, const ExpertMatrices* experts, const Groups& groups,
                     const std::uint16_t* x, std::uint16_t* hidden, float* outputs, CudaQueue& queue) {
    const std::size_t choices = static_cast<std::size_t>(p.rows) * static_cast<std::size_t>(p.top_k);
    // Every expert's last tile may be a short one.
    const std::size_t tiles = ceilDiv(choices, kTileRows) + std::min(static_cast<std::size_t>(p.count), choices);
    const auto grid = [&](int outputs_of, int per_tile) {
        return dim3(static_cast<unsigned>(tiles),
                    static_cast<unsigned>(
                        ceilDiv(static_cast<std::size_t>(outputs_of), static_cast<std::size_t>(per_tile))));
    };
    constexpr std::size_t kShared = kStages * sizeof(Stage<Weight>);
    static_assert(kShared <= 227 * 1024);
    queue.allowShared(productKernel<Weight, true>, kShared);
    queue.allowShared(productKernel<Weight, false>, kShared);
    queue.launch(productKernel<Weight, true>, grid(p.intermediate, kTileCols / 2), kThreads, kShared,
                 Product{experts, groups.first, x, hidden, p.count, p.width, p.intermediate});
    queue.launch(productKernel<Weight, false>, grid(p.width, kTileCols), kThreads, kShared,
                 Product{experts, groups.first, hidden, outputs, p.count, p.intermediate, p.width});
}

template <class Weight>
void run(const ExpertRows& p, const ExpertMatrices* experts, CudaQueue& queue) {
    const std::size_t choices = static_cast<std::size_t>(p.rows) * static_cast<std::size_t>(p.top_k);
    auto* numbers = static_cast<std::int32_t*>(
        queue.scratch(CudaQueue::Slot::Permutation,
                      (static_cast<std::size_t>(p.count) + 1 + 2 * choices) * sizeof(std::int32_t)));
    const Groups groups{numbers, numbers + p.count + 1, numbers + p.count + 1 + choices};
    const auto bytes = [&](int width, std::size_t size) {
        return choices * static_cast<std::size_t>(width) * size;
    };
    auto* in = static_cast<std::uint32_t*>(queue.scratch(CudaQueue::Slot::ExpertIn, bytes(p.width, 2)));
    auto* hidden =
        static_cast<std::uint16_t*>(queue.scratch(CudaQueue::Slot::ExpertHidden, bytes(p.intermediate, 2)));
    auto* outputs = static_cast<float*>(queue.scratch(CudaQueue::Slot::ExpertOut, bytes(p.width, 4)));
    queue.launch(groupKernel, dim3(1), 1024, 0, p, groups);
    queue.launch(gatherRowsKernel, dim3(static_cast<unsigned>(choices)), kThreads, 0, p, groups, in);
    const auto* rounded = reinterpret_cast<const std::uint16_t*>(in);
    if (std::is_same_v<Weight, Bf16> && worthCublas(p)) {
        productsByCublas(p, experts, groups.first, rounded, hidden, outputs, queue);
    } else {
        productsByTiles<Weight>(p, experts, groups, rounded, hidden, outputs, queue);
    }
    queue.launch(combineSlotsKernel, dim3(static_cast<unsigned>(p.rows)), kThreads, 0, p, groups, outputs);
}

// Sixteen bytes are copied at once: rows of weights must begin at such addresses.
bool fits(const WeightMatrix& w) {
    const std::size_t stride = w.stride != 0 ? w.stride : w.cols;
    return (w.dtype == DType::BF16 || w.dtype == DType::I8) && reinterpret_cast<std::uintptr_t>(w.data) % 16 == 0 &&
           stride * sizeOf(w.dtype) % 16 == 0 && w.cols % 16 == 0;
}

} // namespace

bool expertsGrouped(const ExpertsParams& params, CudaQueue& queue) {
    const ExpertMatrices& like = params.like;
    if (!fits(like.gate) || !fits(like.up) || !fits(like.down) || params.count > kMostExperts) {
        return false;
    }
    const ExpertRows p = expertRows(params, 0, params.rows);
    if (like.gate.dtype == DType::BF16) {
        run<Bf16>(p, params.experts, queue);
    } else {
        run<std::int8_t>(p, params.experts, queue);
    }
    return true;
}

} // namespace fulgurite::kernels::cuda
