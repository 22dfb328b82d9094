// SPDX-License-Identifier: GPL-3.0-or-later
// The view's data, layout, scrolling and painting; what the person does with it is in transcript_input.cpp.
#include "ui/prompt/transcript_view.h"

#include "ui/prompt/overview_strip.h"
#include "ui/prompt/tint.h"
#include "ui/prompt/token_popup.h"
#include "ui/prompt/transcript_accessible.h"
#include "ui/prompt/turn_editor.h"
#include "ui/prompt/turn_painter.h"

#include <QPainter>
#include <QScrollBar>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kMargin = 24;
constexpr int kColumnLimit = 920; // longer lines are hard to read
constexpr int kPrefetchStep = 240;

} // namespace

TranscriptView::TranscriptView(ThemeManager& themes, QWidget* parent)
    : QAbstractScrollArea(parent),
      themes_(themes),
      document_(themes),
      strip_(new OverviewStrip(themes, document_, this)) {
    TranscriptAccessible::install();
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff); // the strip beside it takes its place
    setFocusPolicy(Qt::StrongFocus);
    setAccessibleName(tr("Conversation"));
    setViewportMargins(0, 0, strip_->width() + 8, 0);
    viewport()->setMouseTracking(true);
    viewport()->setAttribute(Qt::WA_OpaquePaintEvent);
    verticalScrollBar()->setSingleStep(document_.style().line_height);
    popup_ = new TokenPopup(themes, this);

    layout_timer_.setSingleShot(true);
    layout_timer_.setInterval(8);
    connect(&layout_timer_, &QTimer::timeout, this, &TranscriptView::relayout);
    prefetch_timer_.setInterval(12);
    connect(&prefetch_timer_, &QTimer::timeout, this, &TranscriptView::prefetch);
    hover_timer_.setSingleShot(true);
    connect(&hover_timer_, &QTimer::timeout, this, [this] { showPopup(hovered_token_); });
    leave_timer_.setSingleShot(true);
    leave_timer_.setInterval(300);
    connect(&leave_timer_, &QTimer::timeout, this, &TranscriptView::closePopup);
    strip_timer_.setSingleShot(true);
    strip_timer_.setInterval(200);
    connect(&strip_timer_, &QTimer::timeout, strip_, &OverviewStrip::invalidate);

    connect(strip_, &OverviewStrip::scrollRequested, this, [this](int top) { setScroll(top); });
    connect(popup_, &TokenPopup::dismissed, this, &TranscriptView::closePopup);
    connect(popup_, &TokenPopup::pointerEntered, &leave_timer_, &QTimer::stop);
    connect(popup_, &TokenPopup::pointerLeft, this, [this] {
        if (!popup_->pinned()) {
            leave_timer_.start();
        }
    });
    connect(popup_, &TokenPopup::branchRequested, this, [this](TokenRef token, const TokenChoice& choice) {
        closePopup();
        emit tokenBranchRequested(token, choice);
    });
    connect(&themes_, &ThemeManager::changed, this, [this] {
        document_.setStyle(themes_);
        strip_->invalidate();
        relayout();
    });
}

TranscriptView::~TranscriptView() = default;

void TranscriptView::setTurns(const QList<Turn>& turns) {
    bool common = false;
    for (const Turn& turn : turns) {
        common = common || document_.indexOf(turn.id) >= 0;
    }
    const Anchor held = common ? anchor() : Anchor{};
    const std::int64_t edited = editor_ != nullptr ? document_.turn(document_.editedTurn()).id : 0;
    const bool edit_stays =
        editor_ != nullptr &&
        std::any_of(turns.begin(), turns.end(), [edited](const Turn& turn) { return turn.id == edited; });
    if (!edit_stays) {
        leaveEdit();
    }
    QList<std::int64_t> coming_back;
    for (auto left = left_edits_.keyBegin(); left != left_edits_.keyEnd(); ++left) {
        if (document_.indexOf(*left) < 0) {
            coming_back << *left;
        }
    }
    document_.setTurns(turns);
    // What the person has open stays open while an answer elsewhere goes on.
    if (edit_stays) {
        const int index = document_.indexOf(edited);
        document_.setEditor(index, editor_->wantedHeight(document_.partWidth(index, PartKind::Body)));
    }
    if (!tokenOf(popup_->token())) {
        closePopup();
    }
    select_from_ = select_to_ = {};
    hovered_turn_ = -1;
    walked_turn_ = -1;
    hovered_action_ = TurnAction::None;
    if (!tokenOf(focus_)) {
        setFocusedToken({}, false);
    }
    if (!common) {
        stick_ = true;
    } else if (!stick_) {
        // The scroll bar still has the old range; relayout() holds what the anchor names.
        verticalScrollBar()->setRange(0, std::max(0, document_.height() - viewport()->height()));
        verticalScrollBar()->setValue(resolve(held));
    }
    strip_->invalidate();
    relayout();
    for (const std::int64_t turn : coming_back) { // what was left in the middle of a change
        if (editor_ == nullptr) {
            openEditor(turn);
        }
    }
}

