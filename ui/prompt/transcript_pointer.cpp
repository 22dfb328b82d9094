// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript's pointer: hover, buttons, links, selection of text, and the context menu.
#include "ui/base/format.h"
#include "ui/prompt/token_popup.h"
#include "ui/prompt/transcript_view.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QScrollBar>
#include <QToolTip>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kRest = 250; // milliseconds until the pop-up opens
constexpr int kRestReading = 700;

} // namespace

QString TranscriptView::selectedText() {
    const TextPosition from = std::min(select_from_, select_to_);
    const TextPosition to = std::max(select_from_, select_to_);
    return from.valid() ? document_.textBetween(from, to) : QString();
}

void TranscriptView::copy() {
    const QString text = selectedText();
    if (!text.isEmpty()) {
        QApplication::clipboard()->setText(text);
        emit copied(tr("selection"));
    } else if (const std::optional<TokenView> token = tokenOf(focus_)) {
        QApplication::clipboard()->setText(token->text);
        emit copied(tr("token"));
    }
}

void TranscriptView::selectAll() {
    if (document_.turnCount() > 0) {
        const int last = document_.turnCount() - 1;
        select_from_ = {0, PartKind::Thinking, 0};
        select_to_ = {last, PartKind::Body, static_cast<int>(document_.text(last, PartKind::Body).size())};
        viewport()->update();
    }
}

void TranscriptView::hover(QPoint point) {
    const QPoint at = toDocument(point);
    const int turn = document_.turnAt(at.y());
    TurnAction action = TurnAction::None;
    if (turn >= 0) {
        for (const TurnButton& button : document_.buttons(turn)) {
            if (button.enabled && button.action != TurnAction::None && button.rect.contains(at)) {
                action = button.action;
            }
        }
    }
    if (turn != hovered_turn_ || action != hovered_action_) {
        hovered_turn_ = turn;
        hovered_action_ = action;
        viewport()->update();
    }
    const TokenRef token = action == TurnAction::None ? document_.tokenAt(at) : TokenRef{};
    if (!(token == hovered_token_)) {
        hovered_token_ = token;
        hover_timer_.stop();
        if (token.valid() && !selecting_) {
            leave_timer_.stop();
            // Who reads without a tint rests the pointer on words more often than asks about them.
            hover_timer_.start(tint_ == TintMode::Off ? kRestReading : kRest);
        } else if (popup_->isVisible() && !popup_->pinned()) {
            leave_timer_.start();
        }
    }
    const bool hand = action != TurnAction::None;
    viewport()->setCursor(hand ? Qt::PointingHandCursor : token.valid() ? Qt::IBeamCursor : Qt::ArrowCursor);
}

bool TranscriptView::pressButton(QPoint point) {
    const QPoint at = toDocument(point);
    const int turn = document_.turnAt(at.y());
    if (turn < 0) {
        return false;
    }
    for (const TurnButton& button : document_.buttons(turn)) {
        if (button.enabled && button.action != TurnAction::None && button.rect.contains(at)) {
            walked_turn_ = turn;
            triggerAction(turn, button.action);
            return true;
        }
    }
    for (const PartKind kind : {PartKind::Thinking, PartKind::Body}) {
        TextPart& part = document_.part(turn, kind);
        const QPoint local = at - document_.partOrigin(turn, kind);
        if (!document_.partVisible(turn, kind) || local.y() < 0 || local.y() >= part.height()) {
            continue;
        }
        const int chunk = part.chunkAtHeight(local.y());
        const QPointF inside(local.x(), local.y() - part.top(chunk));
        const ChunkLayout& laid = document_.layout(turn, kind, chunk);
        if (kind == PartKind::Body && laid.copyButton().contains(inside)) {
            triggerAction(turn, TurnAction::CopyCode, chunk);
            return true;
        }
        if (const QString link = laid.linkAt(inside); !link.isEmpty()) {
            emit linkActivated(link);
            return true;
        }
    }
    return false;
}

void TranscriptView::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) {
        return;
    }
    popup_->setPinned(false);
    closePopup();
    press_point_ = event->pos();
    const TextPosition at = document_.positionAt(toDocument(event->pos()));
    if (event->modifiers().testFlag(Qt::ShiftModifier) && select_from_.valid()) {
        select_to_ = at;
    } else {
        select_from_ = select_to_ = at;
    }
    selecting_ = true;
    viewport()->update();
}

