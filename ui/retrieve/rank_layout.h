// SPDX-License-Identifier: GPL-3.0-or-later
// Where every hit of every column stands. Rows have one height; below the opened hit a column leaves room for what
// it shows.
#pragma once

#include "ui/retrieve/retrieve_session.h"

#include <QRectF>

#include <optional>
#include <vector>

namespace fulgurite {

struct RankPlace {
    int column = -1;
    int row = -1; // among those that the column shows
    bool operator==(const RankPlace&) const = default;
};

class RankLayout {
  public:
    struct Measures {
        double least_column = 196;
        double gap = 32;
        double row = 53;
    };

    // `open_height`: what the opened hit needs below its row; 0: none is open.
    void build(const RetrieveSession& session, double width, const Measures& measures, double open_height);

    int columns() const { return static_cast<int>(rows_.size()); }
    double width() const;
    double height() const { return height_; }
    double leastWidth() const;
    QRectF column(int column) const; // from top to bottom of all
    // Places in the ranking of what the column shows.
    const std::vector<int>& rows(int column) const { return rows_[static_cast<std::size_t>(column)]; }
    QRectF row(int column, int row) const;
    double line(int column, int row) const { return rowTop(column, row) + measures_.row * 0.3; } // of rank lines
    // First and one past the last row that `rect` touches.
    std::pair<int, int> rowsIn(int column, const QRectF& rect) const;
    std::optional<RankPlace> at(QPointF point) const;
    int rowOf(int column, int place) const; // of a place in the ranking; -1: not shown
    const std::optional<RankPlace>& open() const { return open_; }
    QRectF openRect() const; // below the opened row

  private:
    double rowTop(int column, int row) const;

    Measures measures_;
    std::vector<double> left_;
    std::vector<double> width_;
    std::vector<std::vector<int>> rows_;
    double height_ = 0;
    double open_height_ = 0;
    std::optional<RankPlace> open_;
};

} // namespace fulgurite
