// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/conversation_delegate.h"

#include "ui/base/format.h"
#include "ui/prompt/conversation_model.h"

#include <QPainter>
#include <QPainterPath>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kLaneGap = 13;

} // namespace

ConversationDelegate::ConversationDelegate(const ThemeManager& themes, const ConversationModel& model,
                                           QObject* parent)
    : QStyledItemDelegate(parent), themes_(themes), model_(model) {}

QSize ConversationDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const {
    switch (model_.line(index.row()).kind) {
    case ConversationModel::Kind::Folder:
        return {100, themes_.scaled(28)};
    case ConversationModel::Kind::Branch:
        return {100, themes_.scaled(22)};
    case ConversationModel::Kind::Conversation:
        break;
    }
    return {100, themes_.scaled(42)};
}

void ConversationDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                                 const QModelIndex& index) const {
    const ConversationModel::Line& line = model_.line(index.row());
    const QRect rect = option.rect.adjusted(6, 0, -6, 0);
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    const bool conversation = line.kind == ConversationModel::Kind::Conversation;
    const bool open = conversation && model_.conversation(line).open;
    const bool current_branch = line.kind == ConversationModel::Kind::Branch && model_.branch(line).current;
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    const QRect ground = line.kind == ConversationModel::Kind::Branch
                             ? rect.adjusted(themes_.scaled(22) + model_.laneCount() * kLaneGap, 1, 0, -1)
                             : rect.adjusted(0, 1, 0, -1);
    if (open || selected || option.state.testFlag(QStyle::State_MouseOver) || current_branch) {
        painter->setPen(Qt::NoPen);
        painter->setBrush(themes_.color(open || selected ? Role::Selection : Role::Raised));
        painter->drawRoundedRect(ground, 5, 5);
    }
    if (option.state.testFlag(QStyle::State_HasFocus)) {
        painter->setPen(QPen(themes_.color(Role::Focus), 1.5));
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(QRectF(ground).adjusted(0.75, 0.75, -0.75, -0.75), 5, 5);
    }
    if (conversation) {
        paintConversation(*painter, rect, index);
    } else if (line.kind == ConversationModel::Kind::Branch) {
        paintBranch(*painter, rect, index);
    } else {
        const int icon = themes_.scaled(11);
        themes_
            .icon(model_.collapsed(line.folder) ? QStringLiteral("chevron-right") : QStringLiteral("chevron-down"))
            .paint(painter, QRect(rect.left() + 6, rect.center().y() - icon / 2, icon, icon));
        painter->setFont(themes_.uiFont(12));
        painter->setPen(themes_.color(Role::Muted));
        painter->drawText(rect.adjusted(icon + themes_.scaled(13), 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                          line.folder);
        painter->drawText(rect.adjusted(0, 0, -8, 0), Qt::AlignRight | Qt::AlignVCenter, grouped(line.count));
    }
    painter->restore();
}

void ConversationDelegate::paintConversation(QPainter& painter, const QRect& rect, const QModelIndex& index) const {
    const ConversationRow& row = model_.conversation(model_.line(index.row()));
    const int left = rect.left() + themes_.scaled(row.folder.isEmpty() ? 10 : 24);
    const QRect first(left, rect.top() + themes_.scaled(3), rect.right() - 8 - left, themes_.scaled(19));
    const QRect second(left, first.bottom() + 1, first.width(), themes_.scaled(16));
    const QFont title = themes_.uiFont(12.5, row.open ? QFont::DemiBold : QFont::Medium);
    const QFont small = themes_.uiFont(11);
    int title_width = first.width();
    if (row.starred) {
        const int star = themes_.scaled(11);
        themes_.icon(QStringLiteral("star-filled"), Role::Accent)
            .paint(&painter, QRect(first.right() - star, first.center().y() - star / 2, star, star));
        title_width -= star + 6;
    }
    painter.setFont(title);
    painter.setPen(themes_.color(Role::Text));
    painter.drawText(first, Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetrics(title).elidedText(row.title, Qt::ElideRight, title_width));
    painter.setFont(small);
    const QFontMetrics metrics(small);
    const QString time = row.updated.isValid() ? shortTime(row.updated, QDateTime::currentDateTime()) : QString();
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(second, Qt::AlignRight | Qt::AlignVCenter, time);
    const int room = second.width() - metrics.horizontalAdvance(time) - 8;
    if (row.match.isEmpty()) {
        const QString detail = row.model + QStringLiteral(" · ") + tr("%1 tok").arg(grouped(row.tokens));
        painter.drawText(second, Qt::AlignLeft | Qt::AlignVCenter,
                         metrics.elidedText(detail, Qt::ElideRight, room));
        return;
    }
    // The line that the search found, begun so that the hit is visible, the hit in the accent's colour.
    int begin = 0;
    if (metrics.horizontalAdvance(row.match.left(row.match_start + row.match_length)) > room) {
        begin = std::max(0, row.match_start - 8);
    }
    const QString before =
        (begin > 0 ? QStringLiteral("…") : QString()) + row.match.mid(begin, row.match_start - begin);
    const QString hit = row.match.mid(row.match_start, row.match_length);
    const QString after = row.match.mid(row.match_start + row.match_length);
    int x = second.left();
    const auto piece = [&](const QString& text, Role role) {
        const QString shown = metrics.elidedText(text, Qt::ElideRight, std::max(0, second.left() + room - x));
        painter.setPen(themes_.color(role));
        painter.drawText(QRect(x, second.top(), second.width(), second.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         shown);
        x += metrics.horizontalAdvance(shown);
    };
    piece(before, Role::Muted);
    piece(hit, Role::Accent);
    piece(after, Role::Muted);
}

// Every connection from a parent to a child: down the child's lane, beginning with a bend where lanes differ.
void ConversationDelegate::paintLanes(QPainter& painter, const QRect& rect, int row, int branch) const {
    const QList<ConversationBranch>& branches = model_.rows()[row].branches;
    const std::vector<int>& lanes = model_.lanes();
    const double left = rect.left() + themes_.scaled(24);
    const auto laneX = [&](int lane) { return left + lane * kLaneGap; };
    const double middle = rect.center().y() + 0.5;
    for (int child = 0; child < branches.size(); ++child) {
        const int parent = branches[child].parent;
        if (parent < 0 || parent > branch || child < branch || parent >= child) {
            continue;
        }
        const double x = laneX(lanes[static_cast<std::size_t>(child)]);
        const double from = laneX(lanes[static_cast<std::size_t>(parent)]);
        const bool lit = branches[child].current || branches[child].snapshot_held;
        painter.setPen(QPen(themes_.color(lit ? Role::Lightning : Role::Faint), 1.5));
        painter.setBrush(Qt::NoBrush);
        if (branch == parent) {
            QPainterPath path(QPointF(from, middle));
            if (from == x) {
                path.lineTo(x, rect.bottom() + 1);
            } else {
                path.cubicTo(QPointF(x, middle), QPointF(x, middle), QPointF(x, rect.bottom() + 1));
            }
            painter.drawPath(path);
        } else {
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, branch == child ? middle : rect.bottom() + 1));
        }
    }
    const ConversationBranch& value = branches[branch];
    const Role role = value.current ? Role::Accent : value.snapshot_held ? Role::Lightning : Role::Muted;
    painter.setPen(QPen(themes_.color(role), 1.5));
    painter.setBrush(themes_.color(value.snapshot_held || value.current ? role : Role::Panel));
    painter.drawEllipse(QPointF(laneX(lanes[static_cast<std::size_t>(branch)]), middle), 3.5, 3.5);
}

