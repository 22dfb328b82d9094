// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"

#include <new>

namespace fulgurite::kernels {

namespace {
constexpr std::align_val_t kAlignment{64};
}

Queue::Queue(ThreadPool& pool, DeviceQueue* device)
    : pool_(pool), device_(device), blocks_(kSharedSlots + pool.size()) {}

Queue::~Queue() {
    for (Block& block : blocks_) {
        ::operator delete(block.data, kAlignment);
    }
}

float* Queue::scratch(std::size_t slot, std::size_t count) {
    Block& block = blocks_[slot];
    if (block.count < count) {
        ::operator delete(block.data, kAlignment);
        block.data = nullptr;
        block.count = 0;
        block.data = static_cast<float*>(::operator new(count * sizeof(float), kAlignment));
        block.count = count;
    }
    return block.data;
}

} // namespace fulgurite::kernels
