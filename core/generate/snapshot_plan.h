// SPDX-License-Identifier: Apache-2.0
// Where one growing sequence keeps its periodic snapshots.
//
// People go back to what they have just read: the gap between neighbours is `interval` near the end and grows with
// the distance d from it, to d / kDensity. Entering again at distance d then replays at most a constant share of
// what would be generated anew anyway, and n tokens need only O(log n) snapshots instead of n / interval. When even
// these exceed the allowance, interval and gaps double.
#pragma once

#include <cstddef>
#include <vector>

namespace fulgurite {

class SnapshotPlan {
  public:
    static constexpr std::size_t kDensity = 16;

    // `allowance`: snapshots that may be kept at once; with fewer than 4 none are taken.
    SnapshotPlan(std::size_t interval, std::size_t allowance);

    // The sequence enters at `position` with a snapshot there already.
    void start(std::size_t position) { last_ = position; }
    bool due(std::size_t position) const;
    // A snapshot was taken at `position`, beyond all earlier ones. Returns the positions to drop.
    std::vector<std::size_t> add(std::size_t position);

    const std::vector<std::size_t>& kept() const { return kept_; }

  private:
    void thin(std::vector<std::size_t>& dropped);

    std::size_t interval_;
    std::size_t allowance_;
    std::size_t density_ = kDensity;
    std::size_t last_ = 0;
    std::vector<std::size_t> kept_; // rising
};

} // namespace fulgurite