void ConversationDelegate::paintBranch(QPainter& painter, const QRect& rect, const QModelIndex& index) const {
    const ConversationModel::Line& line = model_.line(index.row());
    const ConversationBranch& branch = model_.branch(line);
    paintLanes(painter, rect, line.row, line.branch);
    const int left = rect.left() + themes_.scaled(28) + model_.laneCount() * kLaneGap;
    const QRect text(left, rect.top(), rect.right() - 8 - left, rect.height());
    const QFont font = themes_.uiFont(11.5);
    const QFont small = themes_.uiFont(11);
    const QString size = compactCount(branch.tokens);
    painter.setFont(small);
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(text, Qt::AlignRight | Qt::AlignVCenter, size);
    painter.setFont(font);
    painter.setPen(themes_.color(branch.current ? Role::Text : Role::Muted));
    painter.drawText(text, Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetrics(font).elidedText(branch.label, Qt::ElideRight,
                                                   text.width() - QFontMetrics(small).horizontalAdvance(size) - 6));
}

QWidget* ConversationDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                                            const QModelIndex& index) const {
    editor_ = QStyledItemDelegate::createEditor(parent, option, index);
    connect(editor_, &QObject::destroyed, this, &ConversationDelegate::editorGone, Qt::QueuedConnection);
    return editor_;
}

void ConversationDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                                const QModelIndex&) const {
    editor->setGeometry(option.rect.adjusted(themes_.scaled(12), 4, -8, -6));
}

} // namespace fulgurite
