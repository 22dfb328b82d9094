// SPDX-License-Identifier: GPL-3.0-or-later
// How groups of runs are told apart: three hues and three marks, then the same hues with open marks and dashes,
// nine in all; what is beyond is grey. Never by colour alone.
#pragma once

#include "ui/base/theme.h"

#include <QList>
#include <QPointF>

class QPainter;

namespace fulgurite {

inline constexpr int kLooks = 9;
inline constexpr int kPlainLook = kLooks; // grey, diamond

QColor lookColor(const Theme& theme, int look);
QColor lookText(const Theme& theme, int look);
QList<qreal> lookDash(int look); // empty: solid
QString lookName(int look);      // "circle", for people who do not see it
// `size` is the width in pixels.
void paintMark(QPainter& painter, QPointF centre, double size, int look, const QColor& color);

// Lightness between the colour itself and its tint: members of one group in a list.
QColor memberColor(const Theme& theme, int look, int member, int members);

} // namespace fulgurite
