// SPDX-License-Identifier: Apache-2.0
// The stream of one caller, with what operations keep between calls: scratch memory, tables of pages, and the steps
// that are replayed as graphs.
//
// A step is recorded, not captured: between beginStep() and endStep() every launch is written down with its
// arguments. At the end the list is compared with those of earlier steps. One with the same kernels in the same
// order is replayed: only nodes whose arguments or grids changed are updated (a position, a page), and the whole
// runs as one launch. Whatever cannot be written down (cuBLAS, a copy to the host) first sends off what was
// recorded and ends the recording of that step.
#pragma once

#include "kernels/cuda/api.h"

#include <cstring>
#include <list>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace fulgurite::kernels::cuda {

struct Launch {
    const void* kernel = nullptr;
    dim3 grid;
    dim3 block;
    unsigned shared_bytes = 0;
    std::vector<std::uint64_t> arguments; // their bytes, each at a multiple of 8
    std::vector<std::uint32_t> offsets;   // in words

    bool sameWork(const Launch& other) const;
    // Addresses of the arguments, valid until `arguments` changes.
    void addresses(std::vector<void*>& into);
};

class CudaDevice;

class CudaQueue final : public DeviceQueue {
  public:
    explicit CudaQueue(CudaDevice& device);
    ~CudaQueue() override;

    void copyIn(void* target, const void* source, std::size_t bytes) override;
    void copyOut(void* target, const void* source, std::size_t bytes) override;
    void wait() override;
    void beginStep() override;
    void endStep() override;
    void dropStep() noexcept override;

    static CudaQueue& of(Queue& queue) { return static_cast<CudaQueue&>(*queue.device()); }

    // Runs or records; an empty grid does nothing.
    template <class... Parameters, class... Arguments>
    void launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared_bytes,
                Arguments&&... arguments);

    // Device memory for the operation that asks, good until it asks for the same slot again. Slots are an enum so
    // that no two uses that live at the same time share one.
    enum class Slot : std::uint8_t {
        InputBf16,
        Weights,
        Permutation,
        ExpertIn,
        ExpertHidden,
        ExpertBoth,
        ExpertOut,
        Partial,
        States,
        Carry,
        Sampling,
        Count
    };
    void* scratch(Slot slot, std::size_t bytes);

    // Copies of arrays of page addresses in the device's memory. `keys` and `values` are kept under the page that
    // the last of the tokens is written to, which belongs to one sequence alone.
    struct PageTable {
        const float* const* keys;
        const float* const* values;
    };
    PageTable pageTable(const float* const* keys, const float* const* values, std::size_t pages);

    // Lets a kernel have so much dynamic shared memory; more than 48 KiB has to be asked for.
    template <class... Parameters>
    void allowShared(void (*kernel)(Parameters...), std::size_t bytes) {
        allow(reinterpret_cast<const void*>(kernel), bytes);
    }

    // For work that cannot be recorded; sends off what was.
    cudaStream_t stream();
    cublasHandle_t blas();
    int multiprocessors() const { return multiprocessors_; }
    const DeviceCounters& counters() const { return counters_; }

  private:
    struct Step {
        std::vector<Launch> launches;
        std::vector<cudaGraphNode_t> nodes;
        cudaGraph_t source = nullptr; // its nodes name those of `graph`
        cudaGraphExec_t graph = nullptr;
    };
    struct Pages {
        const float* key = nullptr; // the last page
        std::vector<const float*> host;
        void* device = nullptr;
        std::size_t capacity = 0; // pages
    };

    void allow(const void* kernel, std::size_t bytes);
    void start(Launch& launch);
    void flush();
    void build(Step& step);
    void update(Step& step);
    void forget(Step& step) noexcept;

    CudaDevice& device_;
    int multiprocessors_;
    cudaStream_t stream_ = nullptr;
    cublasHandle_t blas_ = nullptr;
    DeviceCounters counters_;
    std::vector<std::pair<void*, std::size_t>> scratch_;
    std::list<Pages> pages_; // most recently used first
    std::set<const void*> allowed_;
    bool recording_ = false;
    std::size_t recorded_ = 0;     // of records_
    std::vector<Launch> records_;  // reused from step to step
    std::list<Step> steps_;        // most recently used first
    std::vector<void*> addresses_; // of a launch's arguments
    Launch single_;                // the launch that is started at once
};

template <class... Parameters, class... Arguments>
void CudaQueue::launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared_bytes,
                       Arguments&&... arguments) {
    static_assert((std::is_trivially_copyable_v<Parameters> && ...));
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) {
        return;
    }
    const auto* address = reinterpret_cast<const void*>(kernel);
#ifdef FULGURITE_CUDA_EMULATED
    const auto call = [kernel](void** values) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            kernel(*static_cast<std::remove_const_t<Parameters>*>(values[I])...);
        }
        (std::index_sequence_for<Parameters...>());
    };
    emulator::registerKernel(address, {call, {sizeof(Parameters)...}});
#endif
    if (recording_ && recorded_ == records_.size()) {
        records_.emplace_back();
    }
    Launch& launch = recording_ ? records_[recorded_] : single_;
    launch.kernel = address;
    launch.grid = grid;
    launch.block = dim3(threads);
    launch.shared_bytes = static_cast<unsigned>(shared_bytes);
    launch.arguments.clear();
    launch.offsets.clear();
    const std::tuple<std::remove_const_t<Parameters>...> values(std::forward<Arguments>(arguments)...);
    const auto append = [&](const auto& value) {
        launch.offsets.push_back(static_cast<std::uint32_t>(launch.arguments.size()));
        launch.arguments.resize(launch.arguments.size() + (sizeof(value) + 7) / 8, 0);
        std::memcpy(launch.arguments.data() + launch.offsets.back(), &value, sizeof(value));
    };
    std::apply([&](const auto&... each) { (append(each), ...); }, values);
    if (recording_) {
        ++recorded_;
    } else {
        start(launch);
    }
}

} // namespace fulgurite::kernels::cuda
