// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/transcript_accessible.h"

#include "ui/base/format.h"
#include "ui/prompt/tint.h"
#include "ui/prompt/transcript_view.h"
#include "ui/prompt/turn_painter.h"

#include <QLocale>
#include <QRegularExpression>
#include <QScrollBar>

#include <algorithm>

namespace fulgurite {

TranscriptAccessible::TranscriptAccessible(TranscriptView* view) : QAccessibleWidget(view, QAccessible::List) {}

TranscriptAccessible::~TranscriptAccessible() {
    for (const QAccessible::Id id : turns_) {
        QAccessible::deleteAccessibleInterface(id);
    }
}

void TranscriptAccessible::install() {
    static const bool installed = [] {
        QAccessible::installFactory([](const QString&, QObject* object) -> QAccessibleInterface* {
            auto* view = qobject_cast<TranscriptView*>(object);
            return view != nullptr ? new TranscriptAccessible(view) : nullptr;
        });
        return true;
    }();
    Q_UNUSED(installed);
}

TranscriptView* TranscriptAccessible::view() const {
    return qobject_cast<TranscriptView*>(object());
}

int TranscriptAccessible::childCount() const {
    return view() != nullptr ? view()->document().turnCount() : 0;
}

QAccessibleInterface* TranscriptAccessible::child(int index) const {
    if (index < 0 || index >= childCount()) {
        return nullptr;
    }
    while (static_cast<int>(turns_.size()) <= index) {
        turns_.push_back(
            QAccessible::registerAccessibleInterface(new TurnAccessible(view(), static_cast<int>(turns_.size()))));
    }
    return QAccessible::accessibleInterface(turns_[static_cast<std::size_t>(index)]);
}

int TranscriptAccessible::indexOfChild(const QAccessibleInterface* child) const {
    const auto* turn = dynamic_cast<const TurnAccessible*>(child);
    return turn != nullptr ? turn->index() : -1;
}

QAccessibleInterface* TranscriptAccessible::childAt(int x, int y) const {
    for (int i = 0; i < childCount(); ++i) {
        QAccessibleInterface* turn = child(i);
        if (turn->rect().contains(x, y)) {
            return turn;
        }
    }
    return nullptr;
}

bool TurnAccessible::isValid() const {
    return index_ < view_->document().turnCount();
}

QAccessibleInterface* TurnAccessible::parent() const {
    return QAccessible::queryAccessibleInterface(view_);
}

QString TurnAccessible::whole() const {
    return isValid() ? view_->document().turn(index_).text : QString();
}

QString TurnAccessible::text(QAccessible::Text kind) const {
    if (!isValid()) {
        return {};
    }
    const Turn& turn = view_->document().turn(index_);
    if (kind == QAccessible::Name) {
        const QString state = turn.state == TurnState::Streaming ? TranscriptView::tr(", still writing")
                              : turn.state == TurnState::Cut     ? TranscriptView::tr(", cut off")
                                                                 : QString();
        return turnTitle(turn) + state;
    }
    if (kind == QAccessible::Value) {
        return turn.text;
    }
    if (kind == QAccessible::Description) {
        QStringList parts;
        if (turn.thinking.tokens > 0) {
            parts += TranscriptView::tr("thought for %1 tokens").arg(grouped(turn.thinking.tokens));
        }
        if (turn.token_count > 0) {
            parts += TranscriptView::tr("%1 tokens").arg(grouped(turn.token_count));
        }
        if (const double mean = view_->document().meanSurpriseBits(index_); mean >= 0) {
            parts += TranscriptView::tr("%1 bits of surprise a token").arg(QLocale().toString(mean, 'f', 2));
        }
        if (!turn.note.isEmpty()) {
            parts += turn.note;
        }
        return parts.join(QStringLiteral(", "));
    }
    return {};
}

QRect TurnAccessible::rect() const {
    if (!isValid()) {
        return {};
    }
    const TranscriptDocument& document = view_->document();
    const QWidget* viewport = view_->viewport();
    const int left = std::max(0, (viewport->width() - document.width()) / 2);
    const QRect box(left, document.top(index_) - view_->verticalScrollBar()->value(), document.width(),
                    document.geometry(index_).height);
    return QRect(viewport->mapToGlobal(box.topLeft()), box.size());
}

QAccessible::State TurnAccessible::state() const {
    QAccessible::State state;
    state.readOnly = true;
    state.multiLine = true;
    state.invisible = !isValid();
    state.busy = isValid() && view_->document().turn(index_).state == TurnState::Streaming;
    return state;
}

void* TurnAccessible::interface_cast(QAccessible::InterfaceType type) {
    if (type == QAccessible::TextInterface) {
        return static_cast<QAccessibleTextInterface*>(this);
    }
    return type == QAccessible::ActionInterface ? static_cast<QAccessibleActionInterface*>(this) : nullptr;
}

QString TurnAccessible::text(int start, int end) const {
    return whole().mid(start, end - start);
}

int TurnAccessible::characterCount() const {
    return static_cast<int>(whole().size());
}

QRect TurnAccessible::characterRect(int) const {
    return rect();
}

int TurnAccessible::offsetAtPoint(const QPoint&) const {
    return 0;
}

void TurnAccessible::scrollToSubstring(int start, int) {
    if (isValid()) {
        view_->scrollToText(view_->document().turn(index_).id, start);
    }
}

QString TurnAccessible::attributes(int, int* start, int* end) const {
    *start = 0;
    *end = characterCount();
    return {};
}

QStringList TurnAccessible::actionNames() const {
    QStringList names;
    if (isValid()) {
        for (const TurnButton& button : view_->document().buttons(index_)) {
            if (button.enabled && button.action != TurnAction::None) {
                names += button.tooltip;
            }
        }
    }
    return names;
}

void TurnAccessible::doAction(const QString& name) {
    if (!isValid()) {
        return;
    }
    for (const TurnButton& button : view_->document().buttons(index_)) {
        if (button.enabled && button.tooltip == name) {
            view_->triggerAction(index_, button.action);
            return;
        }
    }
}

QString TranscriptView::tokenDescription(TokenRef token) const {
    const std::optional<TokenView> view = tokenOf(token);
    if (!view) {
        return {};
    }
    if (!view->scored) {
        return readableToken(view->text);
    }
    return tr("%1, probability %2, %3 bits, rank %4")
        .arg(readableToken(view->text), QLocale().toString(probability(view->logprob), 'f', 3),
             QLocale().toString(surpriseBits(*view), 'f', 2))
        .arg(view->rank);
}

void TranscriptView::announceFocus() {
    setAccessibleDescription(tokenDescription(focus_));
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
}

// Sentence by sentence: single tokens would drown out everything else that is read aloud.
void TranscriptView::announceText(std::int64_t turn, int from) {
    const int index = document_.indexOf(turn);
    if (!announcing_ || index < 0 || !QAccessible::isActive()) {
        return;
    }
    if (announced_turn_ != turn) {
        announced_turn_ = turn;
        announced_ = from;
    }
    const QString& text = document_.turn(index).text;
    static const QRegularExpression kSentenceEnd(QStringLiteral("[.!?:;](?=\\s)|\\n"));
    const QString rest = text.mid(announced_);
    if (const auto end = rest.lastIndexOf(kSentenceEnd); end >= 0) {
        QAccessibleTextInsertEvent event(this, announced_, rest.left(end + 1));
        QAccessible::updateAccessibility(&event);
        announced_ += static_cast<int>(end) + 1;
    }
}

} // namespace fulgurite
