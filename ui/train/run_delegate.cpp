// SPDX-License-Identifier: GPL-3.0-or-later
// How rows of the run list are painted.
#include "ui/base/theme_manager.h"
#include "ui/train/run_list.h"
#include "ui/train/run_look.h"

#include <QPainter>

namespace fulgurite {
namespace {

constexpr int kRunHeight = 25;
constexpr int kGroupHeight = 30;
constexpr int kValueWidth = 46;
constexpr int kSpreadWidth = 52;
constexpr int kStateWidth = 84;

Role stateRole(RunState state) {
    switch (state) {
    case RunState::Running:
        return Role::Good;
    case RunState::Failed:
        return Role::Bad;
    case RunState::Cut:
    case RunState::Paused:
        return Role::Warn;
    default:
        return Role::Muted;
    }
}

} // namespace

QSize RunDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const {
    return {100, themes_.scaled(model_.run(index) != nullptr ? kRunHeight : kGroupHeight)};
}

void RunDelegate::paintCheck(QPainter& painter, const QRect& box, Qt::CheckState state) const {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const bool on = state != Qt::Unchecked;
    painter.setPen(themes_.color(on ? Role::Accent : Role::Faint));
    painter.setBrush(themes_.color(state == Qt::Checked ? Role::Accent : Role::Background));
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
    if (state == Qt::Checked) {
        themes_.icon(QStringLiteral("check"), Role::OnAccent).paint(&painter, box.adjusted(1, 1, -1, -1));
    } else if (state == Qt::PartiallyChecked) {
        painter.fillRect(QRect(box.left() + 3, box.center().y(), box.width() - 6, 2), themes_.color(Role::Accent));
    }
    painter.restore();
}

int RunDelegate::paintTags(QPainter& painter, const QRect& room, const QStringList& tags) const {
    const QFont font = themes_.uiFont(10.5);
    const QFontMetrics metrics(font);
    int x = room.left();
    for (const QString& tag : tags) {
        const int width = metrics.horizontalAdvance(tag) + 10;
        if (x + width > room.right()) {
            break;
        }
        const QRectF box(x + 0.5, room.center().y() - 8 + 0.5, width - 1, 16);
        painter.setPen(themes_.color(Role::Line));
        painter.setBrush(themes_.color(Role::Panel));
        painter.setRenderHint(QPainter::Antialiasing);
        painter.drawRoundedRect(box, 3, 3);
        painter.setFont(font);
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(box, Qt::AlignCenter, tag);
        x += width + 4;
    }
    return x;
}

void RunDelegate::paintRun(QPainter& painter, const QRect& row, const QModelIndex& index,
                           const RunInfo& run) const {
    const RunGroup& group = *model_.group(index);
    const bool grouped = !group.single;
    const int members = static_cast<int>(group.runs.size());
    const QColor color = grouped ? memberColor(themes_.theme(), group.look, index.row(), members)
                                 : lookColor(themes_.theme(), group.look);
    int x = row.left() + themes_.scaled(kCheckWidth) + (grouped ? 18 : 4);
    paintMark(painter, {x + 4.0, row.center().y() + 0.5}, grouped ? 6 : 8, grouped ? 0 : group.look, color);
    x += 14;
    const int value_left = row.right() - 8 - themes_.scaled(kValueWidth);
    const int state_left = value_left - themes_.scaled(kStateWidth);
    QFont name_font = themes_.uiFont(12);
    name_font.setStrikeOut(run.state == RunState::Deleted);
    const QFontMetrics metrics(name_font);
    const QString name = metrics.elidedText(index.data().toString(), Qt::ElideRight, state_left - x - 4);
    painter.setFont(name_font);
    painter.setPen(themes_.color(board_.drawn(run.id) ? Role::Text : Role::Muted));
    painter.drawText(QRect(x, row.top(), state_left - x, row.height()), Qt::AlignVCenter, name);
    paintTags(painter,
              QRect(x + metrics.horizontalAdvance(name) + 8, row.top(),
                    state_left - x - metrics.horizontalAdvance(name) - 10, row.height()),
              run.tags);

    const Role role = stateRole(board_.stateOf(run));
    const QRect mark(state_left, row.center().y() - 6, 12, 12);
    if (run.state == RunState::Done) {
        themes_.icon(QStringLiteral("check"), Role::Muted).paint(&painter, mark);
    } else if (run.state == RunState::Failed) {
        themes_.icon(QStringLiteral("close"), Role::Bad).paint(&painter, mark);
    } else {
        paintMark(painter, QRectF(mark).center(), 7, 0, themes_.color(role));
    }
    painter.setFont(themes_.uiFont(11));
    painter.setPen(themes_.color(role));
    const QFontMetrics small(themes_.uiFont(11));
    painter.drawText(QRect(state_left + 16, row.top(), value_left - state_left - 18, row.height()),
                     Qt::AlignVCenter,
                     small.elidedText(model_.stateText(run), Qt::ElideRight, value_left - state_left - 18));
    painter.setFont(themes_.uiFont(12));
    painter.setPen(themes_.color(run.state == RunState::Failed ? Role::Muted : Role::Text));
    painter.drawText(QRect(value_left, row.top(), row.right() - 8 - value_left, row.height()),
                     Qt::AlignVCenter | Qt::AlignRight, model_.valueText(index));
}

void RunDelegate::paintGroup(QPainter& painter, const QRect& row, const QModelIndex& index, const RunGroup& group,
                             bool open) const {
    int x = row.left() + themes_.scaled(kCheckWidth);
    themes_.icon(open ? QStringLiteral("chevron-down") : QStringLiteral("chevron-right"))
        .paint(&painter, QRect(x, row.center().y() - 6, 12, 12));
    x += 20;
    paintMark(painter, {x + 4.0, row.center().y() + 0.5}, 9, group.look, lookColor(themes_.theme(), group.look));
    x += 16;
    const QFont bold = themes_.uiFont(12.5, QFont::DemiBold);
    const QFontMetrics metrics(bold);
    const int value_right = row.right() - 8;
    const QString spread = model_.spreadText(index);
    const int spread_width = spread.isEmpty() ? 0 : themes_.scaled(kSpreadWidth);
    const int value_left = value_right - spread_width - themes_.scaled(kValueWidth);
    painter.setFont(bold);
    painter.setPen(themes_.color(Role::Text));
    const QString name = metrics.elidedText(group.label, Qt::ElideRight, value_left - x - 30);
    painter.drawText(QRect(x, row.top(), value_left - x, row.height()), Qt::AlignVCenter, name);
    x += metrics.horizontalAdvance(name) + 8;
    painter.setFont(themes_.uiFont(11));
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(QRect(x, row.top(), value_left - x, row.height()), Qt::AlignVCenter,
                     QStringLiteral("×%1").arg(group.runs.size()));
    painter.drawText(QRect(value_right - spread_width, row.top(), spread_width, row.height()),
                     Qt::AlignVCenter | Qt::AlignRight, spread);
    painter.setFont(bold);
    painter.setPen(themes_.color(Role::Text));
    painter.drawText(QRect(value_left, row.top(), themes_.scaled(kValueWidth) - 2, row.height()),
                     Qt::AlignVCenter | Qt::AlignRight, model_.valueText(index));
}

void RunDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const RunGroup* group = model_.group(index);
    if (group == nullptr) {
        return;
    }
    const RunInfo* run = model_.run(index);
    const QRect row = option.rect;
    painter->save();
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    if (selected) {
        painter->fillRect(row, themes_.color(Role::Selection));
        painter->fillRect(QRect(row.left(), row.top(), 2, row.height()), themes_.color(Role::Focus));
    } else if (run == nullptr || option.state.testFlag(QStyle::State_MouseOver)) {
        painter->fillRect(row, themes_.color(Role::Raised));
    }
    const int box = 14;
    paintCheck(*painter, QRect(row.left() + 7, row.center().y() - box / 2, box, box),
               static_cast<Qt::CheckState>(index.data(RunListModel::kDrawn).toInt()));
    if (run != nullptr) {
        paintRun(*painter, row, index, *run);
    } else {
        paintGroup(*painter, row, index, *group, option.state.testFlag(QStyle::State_Open));
    }
    if (option.state.testFlag(QStyle::State_HasFocus)) {
        painter->setPen(QPen(themes_.color(Role::Focus), 1, Qt::DotLine));
        painter->drawRect(row.adjusted(0, 0, -1, -1));
    }
    painter->restore();
}

} // namespace fulgurite
