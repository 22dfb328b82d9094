// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/answer_table.h"

#include "ui/base/theme_manager.h"
#include "ui/charts/scales.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHeaderView>
#include <QKeyEvent>
#include <QMenu>
#include <QPainter>

#include <algorithm>
#include <array>
#include <cmath>

namespace fulgurite {

void AnswerModel::setGroup(std::shared_ptr<const AnswerGroup> group) {
    beginResetModel();
    group_ = std::move(group);
    endResetModel();
}

const Answer* AnswerModel::answer(int row) const {
    return row >= 0 && row < rowCount() ? &group_->answers[static_cast<std::size_t>(row)] : nullptr;
}

double AnswerModel::mostAdvantage() const {
    double most = 0;
    for (const Answer& answer : group_->answers) {
        most = std::isfinite(answer.advantage) ? std::max(most, std::abs(answer.advantage)) : most;
    }
    return most;
}

int AnswerModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(group_->answers.size());
}

QString AnswerModel::columnName(int column) {
    static constexpr std::array kNames{"#", "reward", "advantage", "tok", "cap", "ends with"};
    return QLatin1String(kNames[static_cast<std::size_t>(column)]);
}

QVariant AnswerModel::data(const QModelIndex& index, int role) const {
    const Answer* at = answer(index.row());
    if (at == nullptr) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue(index.column() == kEnd ? Qt::AlignLeft | Qt::AlignVCenter
                                                          : Qt::AlignRight | Qt::AlignVCenter);
    }
    if (role == Qt::ToolTipRole) {
        return at->completion;
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (index.column()) {
    case kNumber:
        return at->number;
    case kReward:
        return QString::number(at->reward, 'f', 2);
    case kAdvantage:
        return signedText(at->advantage);
    case kTokens:
        return static_cast<int>(at->tokens.size());
    case kCapped:
        return at->capped();
    default:
        return at->endText();
    }
}

QVariant AnswerModel::headerData(int section, Qt::Orientation orientation, int role) const {
    return orientation == Qt::Horizontal && role == Qt::DisplayRole ? QVariant(columnName(section)) : QVariant();
}

TableTwin AnswerModel::twin() const {
    TableTwin twin{.title = QStringLiteral("answers step %1 group %2").arg(group_->step).arg(group_->group),
                   .columns = {QStringLiteral("answer"), QStringLiteral("reward"), QStringLiteral("advantage"),
                               QStringLiteral("tokens"), QStringLiteral("capped"), QStringLiteral("ended"),
                               QStringLiteral("prompt"), QStringLiteral("completion")},
                   .rows = rowCount(),
                   .cell = {}};
    twin.cell = [group = group_](int row, int column) -> QVariant {
        const Answer& answer = group->answers[static_cast<std::size_t>(row)];
        const std::array<QVariant, 8> cells{
            answer.number,   answer.reward, answer.advantage, static_cast<int>(answer.tokens.size()),
            answer.capped(), answer.ended,  answer.prompt,    answer.completion};
        return cells[static_cast<std::size_t>(column)];
    };
    return twin;
}

void AdvantageDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const {
    QStyledItemDelegate::paint(painter, option, index);
    const Answer* answer = model_.answer(index.row());
    const double most = model_.mostAdvantage();
    if (answer == nullptr || !(most > 0) || !std::isfinite(answer->advantage)) {
        return;
    }
    // Zero in the middle of the left half; the number keeps the right one.
    const double reach = option.rect.width() * 0.2;
    const double zero = option.rect.left() + 6 + reach;
    const double end = zero + reach * answer->advantage / most;
    const int middle = option.rect.center().y();
    painter->fillRect(QRectF(std::min(zero, end), middle - 3, std::abs(end - zero), 7),
                      themes_.color(answer->advantage < 0 ? Role::RatioBelow : Role::RatioAbove));
    painter->setPen(themes_.color(Role::Faint));
    painter->drawLine(QPointF(zero, middle - 6), QPointF(zero, middle + 6));
}

AnswerTable::AnswerTable(ThemeManager& themes, QWidget* parent) : QTableView(parent) {
    setObjectName(QStringLiteral("answers"));
    setAccessibleName(tr("Answers of the group"));
    setModel(&model_);
    setItemDelegateForColumn(AnswerModel::kAdvantage, new AdvantageDelegate(themes, model_, this));
    setSelectionBehavior(QAbstractItemView::SelectRows);
    setSelectionMode(QAbstractItemView::SingleSelection);
    setShowGrid(false);
    setWordWrap(false);
    setTabKeyNavigation(false);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    verticalHeader()->hide();
    horizontalHeader()->setStretchLastSection(true);
    horizontalHeader()->setHighlightSections(false);
    const auto arrange = [this, &themes] {
        verticalHeader()->setDefaultSectionSize(themes.scaled(metrics::kTableRow));
        verticalHeader()->setMinimumSectionSize(themes.scaled(metrics::kTableRow));
        for (const auto& [column, width] :
             {std::pair(0, 26), std::pair(1, 50), std::pair(2, 92), std::pair(3, 34), std::pair(4, 34)}) {
            setColumnWidth(column, themes.scaled(width));
        }
    };
    arrange();
    connect(&themes, &ThemeManager::changed, this, arrange);
}

void AnswerTable::currentChanged(const QModelIndex& current, const QModelIndex& previous) {
    QTableView::currentChanged(current, previous);
    if (current.row() != previous.row() || !previous.isValid()) {
        emit answerChosen(current.row());
    }
}

void AnswerTable::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy)) {
        QApplication::clipboard()->setText(twinAsTabs(model_.twin()));
    } else if (event->key() == Qt::Key_C && event->modifiers() == Qt::NoModifier) {
        emit besideWanted(currentIndex().row());
    } else {
        QTableView::keyPressEvent(event);
    }
}

void AnswerTable::contextMenuEvent(QContextMenuEvent* event) {
    QMenu menu(this);
    menu.addAction(tr("Set beside the other\tC"), this, [this] { emit besideWanted(currentIndex().row()); });
    menu.addAction(tr("Copy the answers\tCtrl+C"), this,
                   [this] { QApplication::clipboard()->setText(twinAsTabs(model_.twin())); });
    menu.addAction(tr("Save the answers as CSV…"), this, [this] { saveTwin(this, model_.twin()); });
    menu.exec(event->globalPos());
}

} // namespace fulgurite
