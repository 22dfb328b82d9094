// SPDX-License-Identifier: GPL-3.0-or-later
// The field in which a turn is changed, and what was typed into it and left.
#include "ui/prompt/transcript_view.h"
#include "ui/prompt/turn_editor.h"

#include <utility>

namespace fulgurite {

void TranscriptView::beginEdit(std::int64_t turn) {
    leaveEdit();
    if (!openEditor(turn)) {
        return;
    }
    const int index = document_.indexOf(turn);
    editor_->setFocus();
    reveal(QRect(0, document_.top(index), document_.width(), document_.geometry(index).height));
}

void TranscriptView::reopenEdit(std::int64_t turn, const QString& text) {
    left_edits_.insert(turn, text);
    if (editor_ == nullptr) {
        openEditor(turn);
    }
}

bool TranscriptView::openEditor(std::int64_t turn) {
    const int index = document_.indexOf(turn);
    if (index < 0 || document_.turn(index).state == TurnState::Streaming) {
        return false;
    }
    const Turn& value = document_.turn(index);
    editor_ = new TurnEditor(left_edits_.contains(turn) ? left_edits_.take(turn) : value.text,
                             value.role == TurnRole::Assistant, viewport());
    const auto fit = [this](int edited) {
        document_.setEditor(edited, editor_->wantedHeight(document_.partWidth(edited, PartKind::Body)));
        relayout();
    };
    connect(editor_, &TurnEditor::committed, this, [this] { endEdit(true); });
    connect(editor_, &TurnEditor::cancelled, this, [this] { endEdit(false); });
    connect(editor_, &TurnEditor::heightChanged, this, [this, fit] { fit(document_.editedTurn()); });
    stick_ = false;
    fit(index);
    editor_->show();
    return true;
}

// Its turn goes out of sight, or another one is changed: what was typed is there again with beginEdit().
void TranscriptView::leaveEdit() {
    const int index = document_.editedTurn();
    if (editor_ != nullptr && index >= 0 && editor_->text() != document_.turn(index).text) {
        left_edits_.insert(document_.turn(index).id, editor_->text());
    }
    endEdit(false);
}

void TranscriptView::endEdit(bool commit) {
    if (editor_ == nullptr) {
        return;
    }
    TurnEditor* editor = std::exchange(editor_, nullptr);
    const int index = document_.editedTurn();
    const QString text = editor->text();
    const QWidget* focused = window()->focusWidget();
    const bool had_focus = focused != nullptr && (focused == editor || editor->isAncestorOf(focused));
    editor->hide();
    editor->deleteLater();
    document_.setEditor(-1, -1);
    if (had_focus) { // else it is where the person went, as in the list of conversations
        setFocus();
    }
    scheduleRelayout();
    if (commit && index >= 0) {
        emit editCommitted(document_.turn(index).id, text);
    }
}

} // namespace fulgurite
