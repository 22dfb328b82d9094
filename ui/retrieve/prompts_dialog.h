// SPDX-License-Identifier: GPL-3.0-or-later
// The phrasings of the query that the fusion strategies search with: typed, one a line, or written by the loaded
// model.
#pragma once

#include <QDialog>
#include <QStringList>

class QLabel;
class QPlainTextEdit;
class QPushButton;

namespace fulgurite {

class ThemeManager;

class PromptsDialog : public QDialog {
    Q_OBJECT

  public:
    PromptsDialog(ThemeManager& themes, const QStringList& prompts, QWidget* parent);

    QStringList prompts() const;
    // Why the model cannot write them; empty: it can.
    void setObstacle(const QString& reason);
    // What the model wrote takes the place of the text, and Ctrl+Z brings that back; or why there is nothing.
    void setWritten(const QStringList& prompts, const QString& problem);
    QPlainTextEdit& field() { return *field_; }

  signals:
    void writeWanted();

  private:
    QPlainTextEdit* field_;
    QPushButton* write_;
    QLabel* note_;
    QString obstacle_;
};

} // namespace fulgurite
