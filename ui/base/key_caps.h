// SPDX-License-Identifier: GPL-3.0-or-later
// Shortcuts drawn as key caps, as labels in a row or straight into a painter.
#pragma once

#include <QKeySequence>
#include <QRect>
#include <QStringList>

class QPainter;
class QWidget;

namespace fulgurite {

class ThemeManager;

// "Ctrl", "Shift", "P" of the first chord.
QStringList keyNames(const QKeySequence& keys);

// A row of caps that takes no focus and no clicks.
QWidget* makeKeyCaps(const QKeySequence& keys, QWidget* parent = nullptr);

// Paints the caps so that they end at the right edge of `rect`, centred vertically; returns the width taken.
int paintKeyCaps(QPainter& painter, const ThemeManager& themes, const QRect& rect, const QStringList& names);

} // namespace fulgurite
