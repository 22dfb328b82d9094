// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/system_panel.h"

#include "ui/base/format.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QVBoxLayout>

namespace fulgurite {

SystemPanel::SystemPanel(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      field_(new QPlainTextEdit(this)),
      tokens_(new QLabel(this)),
      note_(new QLabel(this)),
      apply_(new QPushButton(tr("Apply"), this)),
      revert_(new QPushButton(tr("Revert"), this)) {
    setAccessibleName(tr("System prompt"));
    field_->setAccessibleName(tr("System prompt"));
    field_->setTabChangesFocus(true);
    tokens_->setProperty("tone", "muted");
    note_->setProperty("tone", "muted");
    note_->setWordWrap(true);
    apply_->setProperty("kind", "accent");
    apply_->setToolTip(tr("Use it from the next answer on; what was said before stays as it is"));
    revert_->setProperty("kind", "quiet");
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(tokens_, 1);
    buttons->addWidget(revert_);
    buttons->addWidget(apply_);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 10, 12, 12);
    column->addWidget(field_, 1);
    column->addWidget(note_);
    column->addLayout(buttons);
    pause_.setSingleShot(true);
    pause_.setInterval(500);
    connect(&pause_, &QTimer::timeout, this, [this] { emit textEdited(text()); });
    connect(field_, &QPlainTextEdit::textChanged, this, [this] {
        pause_.start();
        refresh();
    });
    connect(apply_, &QPushButton::clicked, this, &SystemPanel::apply);
    connect(revert_, &QPushButton::clicked, this, [this] { field_->setPlainText(applied_); });
    setReplayNote({});
    refresh();
}

void SystemPanel::setApplied(std::int64_t conversation, const QString& text) {
    QString shown = this->text();
    const bool typed = shown != applied_;
    if (conversation != conversation_) {
        if (typed) {
            typed_.insert(conversation_, shown);
        }
        conversation_ = conversation;
        const auto kept = typed_.constFind(conversation);
        shown = kept != typed_.constEnd() ? typed_.take(conversation) : text;
    } else if (!typed) {
        shown = text;
    }
    applied_ = text;
    if (shown != this->text()) { // else the cursor and the field's own undo stay
        const QSignalBlocker quiet(field_);
        field_->setPlainText(shown);
    }
    refresh();
}

void SystemPanel::takeAlong(std::int64_t conversation) {
    if (conversation_ == 0) {
        conversation_ = conversation;
    } else if (typed_.contains(0)) {
        typed_.insert(conversation, typed_.take(0));
    }
}

void SystemPanel::apply() {
    if (text() == applied_) {
        return;
    }
    applied_ = text();
    refresh();
    emit applyRequested(applied_);
}

QString SystemPanel::text() const {
    return field_->toPlainText();
}

void SystemPanel::setDefaultText(const QString& text) {
    field_->setPlaceholderText(text.isEmpty() ? tr("What the model is told before the conversation") : text);
}

void SystemPanel::setTokens(std::optional<int> tokens) {
    tokens_->setText(!tokens        ? QStringLiteral("…")
                     : *tokens == 0 ? QString()
                                    : tr("%1 tokens").arg(grouped(*tokens)));
}

void SystemPanel::setReplayNote(const QString& note) {
    note_->setText(note);
    note_->setVisible(!note.isEmpty());
}

void SystemPanel::refresh() {
    const bool changed = text() != applied_;
    apply_->setEnabled(changed);
    revert_->setVisible(changed);
}

} // namespace fulgurite
