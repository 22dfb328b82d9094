// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/head_table_model.h"

#include "ui/charts/scales.h"
#include "ui/inspect/head_badge.h"

#include <QLocale>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite {
namespace {

QString numberText(double value, HeadColumn::Look look) {
    if (std::isnan(value)) {
        return QStringLiteral("–");
    }
    switch (look) {
    case HeadColumn::Look::Distance:
        return distanceText(value);
    case HeadColumn::Look::SignedBar:
        return signedText(value);
    case HeadColumn::Look::Share:
        return value != 0 && value < 0.005 ? QStringLiteral("<0.01") : QLocale().toString(value, 'f', 2);
    case HeadColumn::Look::Number:
    case HeadColumn::Look::Bar:
        break;
    }
    return QLocale().toString(value, 'f', std::abs(value) < 99.95 ? 2 : 0);
}

} // namespace

HeadTableModel::HeadTableModel(Selection& selection, QObject* parent)
    : QAbstractTableModel(parent), selection_(selection) {
    connect(&selection_, &Selection::tickedChanged, this, [this] {
        if (rowCount() > 0) {
            emit dataChanged(index(0, kTick), index(rowCount() - 1, kTick));
        }
    });
}

int HeadTableModel::columnOf(const QString& key) {
    const auto& all = headColumns();
    const auto found =
        std::find_if(all.begin(), all.end(), [&key](const HeadColumn& each) { return each.key == key; });
    return found == all.end() ? -1 : kFirstFigure + static_cast<int>(found - all.begin());
}

void HeadTableModel::setTable(std::shared_ptr<const capture::HeadTable> table) {
    beginResetModel();
    table_ = std::move(table);
    largest_.assign(headColumns().size(), 0);
    for (std::size_t i = 0; table_ && i < headColumns().size(); ++i) {
        for (const capture::HeadFigures& figures : table_->heads) {
            const double size = std::abs(figures.*headColumns()[i].value);
            largest_[i] = std::isfinite(size) ? std::max(largest_[i], size) : largest_[i];
        }
    }
    rebuild();
    endResetModel();
}

void HeadTableModel::setFilter(const HeadFilter& filter) {
    beginResetModel();
    filter_ = filter;
    rebuild();
    endResetModel();
}

double HeadTableModel::sortKey(int index, int column) const {
    const capture::HeadFigures& figures = table_->heads[static_cast<std::size_t>(index)];
    if (column == kTick) {
        return selection_.isTicked(figures.head) ? 1 : 0;
    }
    if (column == kHead) {
        return index;
    }
    return column == roleColumn() ? bestRoleScore(figures)
                                  : figures.*headColumns()[static_cast<std::size_t>(column - kFirstFigure)].value;
}

void HeadTableModel::rebuild() {
    shown_.clear();
    if (!table_) {
        return;
    }
    const HeadFilter::Ticked ticked = [this](capture::HeadRef head) { return selection_.isTicked(head); };
    for (int i = 0; i < total(); ++i) {
        if (filter_.passes(table_->heads[static_cast<std::size_t>(i)], ticked)) {
            shown_.push_back(i);
        }
    }
    std::vector<double> keys(table_->heads.size());
    for (const int i : shown_) {
        keys[static_cast<std::size_t>(i)] = sortKey(i, sort_column_);
    }
    const bool falling = sort_order_ == Qt::DescendingOrder;
    // What was not captured comes last in either order.
    std::stable_sort(shown_.begin(), shown_.end(), [&](int a, int b) {
        const double x = keys[static_cast<std::size_t>(a)];
        const double y = keys[static_cast<std::size_t>(b)];
        if (std::isnan(x) || std::isnan(y)) {
            return !std::isnan(x) && std::isnan(y);
        }
        return falling ? x > y : x < y;
    });
}

void HeadTableModel::sort(int column, Qt::SortOrder order) {
    emit layoutAboutToBeChanged();
    const QModelIndexList before = persistentIndexList();
    std::vector<int> heads;
    heads.reserve(static_cast<std::size_t>(before.size()));
    for (const QModelIndex& index : before) {
        heads.push_back(shown_[static_cast<std::size_t>(index.row())]);
    }
    sort_column_ = column;
    sort_order_ = order;
    rebuild();
    std::vector<int> row_of(static_cast<std::size_t>(total()), -1);
    for (std::size_t row = 0; row < shown_.size(); ++row) {
        row_of[static_cast<std::size_t>(shown_[row])] = static_cast<int>(row);
    }
    QModelIndexList after;
    for (std::size_t i = 0; i < heads.size(); ++i) {
        const int row = row_of[static_cast<std::size_t>(heads[i])];
        after << (row < 0 ? QModelIndex() : index(row, before[static_cast<qsizetype>(i)].column()));
    }
    changePersistentIndexList(before, after);
    emit layoutChanged();
}

