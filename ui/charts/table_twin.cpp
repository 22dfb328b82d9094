// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/table_twin.h"

#include "ui/base/csv.h"
#include "ui/base/format.h"
#include "ui/base/theme_manager.h"

#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QMessageBox>
#include <QPointer>
#include <QPushButton>
#include <QSaveFile>
#include <QShortcut>
#include <QTableView>
#include <QTableWidget>
#include <QThreadPool>
#include <QVBoxLayout>

#include <cmath>

namespace fulgurite {
namespace {

// More than this would take longer than a frame to put on the clipboard: the file is the way then.
constexpr qint64 kMostCopiedCells = 2'000'000;

bool isNumber(const QVariant& value) {
    return value.typeId() == QMetaType::Double || value.typeId() == QMetaType::Float;
}

QString fieldOf(const QVariant& value) {
    if (isNumber(value)) {
        const double number = value.toDouble();
        return std::isnan(number) ? QString() : csvNumber(number);
    }
    return value.toString();
}

QString join(const TableTwin& twin, const std::function<QString(const QStringList&)>& line) {
    QString text = line(twin.columns);
    QStringList fields;
    for (int row = 0; row < twin.rows; ++row) {
        fields.clear();
        for (int column = 0; column < twin.columns.size(); ++column) {
            fields << fieldOf(twin.cell(row, column));
        }
        text += line(fields);
    }
    return text;
}

} // namespace

QString twinAsCsv(const TableTwin& twin) {
    return join(twin, [](const QStringList& fields) { return csvLine(fields); });
}

QString twinAsTabs(const TableTwin& twin) {
    return join(twin, [](const QStringList& fields) { return fields.join(u'\t') + u'\n'; });
}

int TableTwinModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(twin_.columns.size());
}

QVariant TableTwinModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    const auto value = [&] { return twin_.cell(index.row(), index.column()); };
    if (role == Qt::DisplayRole) {
        const QVariant cell = value();
        if (!isNumber(cell)) {
            return cell;
        }
        const double number = cell.toDouble();
        return std::isnan(number)   ? QStringLiteral("–")
               : std::isinf(number) ? QStringLiteral("∞")
                                    : QLocale().toString(number, 'g', 5);
    }
    if (role == Qt::TextAlignmentRole) {
        return static_cast<int>((value().typeId() == QMetaType::QString ? Qt::AlignLeft : Qt::AlignRight) |
                                Qt::AlignVCenter);
    }
    return {};
}

QVariant TableTwinModel::headerData(int section, Qt::Orientation orientation, int role) const {
    return role == Qt::DisplayRole && orientation == Qt::Horizontal ? twin_.columns.value(section) : QVariant();
}

TableTwinDialog::TableTwinDialog(ThemeManager& themes, TableTwin twin, QWidget* parent)
    : QDialog(parent), view_(new QTableView(this)) {
    setWindowTitle(twin.title);
    setAttribute(Qt::WA_DeleteOnClose);
    auto* model = new TableTwinModel(std::move(twin), this);
    const TableTwin& shown = model->twin();
    view_->setModel(model);
    view_->setAccessibleName(shown.title);
    view_->setSelectionBehavior(QAbstractItemView::SelectRows);
    view_->setShowGrid(false);
    view_->setWordWrap(false);
    view_->setFont(themes.uiFont(12));
    view_->verticalHeader()->hide();
    view_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    view_->verticalHeader()->setDefaultSectionSize(themes.scaled(metrics::kTableRow));
    view_->horizontalHeader()->setStretchLastSection(true);
    auto* count = new QLabel(tr("%1 rows").arg(grouped(shown.rows)));
    count->setProperty("tone", "muted");
    auto* copy = new QPushButton(tr("Copy"));
    auto* save = new QPushButton(tr("Save as CSV…"));
    auto* row = new QHBoxLayout;
    row->addWidget(count, 1);
    row->addWidget(copy);
    row->addWidget(save);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 12, 12, 10);
    column->addWidget(view_, 1);
    column->addLayout(row);
    resize(themes.scaled(640), themes.scaled(460));
    const auto copy_selected = [this, model] {
        TableTwin part = model->twin();
        const QModelIndexList selected = view_->selectionModel()->selectedRows();
        if (selected.size() > 1) {
            part.rows = static_cast<int>(selected.size());
            part.cell = [cell = model->twin().cell, selected](int at, int of) {
                return cell(selected[at].row(), of);
            };
        }
        QApplication::clipboard()->setText(twinAsTabs(part));
    };
    copy->setEnabled(static_cast<qint64>(shown.rows) * shown.columns.size() <= kMostCopiedCells);
    copy->setToolTip(copy->isEnabled() ? tr("The selected rows, or all (Ctrl+C)")
                                       : tr("Too much for the clipboard: save it as CSV"));
    connect(copy, &QPushButton::clicked, this, copy_selected);
    connect(new QShortcut(QKeySequence::Copy, view_, nullptr, nullptr, Qt::WidgetShortcut), &QShortcut::activated,
            this, copy_selected);
    connect(save, &QPushButton::clicked, this, [this, model] { saveTwin(this, model->twin()); });
    if (shown.current >= 0) {
        view_->setCurrentIndex(model->index(shown.current, 0));
        view_->scrollTo(model->index(shown.current, 0), QAbstractItemView::PositionAtCenter);
    }
}

