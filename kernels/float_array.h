// SPDX-License-Identifier: Apache-2.0
// Floats in the memory of the host or of a device, owned.
#pragma once

#include "kernels/device.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace fulgurite::kernels {

class FloatArray {
  public:
    FloatArray() = default;
    // Zeros. `device` null: the host. Throws std::bad_alloc, or DeviceError.
    FloatArray(std::size_t count, std::shared_ptr<Device> device, const char* purpose)
        : device_(std::move(device)), count_(count) {
        if (!device_) {
            host_.assign(count, 0.0f);
            data_ = host_.data();
        } else if (count > 0) {
            data_ = static_cast<float*>(device_->allocate(bytes(), purpose));
            device_->clear(data_, bytes());
        }
    }
    ~FloatArray() { drop(); }
    FloatArray(FloatArray&& other) noexcept { take(other); }
    FloatArray& operator=(FloatArray&& other) noexcept {
        if (this != &other) {
            drop();
            take(other);
        }
        return *this;
    }
    FloatArray(const FloatArray&) = delete;
    FloatArray& operator=(const FloatArray&) = delete;

    FloatArray copy(const char* purpose) const {
        FloatArray result;
        result.device_ = device_;
        if (!device_) {
            result.host_ = host_;
            result.data_ = result.host_.data();
        } else if (count_ > 0) {
            result.data_ = static_cast<float*>(device_->allocate(bytes(), purpose));
            device_->copyWithin(result.data_, data_, bytes());
        }
        result.count_ = count_;
        return result;
    }

    // An address in the memory of the device.
    float* data() { return data_; }
    const float* data() const { return data_; }
    std::size_t size() const { return count_; }
    // Of an array in the host's memory only.
    float& operator[](std::size_t index) { return data_[index]; }
    float operator[](std::size_t index) const { return data_[index]; }
    float* begin() { return data_; }
    float* end() { return data_ + count_; }
    const float* begin() const { return data_; }
    const float* end() const { return data_ + count_; }
    std::size_t bytes() const { return count_ * sizeof(float); }

    std::vector<float> values() const {
        if (!device_) {
            return host_;
        }
        std::vector<float> result(count_);
        if (count_ > 0) {
            device_->copyOut(result.data(), data_, bytes());
        }
        return result;
    }
    // `values` has size() elements.
    void assign(const float* values) {
        if (!device_) {
            host_.assign(values, values + count_);
            data_ = host_.data();
        } else if (count_ > 0) {
            device_->copyIn(data_, values, bytes());
        }
    }

  private:
    void take(FloatArray& other) noexcept {
        device_ = std::move(other.device_);
        host_ = std::move(other.host_);
        data_ = std::exchange(other.data_, nullptr);
        count_ = std::exchange(other.count_, 0);
    }
    void drop() noexcept {
        if (device_ && data_ != nullptr) {
            device_->release(data_);
        }
    }

    std::shared_ptr<Device> device_;
    std::vector<float> host_;
    float* data_ = nullptr;
    std::size_t count_ = 0;
};

} // namespace fulgurite::kernels
