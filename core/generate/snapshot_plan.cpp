// SPDX-License-Identifier: Apache-2.0
#include "core/generate/snapshot_plan.h"

#include <algorithm>

namespace fulgurite {

namespace {

constexpr std::size_t kFewest = 4;

} // namespace

SnapshotPlan::SnapshotPlan(std::size_t interval, std::size_t allowance)
    : interval_(interval), allowance_(interval == 0 ? 0 : allowance) {}

bool SnapshotPlan::due(std::size_t position) const {
    return allowance_ >= kFewest && position >= last_ + interval_;
}

std::vector<std::size_t> SnapshotPlan::add(std::size_t position) {
    std::vector<std::size_t> dropped;
    kept_.push_back(position);
    last_ = position;
    thin(dropped);
    while (kept_.size() > allowance_) {
        interval_ *= 2;
        density_ = std::max<std::size_t>(1, density_ / 2);
        thin(dropped);
    }
    return dropped;
}

// From the newest to the oldest: one goes when its neighbours alone are close enough to each other.
void SnapshotPlan::thin(std::vector<std::size_t>& dropped) {
    if (kept_.size() < 3) {
        return;
    }
    std::vector<std::size_t> falling{kept_.back()};
    for (std::size_t i = kept_.size() - 1; i-- > 1;) {
        const std::size_t newer = falling.back();
        const std::size_t gap = std::max(interval_, (kept_.back() - newer) / density_);
        if (newer - kept_[i - 1] <= gap) {
            dropped.push_back(kept_[i]);
        } else {
            falling.push_back(kept_[i]);
        }
    }
    falling.push_back(kept_.front());
    kept_.assign(falling.rbegin(), falling.rend());
}

} // namespace fulgurite
