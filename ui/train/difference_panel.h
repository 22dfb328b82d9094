// SPDX-License-Identifier: GPL-3.0-or-later
// What differs between the drawn groups: the fields of their configurations with different values, and what is
// equal.
#pragma once

#include "ui/train/run_board.h"

#include <QTimer>
#include <QWidget>

class QLabel;
class QTableWidget;

namespace fulgurite {

class ThemeManager;

class DifferencePanel : public QWidget {
    Q_OBJECT

  public:
    DifferencePanel(ThemeManager& themes, RunBoard& board, QWidget* parent = nullptr);

    const ConfigDifferences& differences() const { return differences_; }
    QTableWidget& table() { return *table_; }

  signals:
    void groupWanted(const QString& field);

  protected:
    void keyPressEvent(QKeyEvent* event) override; // Ctrl+C copies the table, Enter groups by the field

  private:
    void refresh();
    void groupByCurrent();
    void openMenu(const QPoint& at);
    void copy();
    QList<QStringList> lines() const; // of the table, with its head
    void fill(const std::vector<RunGroup>& groups);

    ThemeManager& themes_;
    RunBoard& board_;
    QLabel* count_;
    QTableWidget* table_;
    QLabel* equal_;
    ConfigDifferences differences_;
    std::vector<RunGroup> shown_;
    QTimer refresh_timer_; // of many runs: not within the event that brought them
};

} // namespace fulgurite
