// SPDX-License-Identifier: GPL-3.0-or-later
// Cells of the head table: tick box, badge, small bars beside the figures.
#pragma once

#include "ui/base/theme_manager.h"

#include <QStyledItemDelegate>

namespace fulgurite {

class HeadTableModel;

class HeadDelegate : public QStyledItemDelegate {
    Q_OBJECT

  public:
    HeadDelegate(const ThemeManager& themes, const HeadTableModel& model, QObject* parent);
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;

  private:
    void paintTick(QPainter& painter, const QRectF& cell, bool ticked) const;
    void paintBar(QPainter& painter, const QRectF& area, double value, double largest, bool is_signed,
                  Role role) const;

    const ThemeManager& themes_;
    const HeadTableModel& model_;
};

} // namespace fulgurite