void copyTwin(const TableTwin& twin) {
    QApplication::clipboard()->setText(twinAsTabs(twin));
}

void saveTwin(QWidget* parent, const TableTwin& twin) {
    const QString path = QFileDialog::getSaveFileName(
        parent, QCoreApplication::translate("fulgurite", "Save as CSV"), twin.title + QStringLiteral(".csv"),
        QCoreApplication::translate("fulgurite", "CSV files (*.csv)"));
    if (path.isEmpty()) {
        return;
    }
    QThreadPool::globalInstance()->start([parent = QPointer(parent), twin, path] {
        QSaveFile file(path);
        if (file.open(QIODevice::WriteOnly) && file.write(twinAsCsv(twin).toUtf8()) >= 0 && file.commit()) {
            return;
        }
        QMetaObject::invokeMethod(qApp, [parent, path, why = file.errorString()] {
            QMessageBox::warning(
                parent, QCoreApplication::translate("fulgurite", "Not saved"),
                QCoreApplication::translate(
                    "fulgurite", "%1 could not be written: %2. Choose another folder or free some space.")
                    .arg(path, why));
        });
    });
}

TableTwin twinOf(const QTableWidget& table) {
    TableTwin twin{.title = table.accessibleName(), .columns = {}, .rows = table.rowCount(), .cell = {}};
    for (int column = 0; column < table.columnCount(); ++column) {
        const QTableWidgetItem* name = table.horizontalHeaderItem(column);
        twin.columns << (name != nullptr ? name->text() : QString());
    }
    QList<QStringList> rows;
    for (int row = 0; row < twin.rows; ++row) {
        QStringList fields;
        for (int column = 0; column < table.columnCount(); ++column) {
            const QTableWidgetItem* item = table.item(row, column);
            fields << (item != nullptr ? item->text() : QString());
        }
        rows << fields;
    }
    twin.cell = [rows](int row, int column) { return QVariant(rows[row][column]); };
    return twin;
}

void offerTwin(QTableWidget* table) {
    const auto copy = [table] { copyTwin(twinOf(*table)); };
    QObject::connect(new QShortcut(QKeySequence::Copy, table, nullptr, nullptr, Qt::WidgetShortcut),
                     &QShortcut::activated, table, copy);
    table->setContextMenuPolicy(Qt::CustomContextMenu);
    QObject::connect(table, &QWidget::customContextMenuRequested, table, [table, copy](const QPoint& at) {
        QMenu menu(table);
        menu.addAction(QCoreApplication::translate("fulgurite", "Copy the table\tCtrl+C"), table, copy);
        menu.addAction(QCoreApplication::translate("fulgurite", "Save as CSV…"), table,
                       [table] { saveTwin(table, twinOf(*table)); });
        menu.exec(table->viewport()->mapToGlobal(at));
    });
}

} // namespace fulgurite
