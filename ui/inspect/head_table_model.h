// SPDX-License-Identifier: GPL-3.0-or-later
// The heads of a capture as rows, filtered and sorted: 5,120 of them in a few milliseconds.
#pragma once

#include "ui/charts/table_twin.h"
#include "ui/inspect/head_columns.h"
#include "ui/inspect/head_filter.h"
#include "ui/inspect/selection.h"

#include <QAbstractTableModel>

#include <memory>

namespace fulgurite {

class HeadTableModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    static constexpr int kTick = 0;
    static constexpr int kHead = 1;
    static constexpr int kFirstFigure = 2; // of headColumns()
    static int columns() { return kFirstFigure + static_cast<int>(headColumns().size()) + 1; }
    static int roleColumn() { return columns() - 1; }
    static int columnOf(const QString& key);

    HeadTableModel(Selection& selection, QObject* parent = nullptr);

    void setTable(std::shared_ptr<const capture::HeadTable> table); // null: nothing
    const capture::HeadTable* table() const { return table_.get(); }
    void setFilter(const HeadFilter& filter);
    int total() const { return table_ ? static_cast<int>(table_->heads.size()) : 0; }
    const capture::HeadFigures& figures(int row) const;
    int rowOf(capture::HeadRef head) const; // -1: filtered out
    // Largest size of a figure over all heads, for bars.
    double largest(const HeadColumn& column) const;
    QString keyOf(int column) const;              // the name in files
    TableTwin twin(const QList<int>& rows) const; // of these rows; all shown ones when empty

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : columns(); }
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    void sort(int column, Qt::SortOrder order) override;

  private:
    void rebuild();
    double sortKey(int index, int column) const;

    Selection& selection_;
    std::shared_ptr<const capture::HeadTable> table_;
    HeadFilter filter_;
    std::vector<int> shown_;      // indices in table_->heads
    std::vector<double> largest_; // by figure column
    int sort_column_ = kHead;
    Qt::SortOrder sort_order_ = Qt::AscendingOrder;
};

} // namespace fulgurite
