// SPDX-License-Identifier: GPL-3.0-or-later
// The head of a stage: badge, encoder, images in and out, and below them time, FLOPs, what was encoded now and what
// came from the cache.
#pragma once

#include "core/client/cascade_types.h"

#include <QWidget>

#include <optional>

namespace fulgurite {

class ThemeManager;

class StageHead : public QWidget {
    Q_OBJECT

  public:
    StageHead(ThemeManager& themes, std::size_t stage, QWidget* parent = nullptr);

    void setReport(const client::CascadeStageReport& report, std::size_t stages,
                   const std::optional<client::ImageEncoder>& encoder);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    ThemeManager& themes_;
    std::size_t stage_;
    std::size_t stages_ = 1;
    client::CascadeStageReport report_;
    std::optional<client::ImageEncoder> encoder_;
};

// "51 M", "7.2 G": operations in three figures.
QString flopsText(double flops);

} // namespace fulgurite
