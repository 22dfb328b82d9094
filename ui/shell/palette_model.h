// SPDX-License-Identifier: GPL-3.0-or-later
// What the command palette lists for a query: matching actions, the best first, those that cannot run now last.
#pragma once

#include "ui/shell/action_registry.h"

#include <QAbstractListModel>

#include <functional>

namespace fulgurite {

class PaletteModel : public QAbstractListModel {
    Q_OBJECT

  public:
    enum DataRole { NoteRole = Qt::UserRole + 1, KeysRole, PositionsRole, EnabledRole, IconRole, IdRole };

    explicit PaletteModel(const ActionRegistry& actions, QObject* parent = nullptr);

    void setQuery(const QString& query);
    int total() const; // actions there are

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

    // Empty id: an item of a source, whose function it returns.
    QString actionId(int row) const { return rows_.at(row).id; }
    std::function<void()> itemFunction(int row) const { return rows_.at(row).run; }

  private:
    struct Row {
        QString id;
        QString title;
        QString note;
        QString icon;
        QStringList keys;
        QList<int> positions;
        bool enabled = true;
        double score = 0;
        int recency = -1;
        std::function<void()> run;
    };
    QList<Row> actionRows(const QString& query) const;

    const ActionRegistry& actions_;
    QList<Row> rows_;
};

} // namespace fulgurite