void TranscriptView::mouseMoveEvent(QMouseEvent* event) {
    if (!selecting_ || (event->buttons() & Qt::LeftButton) == 0) {
        hover(event->pos());
        return;
    }
    if ((event->pos() - press_point_).manhattanLength() < QApplication::startDragDistance() &&
        select_from_ == select_to_) {
        return;
    }
    const int line = document_.style().line_height;
    if (event->pos().y() < 0) {
        setScroll(scroll() - line);
    } else if (event->pos().y() > viewport()->height()) {
        setScroll(scroll() + line);
    }
    select_to_ = document_.positionAt(toDocument(event->pos()));
    viewport()->update();
}

void TranscriptView::mouseReleaseEvent(QMouseEvent* event) {
    if (!selecting_ || event->button() != Qt::LeftButton) {
        return;
    }
    selecting_ = false;
    if (select_from_ == select_to_ && !pressButton(event->pos())) {
        const QPoint at = toDocument(event->pos());
        walked_turn_ = document_.turnAt(at.y());
        setFocusedToken(document_.tokenAt(at), false);
    }
}

void TranscriptView::mouseDoubleClickEvent(QMouseEvent* event) {
    const TextPosition at = document_.positionAt(toDocument(event->pos()));
    if (!at.valid()) {
        return;
    }
    const QString& text = document_.text(at.turn, at.part);
    int begin = std::min<int>(at.offset, static_cast<int>(text.size()));
    int end = begin;
    while (begin > 0 && (text[begin - 1].isLetterOrNumber() || text[begin - 1] == u'_')) {
        --begin;
    }
    while (end < text.size() && (text[end].isLetterOrNumber() || text[end] == u'_')) {
        ++end;
    }
    select_from_ = {at.turn, at.part, begin};
    select_to_ = {at.turn, at.part, end};
    viewport()->update();
}

void TranscriptView::contextMenuEvent(QContextMenuEvent* event) {
    const bool by_key = event->reason() == QContextMenuEvent::Keyboard;
    const int turn = by_key ? currentTurn() : document_.turnAt(toDocument(event->pos()).y());
    if (turn < 0) {
        return;
    }
    QMenu menu(this);
    QAction* copy_action = menu.addAction(tr("Copy"), this, &TranscriptView::copy);
    copy_action->setShortcut(QKeySequence::Copy);
    copy_action->setEnabled(!selectedText().isEmpty() || focus_.valid());
    menu.addAction(tr("Copy message as Markdown"), this, [this, turn] { triggerAction(turn, TurnAction::Copy); });
    menu.addAction(tr("Select all"), this, &TranscriptView::selectAll)->setShortcut(QKeySequence::SelectAll);
    menu.addSeparator();
    for (const TurnButton& button : document_.buttons(turn)) {
        if (button.action == TurnAction::None || button.action == TurnAction::Copy) {
            continue;
        }
        QAction* action = menu.addAction(button.tooltip, this,
                                         [this, turn, chosen = button.action] { triggerAction(turn, chosen); });
        action->setEnabled(button.enabled);
    }
    if (document_.turn(turn).role == TurnRole::Assistant) {
        const TokenRef token = by_key ? focus_ : document_.tokenAt(toDocument(event->pos()));
        const std::optional<TokenView> view = tokenOf(token);
        menu.addSeparator();
        menu.addAction(
            view ? tr("Inspect this answer at “%1”").arg(readableToken(view->text)) : tr("Inspect this answer"),
            this,
            [this, token = view ? token : TokenRef{document_.turn(turn).id, -1}] { emit inspectRequested(token); });
    }
    menu.exec(by_key ? viewport()->mapToGlobal(QPoint(40, 40)) : event->globalPos());
}

bool TranscriptView::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::Leave) {
        hovered_token_ = {};
        hover_timer_.stop();
        if (hovered_action_ != TurnAction::None) {
            hovered_action_ = TurnAction::None;
            viewport()->update();
        }
        if (popup_->isVisible() && !popup_->pinned()) {
            leave_timer_.start();
        }
    } else if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QPoint at = toDocument(help->pos());
        const int turn = document_.turnAt(at.y());
        if (turn >= 0) {
            for (const TurnButton& button : document_.buttons(turn)) {
                if (button.rect.contains(at) && !button.tooltip.isEmpty()) {
                    QToolTip::showText(help->globalPos(), button.tooltip, viewport());
                    return true;
                }
            }
        }
        QToolTip::hideText();
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

} // namespace fulgurite