void TranscriptView::updateTurn(const Turn& turn) {
    document_.updateTurn(turn);
    if (!strip_timer_.isActive()) {
        strip_timer_.start();
    }
    scheduleRelayout();
}

void TranscriptView::appendTokens(std::int64_t turn, const QList<TokenView>& tokens) {
    const int index = document_.indexOf(turn);
    const int before = index < 0 ? 0 : static_cast<int>(document_.turn(index).text.size());
    document_.appendTokens(turn, tokens);
    announceText(turn, before);
    if (!strip_timer_.isActive()) {
        strip_timer_.start();
    }
    scheduleRelayout();
}

void TranscriptView::setEmptyText(const QString& text) {
    empty_text_ = text;
    viewport()->update();
}

void TranscriptView::setTint(TintMode mode) {
    tint_ = mode;
    strip_->setTint(mode);
    viewport()->update();
}

std::optional<TokenView> TranscriptView::tokenOf(TokenRef token) const {
    const int index = token.valid() ? document_.indexOf(token.turn) : -1;
    if (index < 0 || token.index >= document_.turn(index).tokens.size()) {
        return std::nullopt;
    }
    return document_.turn(index).tokens[token.index];
}

int TranscriptView::scroll() const {
    return verticalScrollBar()->value();
}

void TranscriptView::setScroll(int value) {
    verticalScrollBar()->setValue(value);
}

QPoint TranscriptView::origin() const {
    return {std::max(kMargin, (viewport()->width() - document_.width()) / 2), -scroll()};
}

void TranscriptView::scheduleRelayout() {
    dirty_ = true;
    if (!layout_timer_.isActive()) {
        layout_timer_.start();
    }
}

// The first laid-out chunk in the view: its height is exact, so holding it holds the picture.
TranscriptView::Anchor TranscriptView::anchor() {
    const int y = scroll();
    const int bottom = y + viewport()->height();
    Anchor fallback;
    for (int turn = document_.turnAt(y); turn >= 0 && turn < document_.turnCount() && document_.top(turn) < bottom;
         ++turn) {
        if (fallback.turn < 0) {
            fallback = {turn, PartKind::Body, -1, y - document_.top(turn)};
        }
        for (const PartKind kind : {PartKind::Thinking, PartKind::Body}) {
            TextPart& part = document_.part(turn, kind);
            const int origin = document_.partOrigin(turn, kind).y();
            if (!document_.partVisible(turn, kind) || part.chunkCount() == 0 || origin + part.height() < y) {
                continue;
            }
            for (int chunk = part.chunkAtHeight(y - origin); chunk < part.chunkCount(); ++chunk) {
                const int top = origin + part.top(chunk);
                if (top >= bottom) {
                    break;
                }
                if (part.measured(chunk)) {
                    return {turn, kind, chunk, y - top};
                }
                if (fallback.chunk < 0 && top <= y) {
                    fallback = {turn, kind, chunk, y - top};
                }
            }
        }
    }
    return fallback;
}

int TranscriptView::resolve(const Anchor& anchor) {
    if (anchor.turn < 0 || anchor.turn >= document_.turnCount()) {
        return scroll();
    }
    if (anchor.chunk < 0) {
        return document_.top(anchor.turn) + anchor.delta;
    }
    TextPart& part = document_.part(anchor.turn, anchor.part);
    if (!document_.partVisible(anchor.turn, anchor.part) || anchor.chunk >= part.chunkCount()) {
        return document_.top(anchor.turn);
    }
    const int inside = anchor.delta < 0
                           ? anchor.delta
                           : std::min(anchor.delta, part.bottom(anchor.chunk) - part.top(anchor.chunk));
    return document_.partOrigin(anchor.turn, anchor.part).y() + part.top(anchor.chunk) + inside;
}

