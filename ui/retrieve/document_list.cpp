// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/document_list.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"

#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kTypingMilliseconds = 120;

} // namespace

DocumentModel::DocumentModel(RetrieveSession& session, QObject* parent)
    : QAbstractTableModel(parent), session_(session) {
    strategies_ = session_.strategies();
    connect(&session_, &RetrieveSession::ranked, this, [this] {
        if (session_.strategies() != strategies_) {
            beginResetModel();
            strategies_ = session_.strategies();
            endResetModel();
        } else if (rowCount() > 0) {
            emit dataChanged(index(0, kRanks), index(rowCount() - 1, columnCount() - 1), {Qt::DisplayRole});
        }
    });
}

void DocumentModel::setRows(std::optional<std::vector<std::int32_t>> documents) {
    beginResetModel();
    rows_ = std::move(documents);
    all_ = session_.documents().texts()->size();
    endResetModel();
}

std::int32_t DocumentModel::document(int row) const {
    return rows_ ? (*rows_)[static_cast<std::size_t>(row)] : row;
}

int DocumentModel::rowOf(std::int32_t document) const {
    if (!rows_) {
        return static_cast<std::size_t>(document) < all_ ? document : -1;
    }
    const auto found = std::lower_bound(rows_->begin(), rows_->end(), document);
    return found != rows_->end() && *found == document ? static_cast<int>(found - rows_->begin()) : -1;
}

int DocumentModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rows_ ? rows_->size() : all_);
}

int DocumentModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kRanks + static_cast<int>(strategies_.size());
}

QVariant DocumentModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        const bool words = index.column() == kTitle || index.column() == kLabel;
        return static_cast<int>((words ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    const std::int32_t document = this->document(index.row());
    const DocumentTexts& texts = *session_.documents().texts();
    const auto at = static_cast<std::size_t>(document);
    if (at >= texts.size()) {
        return {};
    }
    switch (index.column()) {
    case kNumber:
        return document + 1;
    case kTitle:
        return texts.titles[at];
    case kLabel:
        return texts.labels[at];
    case kCharacters:
        return grouped(texts.characters[at]);
    default:
        break;
    }
    const auto column = static_cast<std::size_t>(index.column() - kRanks);
    const int place = column < session_.columns().size() ? session_.columns()[column].place(document) : -1;
    return place < 0 ? QVariant() : QVariant(place + 1);
}

QVariant DocumentModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case kNumber:
        return tr("no.");
    case kTitle:
        return tr("document");
    case kLabel:
        return tr("label");
    case kCharacters:
        return tr("characters");
    default:
        break;
    }
    return section - kRanks < strategies_.size() ? strategyInfo(strategies_[section - kRanks]).title : QString();
}

TableTwin DocumentModel::twin() const {
    QStringList columns;
    for (int i = 0; i < columnCount(); ++i) {
        columns << headerData(i, Qt::Horizontal, Qt::DisplayRole).toString();
    }
    std::vector<std::unordered_map<std::int32_t, int>> places;
    for (const RankColumn& column : session_.columns()) {
        places.push_back(column.places);
    }
    return {.title = tr("Documents"),
            .columns = columns,
            .rows = rowCount(),
            .cell = [rows = rows_, texts = session_.documents().texts(), places](int row, int column) -> QVariant {
                const std::int32_t document = rows ? (*rows)[static_cast<std::size_t>(row)] : row;
                const auto at = static_cast<std::size_t>(document);
                switch (column) {
                case kNumber:
                    return document + 1;
                case kTitle:
                    return texts->titles[at];
                case kLabel:
                    return texts->labels[at];
                case kCharacters:
                    return texts->characters[at];
                default:
                    break;
                }
                const auto& ranking = places[static_cast<std::size_t>(column - kRanks)];
                const auto found = ranking.find(document);
                return found == ranking.end() ? QVariant() : QVariant(found->second + 1);
            },
            .current = rowOf(session_.document())};
}

