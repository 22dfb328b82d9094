// SPDX-License-Identifier: GPL-3.0-or-later
// The answers of a group: reward, advantage as a bar from zero, tokens, capped ones, how each ends.
#pragma once

#include "ui/charts/table_twin.h"
#include "ui/train/rollout_data.h"

#include <QAbstractTableModel>
#include <QStyledItemDelegate>
#include <QTableView>

namespace fulgurite {

class AnswerModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    enum Column { kNumber, kReward, kAdvantage, kTokens, kCapped, kEnd, kColumns };

    using QAbstractTableModel::QAbstractTableModel;
    void setGroup(std::shared_ptr<const AnswerGroup> group);
    const Answer* answer(int row) const; // null: no such row
    double mostAdvantage() const;        // in size, for the bars
    TableTwin twin() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& = {}) const override { return kColumns; }
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    static QString columnName(int column);
    std::shared_ptr<const AnswerGroup> group_ = std::make_shared<const AnswerGroup>();
};

class AdvantageDelegate : public QStyledItemDelegate {
    Q_OBJECT

  public:
    AdvantageDelegate(ThemeManager& themes, AnswerModel& model, QObject* parent)
        : QStyledItemDelegate(parent), themes_(themes), model_(model) {}
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;

  private:
    ThemeManager& themes_;
    AnswerModel& model_;
};

class AnswerTable : public QTableView {
    Q_OBJECT

  public:
    AnswerTable(ThemeManager& themes, QWidget* parent = nullptr);
    AnswerModel& answers() { return model_; }

  signals:
    void answerChosen(int row);
    void besideWanted(int row); // C: set beside the chosen one

  protected:
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void currentChanged(const QModelIndex& current, const QModelIndex& previous) override;

  private:
    AnswerModel model_;
};

} // namespace fulgurite
