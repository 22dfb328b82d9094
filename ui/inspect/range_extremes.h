// SPDX-License-Identifier: GPL-3.0-or-later
// Smallest and largest value in any range of a long row: what one column of pixels has to show so that no spike is
// ever lost.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace fulgurite {

class RangeExtremes {
  public:
    struct Range {
        float low = std::numeric_limits<float>::infinity();
        float high = -std::numeric_limits<float>::infinity();
        bool empty() const { return low > high; } // nothing in it, or only NaN
    };

    RangeExtremes() = default;
    // Reads `values` once; the caller keeps them alive.
    explicit RangeExtremes(const std::vector<float>& values);

    std::size_t size() const { return values_ ? values_->size() : 0; }
    float at(std::size_t index) const { return (*values_)[index]; }
    // Over [begin, end), cut to the row. About 2 x 16 comparisons for each factor of 16 in its length.
    Range over(std::size_t begin, std::size_t end) const;
    Range whole() const { return over(0, size()); }

  private:
    static constexpr std::size_t kFan = 16;
    const std::vector<float>* values_ = nullptr;
    std::vector<std::vector<Range>> levels_; // levels_[i] covers kFan^(i + 1) values each
};

} // namespace fulgurite
