// SPDX-License-Identifier: Apache-2.0
// One GPU: its memory and its tables of operations.
#pragma once

#include "kernels/cuda/api.h"

#include <map>
#include <mutex>
#include <vector>

namespace fulgurite::kernels::cuda {

// "1.50 GiB"
std::string readable(std::size_t bytes);

class CudaDevice final : public Device {
  public:
    explicit CudaDevice(int index);
    ~CudaDevice() override;

    DeviceInfo info() const override;
    const OpTable& ops(Precision precision) const override;
    std::unique_ptr<DeviceQueue> newQueue() override;
    DeviceCounters counters(const DeviceQueue& queue) const override;

    void reserve(std::size_t bytes, const char* purpose) override;
    void* allocate(std::size_t bytes, const char* purpose) override;
    void release(void* address) noexcept override;

    void copyIn(void* target, const void* source, std::size_t bytes) override;
    void copyOut(void* target, const void* source, std::size_t bytes) override;
    void copyWithin(void* target, const void* source, std::size_t bytes) override;
    void clear(void* target, std::size_t bytes) override;
    void randomise(void* target, DType type, std::size_t count, float scale, std::uint64_t seed) override;
    void upload(std::span<const Upload> uploads, const std::function<void(std::size_t)>& progress) override;

    // Makes this device the calling thread's.
    void use() const;

  private:
    struct Slab {
        std::byte* memory = nullptr;
        std::size_t bytes = 0;
        std::size_t used = 0;
    };
    std::byte* fromDriver(std::size_t bytes, std::size_t wanted, const char* purpose);
    std::byte* fromSlabs(std::size_t bytes);
    bool giveBackIdleSlabs(); // whether there were any
    std::byte* newSlab(std::size_t size, std::size_t wanted, const char* purpose);

    DeviceInfo info_;
    std::mutex memory_mutex_;
    std::vector<Slab> slabs_;
    std::multimap<std::size_t, std::byte*> free_; // by exact size: pages and matrices come in few sizes
    std::map<void*, std::size_t> sizes_;          // of what is given out
    std::mutex copy_mutex_;
    cudaStream_t copies_ = nullptr;
};

} // namespace fulgurite::kernels::cuda
