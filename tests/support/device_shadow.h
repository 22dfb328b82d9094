// SPDX-License-Identifier: Apache-2.0
// Copies of a test's arrays in the memory of the device under test, for views that run a device's operations as if
// they worked on the host's memory.
#pragma once

#include "kernels/device.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace fulgurite::test {

struct DeviceUnderTest {
    std::shared_ptr<kernels::Device> device;
    std::unique_ptr<kernels::DeviceQueue> stream;
    kernels::ThreadPool pool{1};
    std::optional<kernels::Queue> queue;

    void use(std::shared_ptr<kernels::Device> wanted) {
        queue.reset();
        stream.reset();
        device = std::move(wanted);
        stream = device->newQueue();
        queue.emplace(pool, stream.get());
    }
};

inline DeviceUnderTest& deviceUnderTest() {
    static DeviceUnderTest device;
    return device;
}

// A copy of host memory in the device's.
class Shadow {
  public:
    Shadow(const void* host, std::size_t bytes)
        : bytes_(bytes), address_(deviceUnderTest().device->allocate(bytes + 16, "a test")) {
        if (host != nullptr && bytes > 0) {
            deviceUnderTest().device->copyIn(address_, host, bytes);
        }
    }
    ~Shadow() { deviceUnderTest().device->release(address_); }
    Shadow(const Shadow&) = delete;
    Shadow& operator=(const Shadow&) = delete;

    template <class T = float>
    T* as() const {
        return static_cast<T*>(address_);
    }
    void back(void* host) const {
        if (bytes_ > 0) {
            deviceUnderTest().stream->copyOut(host, address_, bytes_);
        }
    }

  private:
    std::size_t bytes_;
    void* address_;
};

inline Shadow input(const float* host, std::size_t count) {
    return Shadow(host, count * sizeof(float));
}

// What an operation finds in its output.
enum class Before : std::uint8_t {
    Poison, // NaN: it must be overwritten
    Kept,   // what the host has: the operation adds to it
};

// An output of `rows` rows; reports a write beside it.
class Output {
  public:
    Output(float* host, std::size_t rows, std::size_t width, std::size_t stride, Before before = Before::Poison)
        : host_(host),
          rows_(rows),
          width_(width),
          stride_(stride),
          values_(poisoned(before)),
          shadow_(values_.data(), values_.size() * sizeof(float)) {}

    float* address() const { return shadow_.as() + kMargin; }
    void back() {
        shadow_.back(values_.data());
        for (std::size_t i = 0; i < values_.size(); ++i) {
            if (isInside(i)) {
                host_[i - kMargin] = values_[i];
            } else if (!std::isnan(values_[i])) {
                throw std::logic_error("an operation wrote beside its output");
            }
        }
    }

  private:
    static constexpr std::size_t kMargin = 64; // floats on either side

    bool isInside(std::size_t i) const {
        return i >= kMargin && (i - kMargin) / stride_ < rows_ && (i - kMargin) % stride_ < width_;
    }
    std::vector<float> poisoned(Before before) const {
        std::vector<float> values(rows_ * stride_ + 2 * kMargin, std::nanf(""));
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (before == Before::Kept && isInside(i)) {
                values[i] = host_[i - kMargin];
            }
        }
        return values;
    }

    float* host_;
    std::size_t rows_;
    std::size_t width_;
    std::size_t stride_;
    std::vector<float> values_;
    Shadow shadow_;
};

inline Output output(float* host, std::size_t count, Before before = Before::Poison) {
    return {host, 1, count, std::max<std::size_t>(count, 1), before};
}

} // namespace fulgurite::test
