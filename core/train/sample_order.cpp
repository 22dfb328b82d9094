// SPDX-License-Identifier: Apache-2.0
#include "core/train/sample_order.h"

#include "core/base/error.h"
#include "core/train/random.h"

#include <limits>
#include <numeric>
#include <utility>

namespace fulgurite {

SampleOrder::SampleOrder(std::uint64_t count, std::uint64_t seed) : seed_(seed) {
    if (count == 0) {
        fail(ErrorKind::InvalidInput, "the data hold no sample to train on");
    }
    if (count > std::numeric_limits<std::uint32_t>::max()) {
        fail(ErrorKind::Unsupported, "the data hold {} samples; {} are the most", count,
             std::numeric_limits<std::uint32_t>::max());
    }
    order_.resize(count);
    shuffle(0);
}

void SampleOrder::shuffle(std::uint64_t epoch) {
    epoch_ = epoch;
    std::iota(order_.begin(), order_.end(), 0u);
    RandomStream random(RandomStream(seed_).bits() ^ (epoch * 0xD1B54A32D192ED03u));
    for (std::size_t i = order_.size(); i > 1; --i) {
        std::swap(order_[i - 1], order_[random.below(i)]);
    }
}

std::uint64_t SampleOrder::at(std::uint64_t position) {
    if (position / order_.size() != epoch_) {
        shuffle(position / order_.size());
    }
    return order_[position % order_.size()];
}

} // namespace fulgurite
