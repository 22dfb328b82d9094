// SPDX-License-Identifier: GPL-3.0-or-later
// Draws the SVG icons of resources/icons in a colour of the theme in force.
#pragma once

#include "ui/base/theme.h"

#include <QIconEngine>
#include <QPointer>

namespace fulgurite {

class ThemeManager;

class IconEngine : public QIconEngine {
  public:
    IconEngine(const ThemeManager& themes, const QString& name, Role role);

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override;
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override;
    QIconEngine* clone() const override;
    QString key() const override;

  private:
    QPointer<const ThemeManager> themes_; // null once the application is going down: then nothing is drawn
    QString name_;
    Role role_;
};

} // namespace fulgurite
