// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cuda_queue.h"

#include "kernels/cuda/cuda_device.h"

#include <algorithm>
#include <bit>

namespace fulgurite::kernels::cuda {

namespace {

constexpr std::size_t kKeptSteps = 8;
constexpr std::size_t kKeptPageTables = 1024;
// A graph of fewer kernels saves nothing.
constexpr std::size_t kSmallestStep = 4;

bool sameSize(dim3 a, dim3 b) {
    return a.x == b.x && a.y == b.y && a.z == b.z;
}

} // namespace

bool Launch::sameWork(const Launch& other) const {
    return kernel == other.kernel && sameSize(grid, other.grid) && sameSize(block, other.block) &&
           shared_bytes == other.shared_bytes && arguments == other.arguments;
}

void Launch::addresses(std::vector<void*>& into) {
    into.clear();
    for (const std::uint32_t offset : offsets) {
        into.push_back(arguments.data() + offset);
    }
}

CudaQueue::CudaQueue(CudaDevice& device)
    : device_(device),
      multiprocessors_(device.info().multiprocessors),
      scratch_(static_cast<std::size_t>(Slot::Count), {nullptr, 0}) {
    device_.use();
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "to make a stream");
}

CudaQueue::~CudaQueue() {
    cudaStreamSynchronize(stream_);
    for (Step& step : steps_) {
        forget(step);
    }
    for (const auto& [address, bytes] : scratch_) {
        device_.release(address);
    }
    for (const Pages& pages : pages_) {
        device_.release(pages.device);
    }
    if (blas_ != nullptr) {
        cublasDestroy(blas_);
    }
    cudaStreamDestroy(stream_);
}

void CudaQueue::copyIn(void* target, const void* source, std::size_t bytes) {
    if (bytes > 0) {
        // From memory that is not pinned the call returns when the bytes have been staged.
        check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, stream()), "to take in values");
    }
}

void CudaQueue::copyOut(void* target, const void* source, std::size_t bytes) {
    if (bytes > 0) {
        check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToHost, stream()), "to hand out values");
        check(cudaStreamSynchronize(stream_), "while computing");
    }
}

void CudaQueue::wait() {
    check(cudaStreamSynchronize(stream()), "while computing");
}

cudaStream_t CudaQueue::stream() {
    device_.use(); // a queue may be handed from thread to thread, and a thread may have used another device since
    flush();
    return stream_;
}

cublasHandle_t CudaQueue::blas() {
    device_.use();
    flush();
    if (blas_ == nullptr) {
        check(cublasCreate(&blas_), "to start");
        check(cublasSetStream(blas_, stream_), "to take the stream");
    }
    return blas_;
}

void* CudaQueue::scratch(Slot slot, std::size_t bytes) {
    auto& [address, size] = scratch_[static_cast<std::size_t>(slot)];
    if (size < bytes) {
        flush(); // what was recorded may still name the old one
        check(cudaStreamSynchronize(stream_), "while computing");
        device_.release(address);
        address = nullptr;
        size = 0;
        // Room to grow: a step that is to be replayed must find its scratch memory where it was.
        const std::size_t rounded = bytes + bytes / 4;
        address = device_.allocate(rounded, "intermediate values");
        size = rounded;
    }
    return address;
}

CudaQueue::PageTable CudaQueue::pageTable(const float* const* keys, const float* const* values, std::size_t pages) {
    const float* last = keys[pages - 1];
    auto found = std::find_if(pages_.begin(), pages_.end(), [&](const Pages& p) { return p.key == last; });
    if (found == pages_.end()) {
        if (pages_.size() < kKeptPageTables) {
            pages_.emplace_front();
        } else {
            check(cudaStreamSynchronize(stream()), "while computing"); // somebody may still read the oldest
            pages_.splice(pages_.begin(), pages_, std::prev(pages_.end()));
        }
        found = pages_.begin();
        found->key = last;
        found->host.clear();
    }
    pages_.splice(pages_.begin(), pages_, found);
    Pages& table = pages_.front();
    if (table.capacity < pages) {
        check(cudaStreamSynchronize(stream()), "while computing");
        device_.release(table.device);
        table.device = nullptr;
        table.capacity = 0;
        table.host.clear();
        // In powers of two: what was given back is reused for its own size alone, and a context grows page by page.
        const std::size_t room = std::bit_ceil(pages);
        table.device = device_.allocate(room * 2 * sizeof(float*), "the table of pages");
        table.capacity = room;
    }
    const bool same = table.host.size() == 2 * pages && std::equal(keys, keys + pages, table.host.begin()) &&
                      std::equal(values, values + pages, table.host.begin() + static_cast<std::ptrdiff_t>(pages));
    if (!same) {
        table.host.assign(keys, keys + pages);
        table.host.insert(table.host.end(), values, values + pages);
        // Not through copyIn(): what is recorded stays so. Nothing recorded reads this table, for a page that is
        // written to belongs to one sequence, and a sequence is in a step once.
        check(cudaMemcpyAsync(table.device, table.host.data(), 2 * pages * sizeof(float*), cudaMemcpyHostToDevice,
                              stream_),
              "to take in a table of pages");
    }
    const auto* addresses = static_cast<const float* const*>(table.device);
    return {addresses, addresses + pages};
}

