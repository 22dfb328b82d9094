// SPDX-License-Identifier: GPL-3.0-or-later
// One row of a ranking: rank, title, letter of the aspect, value, passage, the strip of heads and the bar of the
// total.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/retrieve/retrieve_session.h"

#include <QRectF>

class QPainter;

namespace fulgurite {

struct HitLook {
    bool selected = false;
    bool hovered = false;
    bool dimmed = false; // something else is brushed or hovered
};

class HitPainter {
  public:
    HitPainter(ThemeManager& themes, const RetrieveSession& session) : themes_(themes), session_(session) {}

    // `place` is that of the hit in the ranking.
    void paint(QPainter& painter, const QRectF& rect, const RankColumn& column, int place,
               const HitLook& look) const;

  private:
    void paintGround(QPainter& painter, const QRectF& rect, std::int32_t document, const HitLook& look) const;
    void paintTitle(QPainter& painter, const QRectF& rect, const RankColumn& column, int place) const;
    void paintStrip(QPainter& painter, const QRectF& rect, const RankColumn& column, std::int32_t document) const;

    ThemeManager& themes_;
    const RetrieveSession& session_;
};

// "15.76", "0.69": the value beside a hit, with the same number of decimals in a column.
QString rankValue(const RankColumn& column, double value);

} // namespace fulgurite
