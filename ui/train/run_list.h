// SPDX-License-Identifier: GPL-3.0-or-later
// The list of runs: a tick draws a run, a click selects it, F2 renames, T tags.
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

  signals:
    void renameWanted(qint64 run);
    void tagsWanted(const std::vector<qint64>& runs);
    void notesWanted(qint64 run);
    void removeWanted(qint64 run);
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
    void chooseLook(QMenu& menu, const QModelIndex& index);

    ThemeManager& themes_;
    RunBoard& board_;
    RunListModel model_;
    bool following_ = false;
};

} // namespace fulgurite
