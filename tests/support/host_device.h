// SPDX-License-Identifier: Apache-2.0
// A device whose memory is the host's and that runs out of it when a test says so. It keeps states; it computes
// nothing.
#pragma once

#include "kernels/device.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

namespace fulgurite::test {

class HostDevice final : public kernels::Device {
  public:
    kernels::DeviceInfo info() const override { return {}; }
    const kernels::OpTable& ops(kernels::Precision) const override { return nothing(); }
    std::unique_ptr<kernels::DeviceQueue> newQueue() override { nothing(); }
    kernels::DeviceCounters counters(const kernels::DeviceQueue&) const override { return {}; }
    void reserve(std::size_t, const char*) override {}

    void* allocate(std::size_t bytes, const char* purpose) override {
        const std::lock_guard lock(mutex_);
        if (used_ + bytes > limit) {
            ++refusals;
            throw kernels::DeviceError(kernels::DeviceFault::OutOfMemory,
                                       std::string("the device has no memory left for ") + purpose);
        }
        used_ += bytes;
        void* address = std::malloc(bytes);
        sizes_[address] = bytes;
        return address;
    }
    void release(void* address) noexcept override {
        const std::lock_guard lock(mutex_);
        const auto found = sizes_.find(address);
        used_ -= found->second;
        sizes_.erase(found);
        std::free(address);
    }
    void copyIn(void* target, const void* source, std::size_t bytes) override { std::memcpy(target, source, bytes); }
    void copyOut(void* target, const void* source, std::size_t bytes) override { std::memcpy(target, source, bytes); }
    void copyWithin(void* target, const void* source, std::size_t bytes) override {
        std::memcpy(target, source, bytes);
    }
    void clear(void* target, std::size_t bytes) override {
        ++clears;
        std::memset(target, 0, bytes);
    }
    void randomise(void*, DType, std::size_t, float, std::uint64_t) override { nothing(); }
    void upload(std::span<const kernels::Upload>, const std::function<void(std::size_t)>&) override { nothing(); }

    std::size_t used() const {
        const std::lock_guard lock(mutex_);
        return used_;
    }

    std::atomic<std::size_t> limit{std::size_t{1} << 30};
    std::atomic<int> refusals{0};
    std::atomic<int> clears{0};

  private:
    [[noreturn]] static const kernels::OpTable& nothing() {
        throw kernels::DeviceError(kernels::DeviceFault::Failed, "this device only keeps");
    }

    mutable std::mutex mutex_;
    std::map<void*, std::size_t> sizes_;
    std::size_t used_ = 0;
};

} // namespace fulgurite::test
