// SPDX-License-Identifier: GPL-3.0-or-later
// The application's style sheet, made from resources/themes/application.qss and the theme in force.
//
// Dynamic properties that widgets set to get a look (see the file for all of them):
//   surface  QFrame/QWidget: background, panel, raised, card, raisedCard, header, panelHeader, rule, notice
//   tone     QLabel: muted, small, good, bad, warn, accent, strong, heading, title, key (a key cap), chip
//   kind     QPushButton: accent (at most one per panel), quiet, link, danger, segment (with `segment`: first,
//   middle,
//            last); QToolButton: framed; text fields: bare (no frame of their own)
#pragma once

#include <QString>

namespace fulgurite {

class ThemeManager;

QString applicationStyleSheet(const ThemeManager& themes);

} // namespace fulgurite
