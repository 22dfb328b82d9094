// SPDX-License-Identifier: GPL-3.0-or-later
// The band over the stages: how many images go in and on, and the rest falling as grains. Its height is the
// logarithm of the count, or the count itself.
#pragma once

#include "core/client/cascade_types.h"

#include <QWidget>

#include <memory>

namespace fulgurite {

class ThemeManager;

class FunnelBand : public QWidget {
    Q_OBJECT

  public:
    explicit FunnelBand(ThemeManager& themes, QWidget* parent = nullptr);

    void setAnswer(std::shared_ptr<const client::CascadeAnswer> answer);
    void setLogHeight(bool log);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    double share(std::size_t count) const; // of the band, 0..1
    void paintStage(QPainter& painter, const QRectF& box, std::size_t stage) const;
    void paintGrains(QPainter& painter, const QRectF& box, double from, double to, std::size_t stage) const;

    ThemeManager& themes_;
    std::shared_ptr<const client::CascadeAnswer> answer_;
    bool log_ = true;
};

} // namespace fulgurite
