// SPDX-License-Identifier: GPL-3.0-or-later
// The list of runs: a tick draws a run, a click selects it, and keys do what the menu has. What is to be done goes
// out as signals; whoever owns the list does it.
#pragma once

#include "ui/train/run_list_model.h"

#include <QStyledItemDelegate>
#include <QTreeView>

namespace fulgurite {

class ThemeManager;

class RunDelegate : public QStyledItemDelegate {
    Q_OBJECT

  public:
    RunDelegate(ThemeManager& themes, RunListModel& model, RunBoard& board, QObject* parent)
        : QStyledItemDelegate(parent), themes_(themes), model_(model), board_(board) {}

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    static constexpr int kCheckWidth = 26; // at the left of each row; a click there ticks

  private:
    void paintCheck(QPainter& painter, const QRect& box, Qt::CheckState state) const;
    void paintRun(QPainter& painter, const QRect& row, const QModelIndex& index, const RunInfo& run) const;
    void paintGroup(QPainter& painter, const QRect& row, const QModelIndex& index, const RunGroup& group,
                    bool open) const;
    int paintTags(QPainter& painter, const QRect& room, const QStringList& tags) const;

    ThemeManager& themes_;
    RunListModel& model_;
    RunBoard& board_;
};

class RunListView : public QTreeView {
    Q_OBJECT

  public:
    RunListView(ThemeManager& themes, RunBoard& board, QWidget* parent = nullptr);

    RunListModel& list() { return model_; }
    std::vector<qint64> chosen() const; // the selected runs, else the current row's
    const RunInfo* currentRun() const;  // null: a group, or none
    void chooseLook();                  // of the current row, from a menu

  signals:
    void renameWanted(qint64 run);
    void tagsWanted(const std::vector<qint64>& runs);
    void notesWanted(qint64 run);
    void removeWanted(const std::vector<qint64>& runs);
    void lookWanted(const QString& group, int look);
    void actionWanted(const QString& id);                          // of the page's actions
    void menuWanted(QMenu& menu, const std::vector<qint64>& runs); // whoever owns the list adds to it

  protected:
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void drawBranches(QPainter*, const QRect&, const QModelIndex&) const override {}

  private:
    void followSelection();
    void tellSelection();
    void toggle(const QModelIndex& index);
    void fillLooks(QMenu& menu, const QModelIndex& index);
    bool runKey(const QKeyEvent& event);

    ThemeManager& themes_;
    RunBoard& board_;
    RunListModel model_;
    bool following_ = false;
};

} // namespace fulgurite
