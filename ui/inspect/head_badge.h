// SPDX-License-Identifier: GPL-3.0-or-later
// How heads and their two kinds are written and drawn: violet square L for lightning, amber circle S for softmax.
#pragma once

#include "core/probe/capture/views.h"
#include "ui/base/theme.h"

#include <QRectF>
#include <QString>
#include <QWidget>

#include <vector>

class QPainter;

namespace fulgurite {

class ThemeManager;

Role kindRole(LayerKind kind);
QString kindName(LayerKind kind);        // "lightning", "softmax"
QString headText(capture::HeadRef head); // "L12 H37"
// The head that "12:37", "12 37" or "L12 H37" names, or for "12" and "L12" all of the layer; only those that exist.
std::vector<capture::HeadRef> headsNamed(const QString& text, const capture::DecayMap& decay);

// About 14 x 14 at 100 %; shape and letter tell the kind without colour.
void paintHeadBadge(QPainter& painter, const QRectF& rect, LayerKind kind, const ThemeManager& themes);

// Tokens as a person reads a distance: "0.76", "22.0", "350", "14.0 K", "∞".
QString distanceText(double tokens);

// The badge as a widget, for headers; hidden until it is given a kind.
class HeadBadge : public QWidget {
    Q_OBJECT

  public:
    explicit HeadBadge(const ThemeManager& themes, QWidget* parent = nullptr);
    void setKind(LayerKind kind);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    const ThemeManager& themes_;
    LayerKind kind_ = LayerKind::Lightning;
};

} // namespace fulgurite