void TranscriptView::relayout() {
    if (laying_out_) {
        return;
    }
    laying_out_ = true;
    dirty_ = false;
    layout_timer_.stop();
    const int width = std::min(viewport()->width() - 2 * kMargin, themes_.scaled(kColumnLimit));
    const bool stick = stick_;
    Anchor held = anchor();
    document_.setWidth(width);
    const int view = viewport()->height();
    // Exact heights of what is visible may bring more into view: once more until all of it is exact.
    for (int round = 0; round < 6; ++round) {
        const int range = std::max(0, document_.height() - view);
        const int top = stick ? range : std::clamp(resolve(held), 0, range);
        const bool moved = document_.layOut(top, top + view);
        const int now = std::max(0, document_.height() - view);
        verticalScrollBar()->setRange(0, now);
        verticalScrollBar()->setPageStep(view);
        verticalScrollBar()->setValue(stick ? now : std::clamp(resolve(held), 0, now));
        if (!moved) {
            break;
        }
    }
    laying_out_ = false;
    strip_->setView(scroll(), view);
    placeEditor();
    prefetched_ = 0;
    prefetch_timer_.start();
    viewport()->update();
}

// Lays out one screen above and below in small steps while nothing else happens, so that scrolling finds it done.
void TranscriptView::prefetch() {
    const int view = viewport()->height();
    prefetched_ += kPrefetchStep;
    if (prefetched_ > view || document_.turnCount() == 0) {
        prefetch_timer_.stop();
        strip_->invalidate();
        return;
    }
    laying_out_ = true;
    const bool stick = stick_;
    const Anchor held = anchor();
    const int before = document_.height();
    document_.layOut(std::max(0, scroll() - prefetched_), scroll() + view + prefetched_);
    if (document_.height() != before || resolve(held) != scroll()) {
        const int range = std::max(0, document_.height() - view);
        verticalScrollBar()->setRange(0, range);
        verticalScrollBar()->setValue(stick ? range : std::clamp(resolve(held), 0, range));
        placeEditor();
        viewport()->update();
    }
    laying_out_ = false;
    strip_->setView(scroll(), view);
}

void TranscriptView::scrollContentsBy(int, int) {
    if (laying_out_) {
        return;
    }
    stick_ = scroll() >= verticalScrollBar()->maximum() - 2;
    if (!popup_->pinned()) {
        closePopup();
    }
    relayout();
}

void TranscriptView::resizeEvent(QResizeEvent*) {
    strip_->setGeometry(width() - strip_->width() - 4, 8, strip_->width(), std::max(10, height() - 16));
    relayout();
}

void TranscriptView::scrollToEnd() {
    stick_ = true;
    relayout();
}

void TranscriptView::scrollToTurn(std::int64_t turn) {
    const int index = document_.indexOf(turn);
    if (index >= 0) {
        walked_turn_ = index;
        reveal(QRect(0, document_.top(index), document_.width(), viewport()->height()));
    }
}

void TranscriptView::scrollToText(std::int64_t turn, int offset) {
    const int index = document_.indexOf(turn);
    if (index < 0 || document_.part(index, PartKind::Body).chunkCount() == 0) {
        return;
    }
    TextPart& part = document_.part(index, PartKind::Body);
    const int chunk = part.chunkOfSource(offset);
    const ChunkLayout& laid = document_.layout(index, PartKind::Body, chunk);
    const QRect caret = laid.caretAt(offset).toAlignedRect();
    reveal(caret.translated(document_.partOrigin(index, PartKind::Body) + QPoint(0, part.top(chunk))));
}

void TranscriptView::placeEditor() {
    const int index = document_.editedTurn();
    if (editor_ == nullptr || index < 0) {
        return;
    }
    const QPoint at = document_.partOrigin(index, PartKind::Body) + origin();
    const int width = document_.partWidth(index, PartKind::Body);
    editor_->setGeometry(at.x(), at.y(), width, editor_->wantedHeight(width));
}