const capture::HeadFigures& HeadTableModel::figures(int row) const {
    return table_->heads[static_cast<std::size_t>(shown_[static_cast<std::size_t>(row)])];
}

int HeadTableModel::rowOf(capture::HeadRef head) const {
    for (int row = 0; row < rowCount(); ++row) {
        if (figures(row).head == head) {
            return row;
        }
    }
    return -1;
}

double HeadTableModel::largest(const HeadColumn& column) const {
    return largest_.empty() ? 0 : largest_[static_cast<std::size_t>(&column - headColumns().data())];
}

int HeadTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(shown_.size());
}

QVariant HeadTableModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    const capture::HeadFigures& of = figures(index.row());
    const int column = index.column();
    if (column == kTick) {
        const bool ticked = selection_.isTicked(of.head);
        return role == Qt::CheckStateRole       ? QVariant(ticked ? Qt::Checked : Qt::Unchecked)
               : role == Qt::AccessibleTextRole ? QVariant(ticked ? tr("ticked") : tr("not ticked"))
                                                : QVariant();
    }
    if (role == Qt::TextAlignmentRole) {
        const bool words = column == kHead || column == roleColumn();
        return static_cast<int>((words ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
    if (role == Qt::AccessibleTextRole && column == kHead) {
        return headText(of.head) + u' ' + kindName(of.kind);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    if (column == kHead) {
        return headText(of.head);
    }
    if (column == roleColumn()) {
        const QString name = bestRole(of);
        return name.isEmpty() ? QStringLiteral("–") : name;
    }
    const HeadColumn& figure = headColumns()[static_cast<std::size_t>(column - kFirstFigure)];
    return numberText(of.*figure.value, figure.look);
}

QString HeadTableModel::keyOf(int column) const {
    return column == kTick          ? QStringLiteral("ticked")
           : column == kHead        ? QStringLiteral("head")
           : column == roleColumn() ? QStringLiteral("role")
                                    : headColumns()[static_cast<std::size_t>(column - kFirstFigure)].key;
}

QVariant HeadTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section >= columns()) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        const bool words = section == kHead || section == roleColumn();
        return static_cast<int>((words ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole) {
        return {};
    }
    const bool tip = role == Qt::ToolTipRole;
    if (section == kTick) {
        return tip ? tr("Ticked for ablation (Space; Ctrl+A ticks all that the filter leaves)") : QString();
    }
    if (section == kHead) {
        return tip ? tr("Layer and head; L: lightning, S: softmax. In filters: kind, layer, head") : tr("Head");
    }
    if (section == roleColumn()) {
        return tip ? tr("The known role that the head's weight fits best at this token: previous token,\n"
                        "induction or recall of the marked fact, with its share of |weight|")
                   : tr("Role");
    }
    const HeadColumn& figure = headColumns()[static_cast<std::size_t>(section - kFirstFigure)];
    return tip ? figure.tip + u'\n' + tr("In filters: %1").arg(figure.key) : figure.title;
}

TableTwin HeadTableModel::twin(const QList<int>& rows) const {
    std::vector<int> heads;
    if (rows.isEmpty()) {
        heads = shown_;
    } else {
        for (const int row : rows) {
            heads.push_back(shown_[static_cast<std::size_t>(row)]);
        }
    }
    TableTwin twin;
    twin.title = tr("Heads");
    twin.columns = {QStringLiteral("layer"), QStringLiteral("head"), QStringLiteral("kind")};
    for (const HeadColumn& column : headColumns()) {
        twin.columns << column.key;
    }
    twin.columns << QStringLiteral("ticked");
    twin.rows = static_cast<int>(heads.size());
    twin.cell = [table = table_, heads, ticked = selection_.ticked()](int row, int column) -> QVariant {
        const capture::HeadFigures& of =
            table->heads[static_cast<std::size_t>(heads[static_cast<std::size_t>(row)])];
        if (column == 0) {
            return of.head.layer;
        }
        if (column == 1) {
            return of.head.head;
        }
        if (column == 2) {
            return of.kind == LayerKind::Lightning ? QStringLiteral("lightning") : QStringLiteral("softmax");
        }
        const std::size_t figure = static_cast<std::size_t>(column - 3);
        if (figure < headColumns().size()) {
            return static_cast<double>(of.*headColumns()[figure].value);
        }
        return std::binary_search(ticked.begin(), ticked.end(), of.head) ? 1 : 0;
    };
    return twin;
}

} // namespace fulgurite
