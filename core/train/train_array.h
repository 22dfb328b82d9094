// SPDX-License-Identifier: Apache-2.0
// Where a training pass computes, and the arrays that it keeps there: the host's memory, or a device's. Private to
// core/train.
#pragma once

#include "kernels/device.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace fulgurite {

// The order of work, and the way in and out of the memory that it reads.
struct TrainPlace {
    std::shared_ptr<kernels::Device> device; // null: the host
    std::unique_ptr<kernels::DeviceQueue> stream;
    kernels::Queue queue;

    TrainPlace(std::shared_ptr<kernels::Device> where, kernels::ThreadPool& pool)
        : device(std::move(where)), stream(device ? device->newQueue() : nullptr), queue(pool, stream.get()) {}

    template <class T>
    void put(T* there, const T* host, std::size_t count) {
        if (stream) {
            stream->copyIn(there, host, count * sizeof(T));
        } else {
            std::copy_n(host, count, there);
        }
    }
    template <class T>
    void get(T* host, const T* there, std::size_t count) {
        if (stream) {
            stream->copyOut(host, there, count * sizeof(T));
        } else {
            std::copy_n(there, count, host);
        }
    }
    void wait() {
        if (stream) {
            stream->wait();
        }
    }
};

// Grows and never shrinks; contents are undefined after a call of atLeast().
template <class T>
class TrainArray {
  public:
    explicit TrainArray(std::shared_ptr<kernels::Device> device) : device_(std::move(device)) {}

    T* atLeast(std::size_t count) {
        if (count_ < count) {
            grow(count);
        }
        return data();
    }
    T* data() { return device_ ? static_cast<T*>(memory_.get()) : host_.data(); }

  private:
    void grow(std::size_t count) {
        if (device_) {
            count_ = 0;
            memory_.reset();
            // Memory that was given back is reused for the same size only: sequences of many lengths would leave
            // many pieces behind.
            const std::size_t room = count + count / 8;
            memory_ = {device_->allocate(room * sizeof(T), "training"),
                       [device = device_](void* address) { device->release(address); }};
            count_ = room;
        } else {
            host_.resize(count);
            count_ = count;
        }
    }

    std::shared_ptr<kernels::Device> device_;
    std::vector<T> host_;
    std::unique_ptr<void, std::function<void(void*)>> memory_;
    std::size_t count_ = 0;
};

using TrainBuffer = TrainArray<float>;
using TrainIndices = TrainArray<std::int32_t>;

} // namespace fulgurite
