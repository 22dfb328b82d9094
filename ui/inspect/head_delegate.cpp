// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/head_delegate.h"

#include "ui/inspect/head_badge.h"
#include "ui/inspect/head_table_model.h"

#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace fulgurite {

HeadDelegate::HeadDelegate(const ThemeManager& themes, const HeadTableModel& model, QObject* parent)
    : QStyledItemDelegate(parent), themes_(themes), model_(model) {}

void HeadDelegate::paintTick(QPainter& painter, const QRectF& cell, bool ticked) const {
    const double side = themes_.scaled(13);
    QRectF box(0, 0, side, side);
    box.moveCenter(cell.center());
    box = QRectF(std::round(box.x()) + 0.5, std::round(box.y()) + 0.5, side - 1, side - 1);
    painter.setPen(themes_.color(ticked ? Role::Accent : Role::Faint));
    painter.setBrush(themes_.color(ticked ? Role::Accent : Role::Background));
    painter.drawRoundedRect(box, 3, 3);
    if (ticked) {
        QPainterPath mark;
        mark.moveTo(box.left() + side * 0.2, box.center().y());
        mark.lineTo(box.left() + side * 0.4, box.bottom() - side * 0.25);
        mark.lineTo(box.right() - side * 0.18, box.top() + side * 0.24);
        painter.setPen(QPen(themes_.color(Role::OnAccent), 1.6, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        painter.setBrush(Qt::NoBrush);
        painter.drawPath(mark);
    }
}

void HeadDelegate::paintBar(QPainter& painter, const QRectF& area, double value, double largest, bool is_signed,
                            Role role) const {
    if (!std::isfinite(value) || largest <= 0) {
        return;
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    const double height = std::max(4.0, std::round(area.height() * 0.3));
    const double top = std::round(area.center().y() - height / 2);
    if (!is_signed) {
        painter.fillRect(QRectF(area.left(), top, area.width(), height), themes_.color(Role::Line, 0.6));
        painter.fillRect(QRectF(area.left(), top, std::max(1.0, area.width() * value / largest), height),
                         themes_.color(role));
        return;
    }
    const double middle = std::round(area.center().x());
    const double width = std::max(1.0, area.width() / 2 * std::abs(value) / largest);
    painter.fillRect(QRectF(value < 0 ? middle - width : middle, top, width, height),
                     themes_.color(value < 0 ? Role::Negative : Role::Positive));
    painter.fillRect(QRectF(middle, top - 2, 1, height + 4), themes_.color(Role::Muted));
}

void HeadDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    const bool hovered = option.state.testFlag(QStyle::State_MouseOver);
    const int column = index.column();
    painter->save();
    if (selected || hovered) {
        painter->fillRect(option.rect, themes_.color(selected ? Role::Selection : Role::Raised));
    }
    if (selected && column == HeadTableModel::kTick) {
        painter->fillRect(QRect(option.rect.left(), option.rect.top(), 3, option.rect.height()),
                          themes_.color(Role::Accent));
    }
    painter->setRenderHint(QPainter::Antialiasing);
    const QRectF cell(option.rect);
    const capture::HeadFigures& of = model_.figures(index.row());
    if (column == HeadTableModel::kTick) {
        paintTick(*painter, cell, index.data(Qt::CheckStateRole).toInt() == Qt::Checked);
        painter->restore();
        return;
    }
    QRectF words = cell.adjusted(6, 0, -6, 0);
    if (column == HeadTableModel::kHead) {
        const double side = themes_.scaled(14);
        paintHeadBadge(*painter, {words.left(), std::round(cell.center().y() - side / 2), side, side}, of.kind,
                       themes_);
        words.setLeft(words.left() + side + 6);
    }
    const QString text = index.data(Qt::DisplayRole).toString();
    const QFont font = themes_.uiFont(12);
    if (column >= HeadTableModel::kFirstFigure && column < HeadTableModel::roleColumn()) {
        const HeadColumn& figure = headColumns()[static_cast<std::size_t>(column - HeadTableModel::kFirstFigure)];
        const bool is_signed = figure.look == HeadColumn::Look::SignedBar;
        const double room = words.width() - QFontMetricsF(font).horizontalAdvance(QStringLiteral("+00.00")) - 4;
        if ((is_signed || figure.look == HeadColumn::Look::Bar) && room > 10) {
            paintBar(*painter, {words.left(), words.top(), std::min(room, 46.0), words.height()}, of.*figure.value,
                     model_.largest(figure), is_signed, kindRole(of.kind));
        }
    }
    const bool nothing = text == QStringLiteral("–");
    const bool unbounded = text == QStringLiteral("∞");
    painter->setFont(font);
    painter->setPen(themes_.color(nothing ? Role::Muted : unbounded ? Role::Softmax : Role::Text));
    const auto alignment = static_cast<Qt::Alignment>(index.data(Qt::TextAlignmentRole).toInt());
    painter->drawText(words, static_cast<int>(alignment), text);
    painter->restore();
}

} // namespace fulgurite
