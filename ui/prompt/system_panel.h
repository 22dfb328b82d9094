// SPDX-License-Identifier: GPL-3.0-or-later
// The system prompt of the conversation.
#pragma once

#include "ui/base/theme_manager.h"

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

    void setText(const QString& text); // quiet
    QString text() const;
    void setDefaultText(const QString& text); // what the model's template says when this is empty
    void setTokens(std::optional<int> tokens);
    // Changing it makes everything after it a new branch; the note says what that costs.
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
    QString applied_;
    QTimer pause_;
};

} // namespace fulgurite
