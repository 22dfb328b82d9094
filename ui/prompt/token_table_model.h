// SPDX-License-Identifier: GPL-3.0-or-later
// The tokens of one answer as a table of numbers.
#pragma once

#include "ui/prompt/transcript_types.h"

#include <QAbstractTableModel>

namespace fulgurite {

class TokenTableModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    enum Column {
        kPlace,
        kText,
        kId,
        kChannel,
        kProbability,
        kSurprise,
        kRank,
        kEntropy,
        kAfter,
        kKept,
        kMass,
        kColumns
    };
    static constexpr int kSortRole = Qt::UserRole; // the number behind the text

    using QAbstractTableModel::QAbstractTableModel;

    void setTurn(const Turn& turn);
    const Turn& turn() const { return turn_; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    QString csv(const QList<int>& rows) const; // with the line of names; all rows when empty

  private:
    QString field(int row, int column) const; // for files: point as decimal sign

    Turn turn_;
};

} // namespace fulgurite
