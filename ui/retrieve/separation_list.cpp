// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/separation_list.h"

#include "ui/base/theme_manager.h"
#include "ui/retrieve/retrieve_session.h"

#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

enum Column { kHead, kScore, kLabel, kAuc, kStandard, kDifference, kDocuments };

} // namespace

TableTwin separationTwin(const std::shared_ptr<const client::HeadStatistics>& statistics) {
    auto rows = std::make_shared<std::vector<std::pair<int, client::Separation>>>();
    if (statistics) {
        for (std::size_t head = 0; head < statistics->separates.size(); ++head) {
            for (const client::Separation& each : statistics->separates[head]) {
                rows->emplace_back(static_cast<int>(head), each);
            }
        }
    }
    return {.title = SeparationList::tr("What heads separate"),
            .columns = {SeparationList::tr("head"), SeparationList::tr("score"), SeparationList::tr("label"),
                        SeparationList::tr("AUC"), SeparationList::tr("AUC of the standard vector"),
                        SeparationList::tr("difference"), SeparationList::tr("documents with it")},
            .rows = static_cast<int>(rows->size()),
            .cell = [rows, statistics](int row, int column) -> QVariant {
                const auto& [head, found] = (*rows)[static_cast<std::size_t>(row)];
                switch (column) {
                case kHead:
                    return head;
                case kScore:
                    return statistics->scores[static_cast<std::size_t>(head)];
                case kLabel:
                    return QString::fromStdString(found.label);
                case kAuc:
                    return found.auc;
                case kStandard:
                    return found.standard_auc;
                case kDifference:
                    return found.auc - found.standard_auc;
                default:
                    return static_cast<int>(found.documents);
                }
            },
            .current = -1};
}

SeparationList::SeparationList(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : QWidget(parent),
      session_(session),
      view_(new QTableView),
      sorted_(new QSortFilterProxyModel(this)),
      note_(new QLabel) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(view_, 1);
    column->addWidget(note_);
    note_->setProperty("tone", "small");
    note_->setContentsMargins(10, 3, 10, 5);
    note_->setWordWrap(true);
    sorted_->setDynamicSortFilter(false);
    view_->setModel(sorted_);
    view_->setAccessibleName(tr("What heads separate"));
    view_->setSelectionBehavior(QAbstractItemView::SelectRows);
    view_->setSelectionMode(QAbstractItemView::SingleSelection);
    view_->setShowGrid(false);
    view_->setSortingEnabled(true);
    view_->verticalHeader()->hide();
    view_->verticalHeader()->setDefaultSectionSize(themes.scaled(metrics::kTableRow));
    view_->horizontalHeader()->setHighlightSections(false);
    view_->setContextMenuPolicy(Qt::CustomContextMenu);
    view_->installEventFilter(this);
    connect(view_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex& now, const QModelIndex&) {
                if (now.isValid()) {
                    session_.setHead(twin_.cell(sorted_->mapToSource(now).row(), kHead).toInt());
                }
            });
    connect(view_, &QTableView::customContextMenuRequested, this, [this](const QPoint& at) {
        QMenu menu(this);
        menu.addAction(tr("Copy the table\tCtrl+C"), this,
                       [this] { QApplication::clipboard()->setText(twinAsTabs(twin_)); });
        menu.addAction(tr("Save as CSV…"), this, [this] { saveTwin(this, twin_); });
        menu.exec(view_->viewport()->mapToGlobal(at));
    });
    connect(&session_, &RetrieveSession::headChanged, this, &SeparationList::followHead);
    setStatistics(nullptr);
}

void SeparationList::setStatistics(std::shared_ptr<const client::HeadStatistics> statistics) {
    twin_ = separationTwin(statistics);
    auto* model = new TableTwinModel(twin_, this);
    sorted_->setSourceModel(model);
    delete std::exchange(model_, model);
    sorted_->setSortRole(Qt::DisplayRole);
    view_->sortByColumn(kAuc, Qt::DescendingOrder);
    view_->resizeColumnsToContents();
    note_->setText(twin_.rows == 0 ? tr("Labels tell what a head separates: import documents that have a label "
                                        "each (JSON, CSV or folders).")
                                   : tr("AUC: how often a document with the label lies nearer to the label's mean "
                                        "than one without it; the "
                                        "document itself is left out of the mean. 0.5 is chance."));
}

void SeparationList::followHead() {
    const QModelIndex now = view_->currentIndex();
    if (now.isValid() && twin_.cell(sorted_->mapToSource(now).row(), kHead).toInt() == session_.head()) {
        return;
    }
    for (int row = 0; row < sorted_->rowCount(); ++row) {
        const QModelIndex index = sorted_->index(row, 0);
        if (twin_.cell(sorted_->mapToSource(index).row(), kHead).toInt() == session_.head()) {
            view_->setCurrentIndex(index);
            return;
        }
    }
}

bool SeparationList::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Copy)) {
        QApplication::clipboard()->setText(twinAsTabs(twin_));
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace fulgurite
