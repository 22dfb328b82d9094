// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_list.h"

#include "ui/base/theme_manager.h"
#include "ui/train/run_look.h"

#include <QContextMenuEvent>
#include <QItemSelectionModel>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>

namespace fulgurite {

RunListView::RunListView(ThemeManager& themes, RunBoard& board, QWidget* parent)
    : QTreeView(parent), themes_(themes), board_(board), model_(board) {
    setObjectName(QStringLiteral("run-list"));
    setAccessibleName(tr("Runs"));
    setModel(&model_);
    setItemDelegate(new RunDelegate(themes, model_, board, this));
    setHeaderHidden(true);
    setIndentation(0);
    setSelectionMode(QAbstractItemView::ExtendedSelection);
    setEditTriggers(QAbstractItemView::NoEditTriggers);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setExpandsOnDoubleClick(false);
    connect(&model_, &QAbstractItemModel::modelReset, this, [this] {
        setUniformRowHeights(board_.groupField().isEmpty());
        if (model_.rowCount() <= kLooks) {
            expandAll();
        }
        followSelection();
    });
    connect(selectionModel(), &QItemSelectionModel::selectionChanged, this, &RunListView::tellSelection);
    connect(&board, &RunBoard::selectionChanged, this, &RunListView::followSelection);
    connect(&themes, &ThemeManager::changed, this, [this] {
        scheduleDelayedItemsLayout();
        viewport()->update();
    });
}

std::vector<qint64> RunListView::chosen() const {
    std::vector<qint64> runs(board_.selection().begin(), board_.selection().end());
    if (runs.empty() && currentIndex().isValid()) {
        runs = model_.runsOf(currentIndex());
    }
    return runs;
}

void RunListView::tellSelection() {
    if (following_) {
        return;
    }
    QSet<qint64> runs;
    for (const QModelIndex& index : selectionModel()->selectedIndexes()) {
        for (const qint64 run : model_.runsOf(index)) {
            runs.insert(run);
        }
    }
    following_ = true;
    const RunInfo* one = model_.run(currentIndex());
    if (runs.size() == 1) {
        board_.setCurrent(*runs.begin());
    } else if (one != nullptr || runs.isEmpty()) {
        board_.select(runs);
    } else {
        board_.select({}); // a group stands for itself; its runs are not each made strong
    }
    following_ = false;
}

void RunListView::followSelection() {
    if (following_) {
        return;
    }
    following_ = true;
    QItemSelection selection;
    for (const qint64 run : board_.selection()) {
        if (const QModelIndex index = model_.indexOfRun(run); index.isValid()) {
            selection.select(index, index);
        }
    }
    selectionModel()->select(selection, QItemSelectionModel::ClearAndSelect);
    if (const QModelIndex index = model_.indexOfRun(board_.current()); index.isValid()) {
        scrollTo(index);
    }
    following_ = false;
}

void RunListView::toggle(const QModelIndex& index) {
    const bool drawn = model_.data(index, RunListModel::kDrawn).toInt() == Qt::Checked;
    model_.setData(index, drawn ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole);
}

const RunInfo* RunListView::currentRun() const {
    return model_.run(currentIndex());
}

void RunListView::keyPressEvent(QKeyEvent* event) {
    if (!runKey(*event)) {
        QTreeView::keyPressEvent(event);
    }
}

bool RunListView::runKey(const QKeyEvent& event) {
    const QModelIndex at = currentIndex();
    const RunInfo* run = model_.run(at);
    if (!at.isValid() || event.modifiers() != Qt::NoModifier) {
        return false;
    }
    switch (event.key()) {
    case Qt::Key_Space:
        toggle(at);
        return true;
    case Qt::Key_T:
        emit tagsWanted(chosen());
        return true;
    case Qt::Key_C:
        chooseLook();
        return true;
    case Qt::Key_D:
        emit actionWanted(QStringLiteral("train.compare"));
        return true;
    case Qt::Key_G:
        emit actionWanted(QStringLiteral("train.group"));
        return true;
    case Qt::Key_P:
        emit actionWanted(QStringLiteral("train.run_pause"));
        return true;
    case Qt::Key_S:
        emit actionWanted(QStringLiteral("train.run_stop"));
        return true;
    case Qt::Key_Delete:
        emit removeWanted(chosen());
        return true;
    case Qt::Key_F2:
        if (run != nullptr) {
            emit renameWanted(run->id);
        }
        return run != nullptr;
    case Qt::Key_N:
        if (run != nullptr) {
            emit notesWanted(run->id);
        }
        return run != nullptr;
    default:
        return false;
    }
}

void RunListView::mousePressEvent(QMouseEvent* event) {
    const QModelIndex at = indexAt(event->position().toPoint());
    if (at.isValid() && event->button() == Qt::LeftButton) {
        const int x = static_cast<int>(event->position().x());
        if (x < themes_.scaled(RunDelegate::kCheckWidth)) {
            toggle(at);
            return;
        }
        if (model_.run(at) == nullptr && x < themes_.scaled(RunDelegate::kCheckWidth + 18)) {
            setExpanded(at, !isExpanded(at));
            return;
        }
    }
    QTreeView::mousePressEvent(event);
}

void RunListView::fillLooks(QMenu& menu, const QModelIndex& index) {
    const RunGroup* group = model_.group(index);
    if (group == nullptr) {
        return;
    }
    for (int look = 0; look <= kPlainLook; ++look) {
        QPixmap mark(16, 16);
        mark.fill(Qt::transparent);
        QPainter painter(&mark);
        paintMark(painter, {8, 8}, 10, look, lookColor(themes_.theme(), look));
        painter.end();
        menu.addAction(mark, lookName(look), this, [this, key = group->key, look] { emit lookWanted(key, look); });
    }
}

void RunListView::chooseLook() {
    QMenu menu(this);
    fillLooks(menu, currentIndex());
    if (!menu.isEmpty()) {
        menu.setActiveAction(menu.actions().constFirst());
        menu.exec(viewport()->mapToGlobal(visualRect(currentIndex()).bottomLeft()));
    }
}

void RunListView::contextMenuEvent(QContextMenuEvent* event) {
    const QModelIndex at = event->reason() == QContextMenuEvent::Keyboard ? currentIndex() : indexAt(event->pos());
    if (!at.isValid()) {
        return;
    }
    const std::vector<qint64> runs = board_.selection().size() > 1 ? chosen() : model_.runsOf(at);
    QMenu menu(this);
    const auto icon = [this](const char* name) { return themes_.icon(QLatin1String(name)); };
    if (const RunInfo* run = model_.run(at)) {
        menu.addAction(icon("edit"), tr("Rename…\tF2"), this, [this, id = run->id] { emit renameWanted(id); });
        menu.addAction(icon("title"), tr("Notes…\tN"), this, [this, id = run->id] { emit notesWanted(id); });
    }
    menu.addAction(icon("star"), tr("Tags…\tT"), this, [this, runs] { emit tagsWanted(runs); });
    fillLooks(*menu.addMenu(tr("Colour and mark\tC")), at);
    menu.addSeparator();
    menu.addAction(tr("Draw only these"), this, [this, runs] {
        board_.setDrawn(board_.matching(), false);
        board_.setDrawn(runs, true);
    });
    menu.addAction(tr("Draw all"), this, [this] { board_.setDrawn(board_.matching(), true); });
    emit menuWanted(menu, runs);
    menu.addSeparator();
    menu.addAction(icon("trash"), tr("Delete\tDel"), this, [this, runs] { emit removeWanted(runs); });
    menu.exec(event->globalPos());
}

} // namespace fulgurite