void TranscriptView::paintEvent(QPaintEvent* event) {
    if (dirty_) {
        relayout();
    }
    QPainter painter(viewport());
    painter.fillRect(event->rect(), themes_.color(Role::Background));
    if (document_.turnCount() == 0) {
        painter.setFont(themes_.uiFont(13));
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(viewport()->rect().adjusted(kMargin, 0, -kMargin, 0), Qt::AlignCenter | Qt::TextWordWrap,
                         empty_text_);
        return;
    }
    const QPoint at = origin();
    const QRect clip = event->rect().translated(-at);
    for (int turn = document_.turnAt(clip.top());
         turn < document_.turnCount() && document_.top(turn) <= clip.bottom(); ++turn) {
        TurnPaintState state;
        state.hovered = turn == hovered_turn_ ? hovered_action_ : TurnAction::None;
        state.pressed = turn == hovered_turn_ ? pressed_action_ : TurnAction::None;
        state.focused = hasFocus() && !focus_.valid() && turn == walked_turn_;
        paintTurnFrame(painter, document_, turn, at, state);
        for (const PartKind kind : {PartKind::Thinking, PartKind::Body}) {
            if (document_.partVisible(turn, kind)) {
                paintPart(painter, turn, kind, clip);
            }
        }
    }
    if (focus_.valid()) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(themes_.color(Role::Focus), hasFocus() ? 2 : 1));
        for (const QRect& rect : document_.tokenRects(focus_)) {
            painter.drawRoundedRect(QRectF(rect.translated(at)).adjusted(-0.5, 1.5, 0.5, -1.5), 3, 3);
        }
    }
}

void TranscriptView::paintPart(QPainter& painter, int turn, PartKind kind, const QRect& clip) {
    TextPart& part = document_.part(turn, kind);
    const QPoint part_origin = document_.partOrigin(turn, kind);
    if (part.chunkCount() == 0) {
        return;
    }
    const QRectF visible = QRectF(clip).translated(origin());
    for (int chunk = part.chunkAtHeight(clip.top() - part_origin.y()); chunk < part.chunkCount(); ++chunk) {
        const int top = part_origin.y() + part.top(chunk);
        if (top > clip.bottom()) {
            break;
        }
        const ChunkLayout* laid = part.laidOut(chunk);
        if (laid == nullptr) {
            continue; // comes with the next relayout()
        }
        const QPointF at = QPointF(part_origin.x(), top) + origin();
        laid->paintDecor(painter, at, document_.style());
        if (tint_ != TintMode::Off) {
            paintTints(painter, turn, kind, chunk, at, false);
        }
        paintSelection(painter, turn, kind, chunk, at);
        laid->paintText(painter, at, visible);
        if (tint_ != TintMode::Off) {
            paintTints(painter, turn, kind, chunk, at, true);
        }
    }
}

void TranscriptView::paintTints(QPainter& painter, int turn, PartKind kind, int chunk, QPointF at,
                                bool underlines) {
    const QList<TokenView>& tokens = document_.turn(turn).tokens;
    const QColor line = themes_.color(tintRole(tint_));
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (const TokenBox& box : document_.tokenBoxes(turn, kind, chunk)) {
        const TokenView& token = tokens[box.token];
        const QRectF rect = box.rect.translated(at).adjusted(0, 2, 0, -2);
        if (underlines) {
            if (tintUnderlines(token, tint_)) {
                painter.fillRect(QRectF(rect.left() + 0.5, rect.bottom() - 1.5, rect.width() - 1, 1.5), line);
            }
        } else if (const QColor color = tintColor(token, tint_, themes_); color.alpha() > 0) {
            painter.fillRect(rect, color);
        }
    }
    painter.setRenderHint(QPainter::Antialiasing);
}

void TranscriptView::paintSelection(QPainter& painter, int turn, PartKind kind, int chunk, QPointF at) {
    const TextPosition from = std::min(select_from_, select_to_);
    const TextPosition to = std::max(select_from_, select_to_);
    const ChunkLayout* laid = document_.part(turn, kind).laidOut(chunk);
    if (!from.valid() || from == to || laid == nullptr) {
        return;
    }
    const TextPosition begin = std::max(from, {turn, kind, laid->begin()});
    const TextPosition end = std::min(to, {turn, kind, laid->end()});
    if (begin >= end) {
        return;
    }
    const QColor color = themes_.theme().mix(Role::Selection, Role::Focus, 0.25);
    for (const QRectF& box : laid->boxesOf(begin.offset, end.offset)) {
        painter.fillRect(box.translated(at), color);
    }
}

} // namespace fulgurite
