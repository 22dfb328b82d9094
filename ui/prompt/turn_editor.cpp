// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/turn_editor.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextBlock>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

TurnEditor::TurnEditor(const QString& text, bool answer, QWidget* parent)
    : QFrame(parent), field_(new QPlainTextEdit(text, this)) {
    setObjectName(QStringLiteral("turnEditor"));
    setAccessibleName(answer ? tr("Change the answer") : tr("Change the message"));
    field_->setAccessibleName(accessibleName());
    field_->setTabChangesFocus(true);
    field_->installEventFilter(this);
    auto* note = new QLabel(tr("The old version stays as a branch."), this);
    note->setProperty("tone", "muted");
    auto* cancel = new QPushButton(tr("Cancel"), this);
    cancel->setProperty("kind", "quiet");
    cancel->setToolTip(tr("Leave it as it was (Esc)"));
    auto* save = new QPushButton(answer ? tr("Keep as a branch") : tr("Send as a branch"), this);
    save->setProperty("kind", "accent");
    save->setToolTip(tr("Ctrl+Enter"));
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(note, 1);
    buttons->addWidget(cancel);
    buttons->addWidget(save);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 2, 0, 6);
    column->addWidget(field_, 1);
    column->addLayout(buttons);
    connect(field_, &QPlainTextEdit::textChanged, this, &TurnEditor::heightChanged);
    connect(save, &QPushButton::clicked, this, &TurnEditor::committed);
    connect(cancel, &QPushButton::clicked, this, &TurnEditor::cancelled);
    setFocusProxy(field_);
    field_->moveCursor(QTextCursor::End);
}

QString TurnEditor::text() const {
    return field_->toPlainText();
}

void TurnEditor::selectAllText() {
    field_->selectAll();
}

int TurnEditor::wantedHeight(int width) const {
    // Counting stops where the field would scroll anyway: a message of a megabyte must not be measured.
    constexpr int kMostLines = 16;
    const QFontMetrics font(field_->font());
    const int per_line = std::max(10, (width - 20) / std::max(font.averageCharWidth(), 1));
    int lines = 0;
    for (QTextBlock block = field_->document()->begin(); block.isValid() && lines < kMostLines;
         block = block.next()) {
        lines += 1 + block.length() / per_line;
    }
    return (std::clamp(lines, 2, kMostLines) + 1) * font.lineSpacing() + 60;
}

bool TurnEditor::eventFilter(QObject* watched, QEvent* event) {
    if (watched == field_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (enter && key->modifiers().testFlag(Qt::ControlModifier)) {
            emit committed();
            return true;
        }
        if (key->key() == Qt::Key_Escape) {
            emit cancelled();
            return true;
        }
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace fulgurite
