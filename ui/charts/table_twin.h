// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers behind a chart as rows and columns: what is copied, saved as CSV and shown beside every picture, and
// what assistive technology reads.
#pragma once

#include <QAbstractTableModel>
#include <QDialog>
#include <QString>
#include <QStringList>
#include <QVariant>

#include <functional>

class QLabel;
class QTableView;
class QTableWidget;

namespace fulgurite {

class ThemeManager;

struct TableTwin {
    QString title; // of the window, and the file's suggested name
    QStringList columns;
    int rows = 0;
    // A number, a text, or an invalid QVariant where nothing is defined. Called from other threads too: it must
    // hold what it reads (shared data), not point into a widget.
    std::function<QVariant(int row, int column)> cell;

    // Where the person is in the chart: that row is shown first. -1: nowhere.
    int current = -1;
};

// With the line of names; numbers with a point as decimal sign, nothing where nothing is defined.
QString twinAsCsv(const TableTwin& twin);
// The same with tabs, for the clipboard.
QString twinAsTabs(const TableTwin& twin);

class TableTwinModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    explicit TableTwinModel(TableTwin twin, QObject* parent = nullptr)
        : QAbstractTableModel(parent), twin_(std::move(twin)) {}

    const TableTwin& twin() const { return twin_; }
    int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : twin_.rows; }
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    TableTwin twin_;
};

// A window of its own with the table, Copy and Save as CSV.
class TableTwinDialog : public QDialog {
    Q_OBJECT

  public:
    TableTwinDialog(ThemeManager& themes, TableTwin twin, QWidget* parent);
    QTableView& view() { return *view_; }

  private:
    QTableView* view_;
};

void copyTwin(const TableTwin& twin); // to the clipboard, with tabs
// Asks for a file, writes it on another thread and tells the person when that fails.
void saveTwin(QWidget* parent, const TableTwin& twin);
// What a table of texts shows now.
TableTwin twinOf(const QTableWidget& table);
// Gives it copying (Ctrl+C) and a context menu with copying and saving.
void offerTwin(QTableWidget* table);

} // namespace fulgurite