DocumentList::DocumentList(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : QWidget(parent),
      session_(session),
      themes_(themes),
      model_(new DocumentModel(session, this)),
      filter_(new QLineEdit),
      count_(new QLabel),
      view_(new QTableView) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 4, 0);
    column->setSpacing(6);
    auto* top = new QHBoxLayout;
    filter_->setPlaceholderText(tr("Words of a title or label"));
    filter_->setAccessibleName(tr("Filter the documents"));
    filter_->setClearButtonEnabled(true);
    count_->setProperty("tone", "small");
    top->addWidget(filter_, 1);
    top->addWidget(count_);
    column->addLayout(top);
    column->addWidget(view_, 1);
    view_->setModel(model_);
    view_->setAccessibleName(tr("Documents"));
    view_->setSelectionBehavior(QAbstractItemView::SelectRows);
    view_->setSelectionMode(QAbstractItemView::SingleSelection);
    view_->setShowGrid(false);
    view_->setWordWrap(false);
    view_->setContextMenuPolicy(Qt::CustomContextMenu);
    view_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    view_->verticalHeader()->hide();
    view_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    view_->horizontalHeader()->setHighlightSections(false);
    view_->installEventFilter(this);
    const auto fit = [this] {
        view_->verticalHeader()->setDefaultSectionSize(themes_.scaled(metrics::kTableRow));
        view_->setColumnWidth(DocumentModel::kNumber, themes_.scaled(58));
        view_->setColumnWidth(DocumentModel::kTitle, themes_.scaled(300));
        view_->setColumnWidth(DocumentModel::kLabel, themes_.scaled(150));
        view_->setColumnWidth(DocumentModel::kCharacters, themes_.scaled(78));
    };
    fit();
    connect(&themes, &ThemeManager::changed, this, fit);
    timer_.setSingleShot(true);
    timer_.setInterval(kTypingMilliseconds);
    connect(filter_, &QLineEdit::textChanged, &timer_, qOverload<>(&QTimer::start));
    connect(&timer_, &QTimer::timeout, this, &DocumentList::find);
    connect(&session_.documents(), &DocumentStore::changed, this, &DocumentList::find);
    connect(&session_, &RetrieveSession::brushChanged, this, &DocumentList::find);
    connect(&session_, &RetrieveSession::selectionChanged, this, &DocumentList::followSelection);
    connect(view_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex& now, const QModelIndex&) {
                if (now.isValid()) {
                    session_.select(model_->document(now.row()), session_.column());
                }
            });
    connect(view_, &QTableView::activated, this,
            [this](const QModelIndex& index) { emit openWanted(model_->document(index.row())); });
    connect(view_, &QTableView::customContextMenuRequested, this, &DocumentList::contextMenu);
    find();
}

void DocumentList::find() {
    const QString words = filter_->text();
    const bool brushed = session_.filtered();
    if (words.trimmed().isEmpty() && !brushed) {
        session_.documents().find({}, [](const std::vector<std::int32_t>&) {}); // what was asked before is void
        model_->setRows({});
        showCount();
        return;
    }
    session_.documents().find(words, [this](std::vector<std::int32_t> documents) {
        if (session_.filtered()) {
            std::erase_if(documents, [this](std::int32_t each) { return !session_.brush().contains(each); });
        }
        model_->setRows(std::move(documents));
        showCount();
        followSelection();
    });
}

void DocumentList::showCount() {
    const int shown = model_->rowCount();
    const auto total = static_cast<std::int64_t>(session_.documents().total());
    count_->setText(shown == total                    ? tr("%1 documents").arg(grouped(total))
                    : session_.documents().complete() ? tr("%1 of %2 match").arg(grouped(shown), grouped(total))
                                                      : tr("%1 of %2 read").arg(grouped(shown), grouped(total)));
}

void DocumentList::followSelection() {
    const int row = model_->rowOf(session_.document());
    const QModelIndex now = view_->currentIndex();
    if (row >= 0 && row != now.row()) {
        view_->setCurrentIndex(model_->index(row, DocumentModel::kTitle));
    }
}

void DocumentList::contextMenu(const QPoint& at) {
    QMenu menu(this);
    const std::int32_t document = session_.document();
    menu.addAction(tr("Read the whole document"), this, [this, document] { emit openWanted(document); })
        ->setEnabled(document >= 0);
    menu.addSeparator();
    menu.addAction(themes_.icon(QStringLiteral("copy")), tr("Copy the list\tCtrl+C"), this,
                   [this] { QApplication::clipboard()->setText(twinAsTabs(model_->twin())); });
    menu.addAction(themes_.icon(QStringLiteral("export")), tr("Save as CSV…"), this,
                   [this] { saveTwin(this, model_->twin()); });
    menu.exec(view_->viewport()->mapToGlobal(at));
}

bool DocumentList::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Copy)) {
        QApplication::clipboard()->setText(twinAsTabs(model_->twin()));
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace fulgurite
