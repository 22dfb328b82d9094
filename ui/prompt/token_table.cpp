// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/token_table.h"

#include "ui/base/csv.h"
#include "ui/base/format.h"
#include "ui/prompt/tint.h"
#include "ui/prompt/token_table_model.h"
#include "ui/prompt/turn_painter.h"

#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

TokenTable::TokenTable(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      model_(new TokenTableModel(this)),
      sorted_(new QSortFilterProxyModel(this)),
      view_(new QTableView(this)),
      filter_(new QLineEdit(this)),
      summary_(new QLabel(this)) {
    sorted_->setSourceModel(model_);
    sorted_->setSortRole(TokenTableModel::kSortRole);
    sorted_->setFilterKeyColumn(TokenTableModel::kText);
    sorted_->setFilterRole(TokenTableModel::kSortRole);
    sorted_->setFilterCaseSensitivity(Qt::CaseInsensitive);
    view_->setModel(sorted_);
    view_->setAccessibleName(tr("Tokens of the answer"));
    view_->setSortingEnabled(true);
    view_->sortByColumn(TokenTableModel::kPlace, Qt::AscendingOrder);
    view_->setSelectionBehavior(QAbstractItemView::SelectRows);
    view_->setSelectionMode(QAbstractItemView::ExtendedSelection);
    view_->setShowGrid(false);
    view_->setWordWrap(false);
    view_->verticalHeader()->hide();
    view_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    view_->verticalHeader()->setDefaultSectionSize(themes.scaled(metrics::kTableRow));
    view_->horizontalHeader()->setStretchLastSection(true);
    view_->setFont(themes.uiFont(12));
    const QFontMetrics font(themes.uiFont(12));
    for (int column = 0; column < TokenTableModel::kColumns; ++column) {
        const bool words = column == TokenTableModel::kText;
        view_->setColumnWidth(column, font.averageCharWidth() * (words ? 18 : 8));
    }
    filter_->setPlaceholderText(tr("Tokens that contain…"));
    filter_->setAccessibleName(tr("Filter tokens"));
    filter_->setClearButtonEnabled(true);
    filter_->addAction(themes.icon(QStringLiteral("filter")), QLineEdit::LeadingPosition);
    summary_->setProperty("tone", "muted");
    auto* copy_button = new QPushButton(tr("Copy"), this);
    copy_button->setToolTip(tr("The selected rows, or all (Ctrl+C)"));
    auto* save_button = new QPushButton(tr("Save as CSV…"), this);
    auto* top = new QHBoxLayout;
    top->addWidget(filter_, 1);
    top->addWidget(copy_button);
    top->addWidget(save_button);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 12, 12, 10);
    column->addLayout(top);
    column->addWidget(view_, 1);
    column->addWidget(summary_);
    connect(filter_, &QLineEdit::textChanged, sorted_, [this](const QString& text) {
        sorted_->setFilterFixedString(text);
        summarise();
    });
    connect(copy_button, &QPushButton::clicked, this, &TokenTable::copy);
    connect(save_button, &QPushButton::clicked, this,
            [this] { saveCsv(this, QStringLiteral("tokens.csv"), csv()); });
    connect(view_, &QTableView::activated, this, [this](const QModelIndex& index) {
        emit tokenActivated({model_->turn().id, sorted_->mapToSource(index).row()});
    });
}

void TokenTable::setTurn(const Turn& turn) {
    model_->setTurn(turn);
    summarise();
}

void TokenTable::selectToken(int index) {
    const QModelIndex at = sorted_->mapFromSource(model_->index(index, 0));
    view_->setCurrentIndex(at);
    view_->scrollTo(at, QAbstractItemView::PositionAtCenter);
}

void TokenTable::summarise() {
    double sum = 0;
    int scored = 0;
    for (const TokenView& token : model_->turn().tokens) {
        sum += surpriseBits(token);
        scored += token.scored ? 1 : 0;
    }
    const QString shown =
        sorted_->rowCount() == model_->rowCount()
            ? tr("%1 tokens").arg(grouped(model_->rowCount()))
            : tr("%1 of %2 tokens").arg(grouped(sorted_->rowCount()), grouped(model_->rowCount()));
    summary_->setText(
        scored == 0 ? shown
                    : shown + tr("    %1 bits in all, %2 a token")
                                  .arg(QLocale().toString(sum, 'f', 1), QLocale().toString(sum / scored, 'f', 2)));
}

QString TokenTable::csv() const {
    QList<int> rows;
    const QModelIndexList selected = view_->selectionModel()->selectedRows();
    for (const QModelIndex& index : selected) {
        rows += sorted_->mapToSource(index).row();
    }
    std::sort(rows.begin(), rows.end());
    if (rows.isEmpty() && sorted_->rowCount() != model_->rowCount()) {
        for (int row = 0; row < sorted_->rowCount(); ++row) {
            rows += sorted_->mapToSource(sorted_->index(row, 0)).row();
        }
    }
    return model_->csv(rows);
}

void TokenTable::copy() {
    QApplication::clipboard()->setText(csv());
}

void TokenTable::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy)) {
        copy();
    } else if (event->matches(QKeySequence::Find)) {
        filter_->setFocus();
    } else {
        QWidget::keyPressEvent(event);
    }
}

TokenTableDialog::TokenTableDialog(ThemeManager& themes, QWidget* parent)
    : QDialog(parent), table_(new TokenTable(themes, this)) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(table_);
    resize(860, 560);
}

void TokenTableDialog::showTurn(const Turn& turn) {
    table_->setTurn(turn);
    setWindowTitle(tr("Tokens of %1").arg(turnTitle(turn)));
    show();
    raise();
    activateWindow();
}

} // namespace fulgurite
