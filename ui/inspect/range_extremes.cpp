// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/range_extremes.h"

#include <algorithm>

namespace fulgurite {
namespace {

void include(RangeExtremes::Range& range, float value) {
    // False for NaN, which is left out.
    if (value < range.low) {
        range.low = value;
    }
    if (value > range.high) {
        range.high = value;
    }
}

void include(RangeExtremes::Range& range, const RangeExtremes::Range& other) {
    range.low = std::min(range.low, other.low);
    range.high = std::max(range.high, other.high);
}

// Appends to `above` the extremes of each `fan` entries of `below`.
template <class Entry>
void summarise(const std::vector<Entry>& below, std::size_t fan, std::vector<RangeExtremes::Range>& above) {
    above.reserve((below.size() + fan - 1) / fan);
    for (std::size_t first = 0; first < below.size(); first += fan) {
        RangeExtremes::Range range;
        for (std::size_t i = first; i < std::min(first + fan, below.size()); ++i) {
            include(range, below[i]);
        }
        above.push_back(range);
    }
}

} // namespace

RangeExtremes::RangeExtremes(const std::vector<float>& values) : values_(&values) {
    if (values.size() <= kFan) {
        return;
    }
    summarise(values, kFan, levels_.emplace_back());
    while (levels_.back().size() > kFan) {
        std::vector<Range> above;
        summarise(levels_.back(), kFan, above);
        levels_.push_back(std::move(above));
    }
}

RangeExtremes::Range RangeExtremes::over(std::size_t begin, std::size_t end) const {
    Range range;
    end = std::min(end, size());
    if (begin >= end) {
        return range;
    }
    // Loose ends on each level, whole blocks on the level above.
    const auto entry = [&](std::size_t level, std::size_t index) {
        if (level == 0) {
            include(range, (*values_)[index]);
        } else {
            include(range, levels_[level - 1][index]);
        }
    };
    for (std::size_t level = 0;; ++level) {
        const bool top = level == levels_.size();
        while (begin < end && (top || begin % kFan != 0)) {
            entry(level, begin++);
        }
        while (begin < end && end % kFan != 0) {
            // The last block of the row may be a short one: it is whole on the level above too.
            const std::size_t count = level == 0 ? values_->size() : levels_[level - 1].size();
            if (end == count) {
                end += kFan - end % kFan;
                break;
            }
            entry(level, --end);
        }
        if (begin >= end) {
            return range;
        }
        begin /= kFan;
        end /= kFan;
    }
}

} // namespace fulgurite
