// SPDX-License-Identifier: GPL-3.0-or-later
// How the relevant documents of a query are told apart: by letter and by colour.
#pragma once

#include "ui/base/theme.h"

#include <QRectF>
#include <QString>

class QPainter;

namespace fulgurite {

class ThemeManager;

QString aspectLetter(int aspect); // 0: "A"; past Z: "A2"
Role aspectRole(int aspect);      // five hues, repeated
// A rounded square with the letter, in ink or white, whichever contrasts more. Hollow: not among the hits.
void paintAspect(QPainter& painter, const QRectF& rect, int aspect, bool hollow, const ThemeManager& themes);

} // namespace fulgurite