void CudaQueue::allow(const void* kernel, std::size_t bytes) {
    if (allowed_.insert(kernel).second) {
        check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
              "to set shared memory aside");
    }
}

void CudaQueue::start(Launch& launch) {
    device_.use();
    launch.addresses(addresses_);
    check(
        cudaLaunchKernel(launch.kernel, launch.grid, launch.block, addresses_.data(), launch.shared_bytes, stream_),
        "to start a kernel");
    ++counters_.launches;
}

void CudaQueue::flush() {
    if (!recording_) {
        return;
    }
    recording_ = false;
    for (std::size_t i = 0; i < recorded_; ++i) {
        start(records_[i]);
    }
    recorded_ = 0;
}

void CudaQueue::beginStep() {
    flush();
    recording_ = true;
    recorded_ = 0;
}

void CudaQueue::dropStep() noexcept {
    recording_ = false;
    recorded_ = 0;
}

void CudaQueue::endStep() {
    if (!recording_ || recorded_ < kSmallestStep) {
        flush();
        return;
    }
    device_.use();
    recording_ = false;
    const auto alike = [&](const Step& step) {
        return step.launches.size() == recorded_ &&
               std::equal(step.launches.begin(), step.launches.end(), records_.begin(),
                          [](const Launch& a, const Launch& b) { return a.kernel == b.kernel; });
    };
    const auto found = std::find_if(steps_.begin(), steps_.end(), alike);
    if (found == steps_.end()) {
        if (steps_.size() >= kKeptSteps) {
            check(cudaStreamSynchronize(stream_), "while computing");
            forget(steps_.back());
            steps_.pop_back();
        }
        steps_.emplace_front();
        try {
            build(steps_.front());
        } catch (...) {
            forget(steps_.front());
            steps_.pop_front();
            throw;
        }
        ++counters_.steps_built;
    } else {
        steps_.splice(steps_.begin(), steps_, found);
        update(steps_.front());
        ++counters_.steps_replayed;
    }
    recorded_ = 0;
    check(cudaGraphLaunch(steps_.front().graph, stream_), "to start a step");
}

namespace {

cudaKernelNodeParams nodeParams(Launch& launch, std::vector<void*>& addresses) {
    launch.addresses(addresses);
    cudaKernelNodeParams params{};
    params.func = const_cast<void*>(launch.kernel);
    params.gridDim = launch.grid;
    params.blockDim = launch.block;
    params.sharedMemBytes = launch.shared_bytes;
    params.kernelParams = addresses.data();
    return params;
}

} // namespace

// A chain: each kernel waits for the one before.
void CudaQueue::build(Step& step) {
    step.launches.assign(records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(recorded_));
    cudaGraph_t graph = nullptr;
    check(cudaGraphCreate(&graph, 0), "to make a graph");
    try {
        for (Launch& launch : step.launches) {
            const cudaKernelNodeParams params = nodeParams(launch, addresses_);
            cudaGraphNode_t node = nullptr;
            const cudaGraphNode_t* before = step.nodes.empty() ? nullptr : &step.nodes.back();
            check(cudaGraphAddKernelNode(&node, graph, before, step.nodes.empty() ? 0 : 1, &params),
                  "to add to a graph");
            step.nodes.push_back(node);
        }
        check(cudaGraphInstantiate(&step.graph, graph, 0), "to prepare a graph");
    } catch (...) {
        cudaGraphDestroy(graph);
        throw;
    }
    step.source = graph;
}

void CudaQueue::update(Step& step) {
    for (std::size_t i = 0; i < recorded_; ++i) {
        if (step.launches[i].sameWork(records_[i])) {
            continue;
        }
        step.launches[i] = records_[i];
        const cudaKernelNodeParams params = nodeParams(step.launches[i], addresses_);
        check(cudaGraphExecKernelNodeSetParams(step.graph, step.nodes[i], &params), "to change a graph");
    }
}

void CudaQueue::forget(Step& step) noexcept {
    if (step.graph != nullptr) {
        cudaGraphExecDestroy(step.graph);
    }
    if (step.source != nullptr) {
        cudaGraphDestroy(step.source);
    }
    step = {};
}

} // namespace fulgurite::kernels::cuda
