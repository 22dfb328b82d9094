// SPDX-License-Identifier: Apache-2.0
// Both ends of a training pass: log-probabilities and the gradient of the logits, and the gradient of the
// embedding.
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/cuda/warp.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;

__device__ __forceinline__ float blockMax(float x, float* parts) {
    x = warpMax(x);
    __syncthreads(); // `parts` may still be read
    if (threadIdx.x % kWarp == 0) {
        parts[threadIdx.x / kWarp] = x;
    }
    __syncthreads();
    float top = parts[0];
    for (unsigned w = 1; w < blockDim.x / kWarp; ++w) {
        top = fmaxf(top, parts[w]);
    }
    return top;
}

// One block for each row.
__global__ void __launch_bounds__(kThreads) logProbKernel(LogProbParams p, float scale) {
    __shared__ float parts[kThreads / kWarp];
    const std::size_t row = blockIdx.x;
    const float* z = p.logits + row * p.vocab;
    float top = -INFINITY;
    for (std::size_t i = threadIdx.x; i < p.vocab; i += kThreads) {
        top = fmaxf(top, z[i] * scale);
    }
    top = blockMax(top, parts);
    float sum = 0;
    float weighted = 0; // of what lies below the largest
    for (std::size_t i = threadIdx.x; i < p.vocab; i += kThreads) {
        const float below = z[i] * scale - top;
        const float part = expf(below);
        sum += part;
        weighted += part * below;
    }
    sum = blockSum(sum, parts);
    weighted = blockSum(weighted, parts);
    if (threadIdx.x == 0) {
        const double log_of_sum = log(static_cast<double>(sum));
        const double log_sum = static_cast<double>(top) + log_of_sum;
        p.log_sums[row] = static_cast<float>(log_sum);
        p.log_probs[row] = static_cast<float>(static_cast<double>(z[p.targets[row]]) * scale - log_sum);
        p.entropies[row] = static_cast<float>(log_of_sum - static_cast<double>(weighted) / sum);
    }
}

// One block for each row.
__global__ void __launch_bounds__(kThreads) logProbGradKernel(LogProbGrad p, float scale) {
    const std::size_t row = blockIdx.x;
    float* z = p.logits + row * p.vocab;
    const float c = p.dlog_probs[row];
    const float h = p.dentropies != nullptr ? p.dentropies[row] : 0.0f;
    const float entropy = h != 0.0f ? p.entropies[row] : 0.0f;
    const float log_sum = p.log_sums[row];
    const auto target = static_cast<std::size_t>(p.targets[row]);
    const bool none = c == 0.0f && h == 0.0f;
    for (std::size_t i = threadIdx.x; i < p.vocab; i += kThreads) {
        const float log_p = z[i] * scale - log_sum;
        const float probability = expf(log_p);
        const float d = (i == target ? c : 0.0f) - c * probability - h * probability * (log_p + entropy);
        z[i] = none ? 0.0f : d * scale;
    }
}

// One block for each token that occurs: adds its rows in their order.
__global__ void __launch_bounds__(kThreads)
    embedKernel(EmbedGrad p, const std::int32_t* order, const std::int32_t* starts) {
    const std::int32_t begin = starts[blockIdx.x];
    const std::int32_t end = starts[blockIdx.x + 1];
    // Behind the starts and the order lie the tokens.
    const std::int32_t id = order[p.rows + blockIdx.x];
    float* out = p.dtable + static_cast<std::size_t>(id) * p.width;
    for (std::size_t i = threadIdx.x; i < p.width; i += kThreads) {
        float sum = out[i];
        for (std::int32_t at = begin; at < end; ++at) {
            sum += p.dout[static_cast<std::size_t>(order[at]) * p.width + i];
        }
        out[i] = sum;
    }
}

} // namespace

void logProb(const LogProbParams& p, Queue& q) {
    CudaQueue::of(q).launch(logProbKernel, dim3(static_cast<unsigned>(p.rows)), kThreads, 0, p,
                            1.0f / p.temperature);
}

void logProbGrad(const LogProbGrad& p, Queue& q) {
    CudaQueue::of(q).launch(logProbGradKernel, dim3(static_cast<unsigned>(p.rows)), kThreads, 0, p,
                            1.0f / p.temperature);
}

void embedGrad(const EmbedGrad& p, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    // [rows: order][tokens][starts of their rows in the order, and its end]
    std::vector<std::int32_t> plan(p.rows);
    std::iota(plan.begin(), plan.end(), 0);
    std::stable_sort(plan.begin(), plan.end(), [&](std::int32_t a, std::int32_t b) { return p.ids[a] < p.ids[b]; });
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> starts;
    for (std::size_t at = 0; at < p.rows; ++at) {
        const std::int32_t id = p.ids[plan[at]];
        if (tokens.empty() || tokens.back() != id) {
            tokens.push_back(id);
            starts.push_back(static_cast<std::int32_t>(at));
        }
    }
    starts.push_back(static_cast<std::int32_t>(p.rows));
    plan.insert(plan.end(), tokens.begin(), tokens.end());
    plan.insert(plan.end(), starts.begin(), starts.end());
    CudaQueue& queue = CudaQueue::of(q);
    auto* order =
        static_cast<std::int32_t*>(queue.scratch(CudaQueue::Slot::Permutation, plan.size() * sizeof(std::int32_t)));
    queue.copyIn(order, plan.data(), plan.size() * sizeof(std::int32_t));
    EmbedGrad on_device = p;
    on_device.ids = nullptr; // the host's, and sorted by now
    queue.launch(embedKernel, dim3(static_cast<unsigned>(tokens.size())), kThreads, 0, on_device, order,
                 order + p.rows + tokens.size());
}

} // namespace fulgurite::kernels::cuda
