// SPDX-License-Identifier: GPL-3.0-or-later
// The field over the run list: colours what is typed, underlines what is wrong, completes fields and values with
// Tab.
#pragma once

#include "ui/train/run_board.h"

#include <QLineEdit>
#include <QTimer>

class QCompleter;
class QStringListModel;

namespace fulgurite {

class ThemeManager;

class FilterField : public QLineEdit {
    Q_OBJECT

  public:
    FilterField(ThemeManager& themes, RunBoard& board, QWidget* parent = nullptr);

    // At once, without waiting for more typing.
    void setFilter(const QString& text);

  signals:
    void leaveDown(); // Down: on to the list

  protected:
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

  private:
    void apply();
    void paintTokens();
    void complete();
    void insertCompletion(const QString& text);
    std::pair<int, int> wordAtCursor() const; // start, length

    ThemeManager& themes_;
    RunBoard& board_;
    QTimer timer_;
    QCompleter* completer_;
    QStringListModel* words_;
    bool painting_ = false;
};

} // namespace fulgurite
