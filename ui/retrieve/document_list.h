// SPDX-License-Identifier: GPL-3.0-or-later
// All documents of the collection in a table with a filter: title, label, length, and the rank that each strategy
// gives.
#pragma once

#include "ui/charts/table_twin.h"
#include "ui/retrieve/retrieve_session.h"

#include <QAbstractTableModel>
#include <QTimer>
#include <QWidget>

class QLabel;
class QLineEdit;
class QTableView;

namespace fulgurite {

class ThemeManager;

class DocumentModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    enum Column { kNumber, kTitle, kLabel, kCharacters, kRanks };

    explicit DocumentModel(RetrieveSession& session, QObject* parent = nullptr);

    // Which documents are listed; unset: all.
    void setRows(std::optional<std::vector<std::int32_t>> documents);
    std::int32_t document(int row) const;
    int rowOf(std::int32_t document) const; // -1: not listed
    TableTwin twin() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    RetrieveSession& session_;
    std::optional<std::vector<std::int32_t>> rows_; // rising
    std::size_t all_ = 0;                           // documents that were known at the last reset
    QStringList strategies_;                        // of the columns of ranks
};

class DocumentList : public QWidget {
    Q_OBJECT

  public:
    DocumentList(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    QLineEdit& filter() { return *filter_; }
    QTableView& view() { return *view_; }
    DocumentModel& model() { return *model_; }

  signals:
    void openWanted(std::int32_t document);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void find();
    void showCount();
    void followSelection();
    void contextMenu(const QPoint& at);

    RetrieveSession& session_;
    ThemeManager& themes_;
    DocumentModel* model_;
    QLineEdit* filter_;
    QLabel* count_;
    QTableView* view_;
    QTimer timer_; // one search for what is typed quickly
};

} // namespace fulgurite
