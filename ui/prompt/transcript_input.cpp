// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript under the person's hands: keyboard, token focus, the pop-up, actions and editing. The pointer and
// the selection are in transcript_pointer.cpp.
#include "ui/prompt/transcript_view.h"

#include "ui/prompt/tint.h"
#include "ui/prompt/token_popup.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QKeyEvent>
#include <QScrollBar>

#include <algorithm>

namespace fulgurite {
namespace {

struct LetterAction {
    int key;
    TurnAction action;
};

constexpr LetterAction kLetters[] = {
    {Qt::Key_C, TurnAction::Copy},
    {Qt::Key_R, TurnAction::Regenerate},
    {Qt::Key_G, TurnAction::Continue},
    {Qt::Key_E, TurnAction::Edit},
    {Qt::Key_B, TurnAction::Branch},
    {Qt::Key_T, TurnAction::TokenTable},
    {Qt::Key_BracketLeft, TurnAction::PreviousSibling},
    {Qt::Key_BracketRight, TurnAction::NextSibling},
};

} // namespace

void TranscriptView::setFocusedToken(TokenRef token, bool revealed) {
    if (token.valid() && !tokenOf(token)) {
        token = {};
    }
    const bool changed = !(token == focus_);
    focus_ = token;
    if (token.valid()) {
        walked_turn_ = document_.indexOf(token.turn);
        const std::vector<QRect> rects = document_.tokenRects(token);
        if (revealed && !rects.empty()) {
            reveal(rects.front());
        }
    }
    if (changed) {
        if (popup_->isVisible() && !popup_->pinned()) {
            popup_->hide();
        }
        announceFocus();
        emit tokenFocused(focus_);
    }
    viewport()->update();
}

int TranscriptView::currentTurn() const {
    if (focus_.valid()) {
        return document_.indexOf(focus_.turn);
    }
    if (walked_turn_ >= 0 && walked_turn_ < document_.turnCount()) {
        return walked_turn_;
    }
    return document_.turnAt(scroll() + viewport()->height() - 1);
}

void TranscriptView::firstVisibleToken() {
    const int bottom = scroll() + viewport()->height();
    for (int turn = document_.turnAt(scroll());
         turn >= 0 && turn < document_.turnCount() && document_.top(turn) < bottom; ++turn) {
        for (const PartKind kind : {PartKind::Thinking, PartKind::Body}) {
            TextPart& part = document_.part(turn, kind);
            if (!document_.partVisible(turn, kind) || part.tokens.empty()) {
                continue;
            }
            const int origin = document_.partOrigin(turn, kind).y();
            for (int chunk = part.chunkAtHeight(scroll() - origin); chunk < part.chunkCount(); ++chunk) {
                if (origin + part.top(chunk) >= bottom) {
                    break;
                }
                for (const TokenBox& box : document_.tokenBoxes(turn, kind, chunk)) {
                    if (origin + part.top(chunk) + box.rect.top() >= scroll()) {
                        setFocusedToken({document_.turn(turn).id, box.token});
                        return;
                    }
                }
            }
        }
    }
}

// Tokens of folded thinking and markers are passed over; from one answer the walk goes on to the next.
bool TranscriptView::stepToken(int step) {
    if (!focus_.valid()) {
        firstVisibleToken();
        return focus_.valid();
    }
    int turn = document_.indexOf(focus_.turn);
    int index = focus_.index + step;
    while (turn >= 0 && turn < document_.turnCount()) {
        const Turn& value = document_.turn(turn);
        while (index >= 0 && index < value.tokens.size()) {
            const TokenChannel channel = value.tokens[index].channel;
            const PartKind kind = channel == TokenChannel::Thinking ? PartKind::Thinking : PartKind::Body;
            if (channel != TokenChannel::Marker && document_.partVisible(turn, kind)) {
                setFocusedToken({value.id, index});
                return true;
            }
            index += step;
        }
        turn += step;
        if (turn >= 0 && turn < document_.turnCount()) {
            index = step > 0 ? 0 : static_cast<int>(document_.turn(turn).tokens.size()) - 1;
        }
    }
    return true;
}

bool TranscriptView::stepLine(int step) {
    const std::vector<QRect> rects = document_.tokenRects(focus_);
    if (!focus_.valid() || rects.empty()) {
        return false;
    }
    const int x = rects.front().center().x();
    const int line = document_.style().code_line_height;
    int y = rects.front().center().y();
    for (int tries = 0; tries < 60; ++tries) {
        y += step * line;
        if (y < 0 || y > document_.height()) {
            return true;
        }
        // With what is in view, which would be freed, and stand blank until the next scroll.
        document_.layOut(std::min(scroll(), y - line), std::max(scroll() + viewport()->height(), y + line));
        // The nearest token to the left on that line, so that short lines can be entered.
        for (int left = x; left >= 0; left -= 6) {
            const TokenRef found = document_.tokenAt(QPoint(left, y));
            if (found.valid() && !(found == focus_)) {
                setFocusedToken(found);
                return true;
            }
        }
    }
    return true;
}

void TranscriptView::stepTurn(int step) {
    const int target = std::clamp(currentTurn() + step, 0, std::max(document_.turnCount() - 1, 0));
    if (document_.turnCount() == 0) {
        return;
    }
    setFocusedToken({}, false);
    walked_turn_ = target;
    reveal(QRect(0, document_.top(target), document_.width(), document_.geometry(target).header.bottom() + 40));
    const Turn& turn = document_.turn(target);
    setAccessibleDescription(turn.text.left(400));
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
    viewport()->update();
}

bool TranscriptView::focusNextUncertain(bool backwards) {
    const int step = backwards ? -1 : 1;
    int turn = focus_.valid() ? document_.indexOf(focus_.turn) : document_.turnAt(scroll());
    int index = focus_.valid() ? focus_.index + step : 0;
    for (; turn >= 0 && turn < document_.turnCount(); turn += step) {
        const Turn& value = document_.turn(turn);
        if (index == -2) {
            index = backwards ? static_cast<int>(value.tokens.size()) - 1 : 0;
        }
        for (; index >= 0 && index < value.tokens.size(); index += step) {
            const TokenView& token = value.tokens[index];
            const PartKind kind = token.channel == TokenChannel::Thinking ? PartKind::Thinking : PartKind::Body;
            if (uncertain(token) && document_.partVisible(turn, kind)) {
                setFocusedToken({value.id, index});
                return true;
            }
        }
        index = -2;
    }
    return false;
}

void TranscriptView::reveal(const QRect& rect) {
    const int margin = document_.style().line_height;
    const int view = viewport()->height();
    if (rect.top() - margin < scroll()) {
        setScroll(rect.top() - margin);
    } else if (rect.bottom() + margin > scroll() + view) {
        setScroll(std::min(rect.bottom() + margin - view, rect.top() - margin));
    }
}

void TranscriptView::openPopup() {
    if (!focus_.valid()) {
        firstVisibleToken();
    }
    showPopup(focus_);
}

void TranscriptView::closePopup() {
    hover_timer_.stop();
    leave_timer_.stop();
    popup_->hide();
}

void TranscriptView::showPopup(TokenRef token) {
    const std::optional<TokenView> view = tokenOf(token);
    const std::vector<QRect> rects = document_.tokenRects(token);
    if (!view || rects.empty() || !view->scored || (popup_->isVisible() && popup_->pinned())) {
        return;
    }
    const Turn& turn = document_.turn(document_.indexOf(token.turn));
    popup_->setToken(token, *view, turn.position + token.index, turn.sampler_summary);
    placePopup(rects.front().translated(origin()));
    popup_->show();
    popup_->raise();
    emit tokenCostWanted(token);
}

// Below the token if it fits, else above; never over the token, and inside this column.
void TranscriptView::placePopup(const QRect& token) {
    const QSize size = popup_->size();
    const int x = std::clamp(token.left() - 12, 4, std::max(4, viewport()->width() - size.width() - 4));
    const bool below = token.bottom() + 6 + size.height() <= height();
    const bool above = token.top() - 6 - size.height() >= 0;
    const int y = below || !above ? token.bottom() + 6 : token.top() - 6 - size.height();
    popup_->move(x, std::clamp(y, 0, std::max(0, height() - size.height())));
}

void TranscriptView::setTokenDetail(TokenRef token, const TokenView& detail) {
    if (!popup_->isVisible() || popup_->token() != token || popup_->pinned()) {
        return;
    }
    const std::vector<QRect> rects = document_.tokenRects(token);
    const int index = document_.indexOf(token.turn);
    if (index < 0 || rects.empty()) {
        return;
    }
    const Turn& turn = document_.turn(index);
    popup_->setToken(token, detail, turn.position + token.index, turn.sampler_summary);
    placePopup(rects.front().translated(origin()));
}

void TranscriptView::setTokenCost(TokenRef token, int tokens, double seconds) {
    if (popup_->token() == token) {
        popup_->setCost(tokens, seconds);
    }
}

void TranscriptView::setContinueObstacle(const QString& why) {
    document_.setContinueObstacle(why);
    popup_->setObstacle(why);
    viewport()->update();
}

void TranscriptView::setTokenBranches(TokenRef token, const QHash<int, QString>& branches) {
    if (popup_->token() == token) {
        popup_->setBranches(branches);
    }
}

void TranscriptView::keyPressEvent(QKeyEvent* event) {
    if (popup_->isVisible() && popup_->takeKey(event)) {
        return;
    }
    if (event->matches(QKeySequence::Copy)) {
        copy();
    } else if (event->matches(QKeySequence::SelectAll)) {
        selectAll();
    } else if (!moveFocus(event->key() | (event->modifiers() & Qt::ControlModifier ? int(Qt::CTRL) : 0)) &&
               !letterAction(event)) {
        QAbstractScrollArea::keyPressEvent(event);
    }
}

bool TranscriptView::moveFocus(int key) {
    const int page = std::max(40, viewport()->height() - 2 * document_.style().line_height);
    switch (key) {
    case Qt::Key_Left:
        return stepToken(-1);
    case Qt::Key_Right:
        return stepToken(1);
    case Qt::Key_Up:
    case Qt::Key_Down: {
        const int step = key == Qt::Key_Up ? -1 : 1;
        if (!stepLine(step)) {
            setScroll(scroll() + step * document_.style().line_height);
        }
        return true;
    }
    case int(Qt::CTRL) | Qt::Key_Up:
        stepTurn(-1);
        return true;
    case int(Qt::CTRL) | Qt::Key_Down:
        stepTurn(1);
        return true;
    case Qt::Key_PageUp:
        setScroll(scroll() - page);
        return true;
    case Qt::Key_PageDown:
        setScroll(scroll() + page);
        return true;
    case Qt::Key_Home:
        setScroll(0);
        return true;
    case Qt::Key_End:
        scrollToEnd();
        return true;
    case Qt::Key_Space:
        openPopup();
        return true;
    case Qt::Key_Escape:
        select_from_ = select_to_ = {};
        setFocusedToken({}, false);
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (currentTurn() >= 0) {
            triggerAction(currentTurn(), TurnAction::ToggleThinking);
        }
        return true;
    default:
        return false;
    }
}

bool TranscriptView::letterAction(QKeyEvent* event) {
    if ((event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier)) != 0) {
        return false;
    }
    if (event->key() == Qt::Key_N) {
        focusNextUncertain(event->modifiers().testFlag(Qt::ShiftModifier));
        return true;
    }
    const int turn = currentTurn();
    for (const LetterAction& letter : kLetters) {
        if (turn < 0 || letter.key != event->key()) {
            continue;
        }
        for (const TurnButton& button : document_.buttons(turn)) {
            if (button.action == letter.action && button.enabled) {
                triggerAction(turn, letter.action);
                return true;
            }
        }
        if (letter.action == TurnAction::Copy) {
            triggerAction(turn, TurnAction::Copy); // works for users' turns too, which show no button for it
            return true;
        }
    }
    return false;
}

