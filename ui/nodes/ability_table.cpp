// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/ability_table.h"

#include "ui/base/theme_manager.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_text.h"

#include <QHeaderView>
#include <QStandardItemModel>

#include <algorithm>

namespace fulgurite {

namespace {

constexpr int kLeastNode = 26; // a sign with room around it
constexpr int kMostNode = 96;
constexpr int kLeastWhat = 90;
constexpr int kLeastWhy = 56;
constexpr int kShareOfWhy = 4; // a quarter of the width at least, where there is room

} // namespace

AbilityTable::AbilityTable(ThemeManager& themes, NodeHub& hub, QWidget* parent)
    : QTableView(parent), themes_(themes), hub_(hub), rows_(new QStandardItemModel(this)) {
    setModel(rows_);
    setAccessibleName(tr("What each node can do"));
    setShowGrid(false);
    setTabKeyNavigation(false); // Tab leaves it; arrows go from cell to cell
    setEditTriggers(QAbstractItemView::NoEditTriggers);
    setSelectionBehavior(QAbstractItemView::SelectRows);
    setTextElideMode(Qt::ElideRight);
    setWordWrap(false);
    verticalHeader()->hide();
    verticalHeader()->setDefaultSectionSize(metrics::kTableRow);
    horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    horizontalHeader()->setMinimumSectionSize(kLeastNode);
    connect(selectionModel(), &QItemSelectionModel::currentRowChanged, this, &AbilityTable::reasonsChanged);
    connect(&themes, &ThemeManager::changed, this, [this] {
        shown_.clear();
        refresh();
    });
}

void AbilityTable::show(const QString& id) {
    id_ = id;
    refresh();
}

QString AbilityTable::fingerprint() const {
    QString state = id_;
    for (const NodeEntry& entry : hub_.book().entries()) {
        const NodeLink& link = hub_.link(entry.id);
        state +=
            entry.id + entry.name + (link.info() ? QStringLiteral("+") : QStringLiteral("-")) + serverText(link);
    }
    return state;
}

void AbilityTable::refresh() {
    const QString now = fingerprint();
    if (now == shown_)
        return;
    shown_ = now;
    const int row = currentIndex().row();
    fill();
    fitColumns();
    if (row >= 0)
        selectRow(row);
    emit reasonsChanged();
}

QString AbilityTable::reasons() const {
    const int row = currentIndex().row();
    if (row < 0)
        return {};
    QStringList words;
    for (int column = 1; column + 1 < rows_->columnCount(); ++column) {
        const QString why = rows_->item(row, column)->toolTip();
        if (why != tr("yes"))
            words << tr("%1: %2").arg(rows_->horizontalHeaderItem(column)->text(), why);
    }
    return tr("%1. %2").arg(rows_->item(row, 0)->text(),
                            words.isEmpty() ? tr("Every node can.") : words.join(QStringLiteral(" ")));
}

void AbilityTable::fill() {
    rows_->clear();
    QStringList columns{tr("what")};
    for (const NodeEntry& entry : hub_.book().entries())
        columns << entry.name;
    columns << tr("why not");
    rows_->setHorizontalHeaderLabels(columns);
    for (int column = 0; column < columns.size(); ++column)
        rows_->horizontalHeaderItem(column)->setToolTip(columns[column]);
    const auto& names = client::abilityNames();
    for (std::size_t i = 0; i < names.size(); ++i) {
        QList<QStandardItem*> row{cell(tr(names[i].title))};
        row[0]->setData(QString::fromUtf8(names[i].name));
        QString why_here;
        for (const NodeEntry& entry : hub_.book().entries()) {
            const NodeLink& link = hub_.link(entry.id);
            QString mark = QStringLiteral("?");
            QString why = link.info() ? QString() : tr("not connected");
            if (link.info()) {
                const client::Ability ability = client::abilitiesOf(*link.info(), link.facts())[i];
                mark = ability.state == client::AbilityState::Yes      ? QStringLiteral("●")
                       : ability.state == client::AbilityState::Partly ? QStringLiteral("◐")
                                                                       : QStringLiteral("–");
                why = text(ability.why);
            }
            row << cell(mark, why.isEmpty() ? tr("yes") : why);
            row.last()->setTextAlignment(Qt::AlignCenter);
            row.last()->setForeground(themes_.color(mark == u"●"   ? Role::Good
                                                    : mark == u"◐" ? Role::Warn
                                                                   : Role::Muted));
            row.last()->setData(why.isEmpty() ? tr("yes") : tr("no: %1").arg(why), Qt::AccessibleTextRole);
            if (entry.id == id_)
                why_here = why;
        }
        row << cell(why_here);
        row.last()->setForeground(themes_.color(Role::Muted));
        rows_->appendRow(row);
    }
}

// Names of nodes and uses give way, down to a sign for each node; only more nodes than fit so are scrolled to.
void AbilityTable::fitColumns() {
    const int nodes = rows_->columnCount() - 2;
    if (nodes < 1)
        return;
    const int all = viewport()->width();
    int wanted = 0;
    for (int column = 1; column <= nodes; ++column)
        wanted = std::max(wanted, horizontalHeader()->sectionSizeHint(column));
    const int least = themes_.scaled(kLeastNode);
    const int what = std::max(themes_.scaled(kLeastWhat), std::min(sizeHintForColumn(0), all / 3));
    const int why = std::max(themes_.scaled(kLeastWhy), all / kShareOfWhy);
    const int share = (all - what - why) / nodes;
    const int node = std::clamp(std::min(wanted, share), least, std::max(least, themes_.scaled(kMostNode)));
    setColumnWidth(0, what);
    for (int column = 1; column <= nodes; ++column)
        setColumnWidth(column, node);
    setColumnWidth(nodes + 1, std::max(themes_.scaled(kLeastWhy), all - what - nodes * node));
}

void AbilityTable::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    fitColumns();
}

void AbilityTable::highlight(const QString& capability) {
    for (int row = 0; row < rows_->rowCount(); ++row)
        if (rows_->item(row)->data().toString() == capability)
            selectRow(row);
}

} // namespace fulgurite
