// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/rank_layout.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

void RankLayout::build(const RetrieveSession& session, double width, const Measures& measures, double open_height) {
    measures_ = measures;
    open_height_ = open_height;
    open_.reset();
    left_.clear();
    width_.clear();
    rows_.clear();
    height_ = 0;
    const auto count = session.columns().size();
    if (count == 0) {
        return;
    }
    // All grow together to a quarter more; then the last alone.
    const double gaps = measures.gap * static_cast<double>(count - 1);
    const double share = (width - gaps) / static_cast<double>(count);
    const double each = std::floor(std::clamp(share, measures.least_column, measures.least_column * 1.25));
    double left = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const RankColumn& column = session.columns()[i];
        left_.push_back(left);
        width_.push_back(i + 1 < count ? each : std::max(each, width - left));
        left += each + measures.gap;
        rows_.push_back(session.shown(column));
        if (open_height > 0 && session.expanded() && static_cast<int>(i) == session.column()) {
            const int row = rowOf(static_cast<int>(i), column.place(session.document()));
            if (row >= 0) {
                open_ = RankPlace{static_cast<int>(i), row};
            }
        }
    }
    for (int i = 0; i < columns(); ++i) {
        const int last = static_cast<int>(rows(i).size());
        height_ = std::max(height_, rowTop(i, last));
    }
}

double RankLayout::width() const {
    return left_.empty() ? 0 : left_.back() + width_.back();
}

double RankLayout::leastWidth() const {
    const auto count = static_cast<double>(left_.size());
    return count * measures_.least_column + std::max(0.0, count - 1) * measures_.gap;
}

QRectF RankLayout::column(int column) const {
    const auto at = static_cast<std::size_t>(column);
    return {left_[at], 0, width_[at], height_};
}

double RankLayout::rowTop(int column, int row) const {
    const bool below = open_ && open_->column == column && row > open_->row;
    return measures_.row * row + (below ? open_height_ : 0);
}

QRectF RankLayout::row(int column, int row) const {
    const auto at = static_cast<std::size_t>(column);
    return {left_[at], rowTop(column, row), width_[at], measures_.row};
}

QRectF RankLayout::openRect() const {
    if (!open_) {
        return {};
    }
    const QRectF above = row(open_->column, open_->row);
    return {above.left(), above.bottom(), above.width(), open_height_};
}

std::pair<int, int> RankLayout::rowsIn(int column, const QRectF& rect) const {
    const int count = static_cast<int>(rows(column).size());
    int first = 0;
    while (first < count && row(column, first).bottom() <= rect.top()) {
        ++first;
    }
    int last = first;
    while (last < count && rowTop(column, last) < rect.bottom()) {
        ++last;
    }
    return {first, last};
}

std::optional<RankPlace> RankLayout::at(QPointF point) const {
    for (int i = 0; i < columns(); ++i) {
        const auto [first, last] = rowsIn(i, {point.x(), point.y(), 1, 1});
        if (first < last && row(i, first).contains(point)) {
            return RankPlace{i, first};
        }
    }
    return {};
}

int RankLayout::rowOf(int column, int place) const {
    const std::vector<int>& shown = rows_[static_cast<std::size_t>(column)];
    const auto found = std::lower_bound(shown.begin(), shown.end(), place);
    return place >= 0 && found != shown.end() && *found == place ? static_cast<int>(found - shown.begin()) : -1;
}

} // namespace fulgurite