void TranscriptView::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    if (!popup_->pinned() && !popup_->underMouse()) {
        closePopup();
    }
    viewport()->update();
}

void TranscriptView::triggerAction(int turn, TurnAction action, int chunk) {
    const std::int64_t id = document_.turn(turn).id;
    switch (action) {
    case TurnAction::Copy:
        QApplication::clipboard()->setText(document_.turn(turn).text);
        emit copied(tr("message"));
        break;
    case TurnAction::CopyCode:
        copyCodeBlock(turn, chunk);
        break;
    case TurnAction::Regenerate:
        emit regenerateRequested(id);
        break;
    case TurnAction::Continue:
        if (document_.continueObstacle().isEmpty()) {
            emit continueRequested(id);
        }
        break;
    case TurnAction::Edit:
        beginEdit(id);
        break;
    case TurnAction::Branch:
        emit branchRequested(id);
        break;
    case TurnAction::TokenTable:
        emit tokenTableRequested(id);
        break;
    case TurnAction::PreviousSibling:
        emit siblingRequested(id, -1);
        break;
    case TurnAction::NextSibling:
        emit siblingRequested(id, 1);
        break;
    case TurnAction::ToggleThinking:
        if (!document_.geometry(turn).thinking_row.isNull()) {
            document_.setThinkingOpen(turn, !document_.thinkingOpen(turn));
            stick_ = false;
            strip_timer_.start();
            relayout();
        }
        break;
    case TurnAction::None:
        break;
    }
}

void TranscriptView::copyCodeBlock(int turn, int chunk) {
    // The whole fenced block, which may have been cut into several chunks.
    TextPart& part = document_.part(turn, PartKind::Body);
    const MarkdownChunk& first = part.chunk(chunk);
    int end = first.content_end;
    for (int next = chunk + 1;
         next < part.chunkCount() && part.chunk(next).kind == MarkdownChunk::Kind::Code && !part.chunk(next).first;
         ++next) {
        end = part.chunk(next).content_end;
    }
    const QString& text = document_.text(turn, PartKind::Body);
    if (first.kind == MarkdownChunk::Kind::Code) {
        QApplication::clipboard()->setText(text.mid(first.content_begin, end - first.content_begin));
    } else {
        for (const MarkdownBlock& block : parseChunk(text, first)) {
            if (block.kind == MarkdownBlock::Kind::Code) {
                QApplication::clipboard()->setText(QString(block.text).replace(QChar::LineSeparator, u'\n'));
                break;
            }
        }
    }
    emit copied(tr("code"));
}

} // namespace fulgurite
