// SPDX-License-Identifier: GPL-3.0-or-later
// The runs that pass the filter as a tree: groups with their runs, or runs alone.
#pragma once

#include "ui/train/run_board.h"

#include <QAbstractItemModel>

namespace fulgurite {

class RunListModel : public QAbstractItemModel {
    Q_OBJECT

  public:
    enum Role { kRun = Qt::UserRole, kGroup, kDrawn }; // run id, 0 for a group; index of the group; Qt::CheckState

    explicit RunListModel(RunBoard& board, QObject* parent = nullptr);

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& = {}) const override { return 1; }
    QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

    QModelIndex indexOfRun(qint64 run) const;
    const RunGroup* group(const QModelIndex& index) const; // that the row is or belongs to
    const RunInfo* run(const QModelIndex& index) const;    // null for a group of several
    std::vector<qint64> runsOf(const QModelIndex& index) const;

    // The series that the list shows the last value of, and its short name for the head.
    const QString& headline() const { return headline_; }
    QString headlineName() const;
    QString valueText(const QModelIndex& index) const;
    QString spreadText(const QModelIndex& index) const; // "± 2.8" for groups
    QString stateText(const RunInfo& run) const;

  private:
    void refresh();
    void chooseHeadline();

    RunBoard& board_;
    std::vector<std::vector<qint64>> shape_; // of the groups, to tell a change of structure from one of values
    QStringList keys_;
    QString headline_;
};

} // namespace fulgurite
