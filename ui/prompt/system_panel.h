// SPDX-License-Identifier: GPL-3.0-or-later
// The system prompt of the conversation.
#pragma once

#include "ui/base/theme_manager.h"

#include <QHash>
#include <QTimer>
#include <QWidget>

#include <optional>

class QLabel;
class QPlainTextEdit;
class QPushButton;

namespace fulgurite {

class SystemPanel : public QWidget {
    Q_OBJECT

  public:
    explicit SystemPanel(ThemeManager& themes, QWidget* parent = nullptr);

    // The conversation that is shown and the prompt in force there; quiet. What was typed and not applied stays in
    // the field, and is there again when its conversation is.
    void setApplied(std::int64_t conversation, const QString& text);
    // The new conversation (0) has become this one: what is typed belongs there.
    void takeAlong(std::int64_t conversation);
    QString text() const;
    void apply();                             // what is typed, where that is something else
    void setDefaultText(const QString& text); // what the model's template says when this is empty
    void setTokens(std::optional<int> tokens);
    // Changing it changes what every later answer reads first; the note says what that costs.
    void setReplayNote(const QString& note);

  signals:
    void textEdited(const QString& text); // half a second after the last key
    void applyRequested(const QString& text);

  private:
    void refresh();

    ThemeManager& themes_;
    QPlainTextEdit* field_;
    QLabel* tokens_;
    QLabel* note_;
    QPushButton* apply_;
    QPushButton* revert_;
    std::int64_t conversation_ = 0;
    QString applied_;
    QHash<std::int64_t, QString> typed_; // in conversations that were left, and not applied
    QTimer pause_;
};

} // namespace fulgurite
