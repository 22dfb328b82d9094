// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/collection_list.h"

#include "ui/base/format.h"
#include "ui/base/local_files.h"
#include "ui/base/theme_manager.h"

#include <QDragEnterEvent>
#include <QLabel>
#include <QListView>
#include <QMenu>
#include <QMimeData>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kRowHeight = 40;

QString jobText(const client::RetrievalJob& job) {
    QString text = job.kind == "evaluation" ? CollectionList::tr("evaluating") : CollectionList::tr("indexing");
    if (job.state == "paused") {
        text = CollectionList::tr("paused");
    } else if (job.per_second > 0) {
        text += CollectionList::tr(", %1/s, %2 left")
                    .arg(job.per_second, 0, 'f', job.per_second < 10 ? 1 : 0)
                    .arg(secondsText(job.seconds_left));
    }
    return text;
}

} // namespace

QString collectionNote(const client::Collection& collection) {
    if (!collection.problem.empty()) {
        return QString::fromStdString(collection.problem);
    }
    if (collection.job && collection.job->live()) {
        return jobText(*collection.job);
    }
    if (collection.job && collection.job->state == "failed") {
        return QString::fromStdString(collection.job->message);
    }
    const auto layers = collection.stored.size();
    return CollectionList::tr("%1 heads, %2, %3")
        .arg(collection.embedder.heads)
        .arg(layers == 1 ? CollectionList::tr("1 layer") : CollectionList::tr("%1 layers").arg(layers))
        .arg(bytesText(static_cast<std::int64_t>(collection.bytes)));
}

void CollectionModel::setCollections(std::vector<client::Collection> collections) {
    const bool same = collections.size() == collections_.size() &&
                      std::equal(collections.begin(), collections.end(), collections_.begin(),
                                 [](const auto& a, const auto& b) { return a.id == b.id; });
    if (same) { // the selection and the scroll position stay
        collections_ = std::move(collections);
        if (!collections_.empty()) {
            emit dataChanged(index(0), index(rowCount() - 1));
        }
        return;
    }
    beginResetModel();
    collections_ = std::move(collections);
    endResetModel();
}

int CollectionModel::rowOf(const QString& id) const {
    const std::string wanted = id.toStdString();
    const auto found = std::find_if(collections_.begin(), collections_.end(),
                                    [&wanted](const client::Collection& each) { return each.id == wanted; });
    return found == collections_.end() ? -1 : static_cast<int>(found - collections_.begin());
}

const client::Collection* CollectionModel::find(const QString& id) const {
    const int row = rowOf(id);
    return row < 0 ? nullptr : &collections_[static_cast<std::size_t>(row)];
}

int CollectionModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(collections_.size());
}

QVariant CollectionModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    const client::Collection& each = collections_[static_cast<std::size_t>(index.row())];
    const QString name = QString::fromStdString(each.name);
    if (role == Qt::DisplayRole) {
        return name;
    }
    if (role == Qt::ToolTipRole || role == Qt::AccessibleTextRole) {
        QString text = tr("%1: %2 documents in %3 chunks, %4")
                           .arg(name, grouped(static_cast<std::int64_t>(each.documents)),
                                grouped(static_cast<std::int64_t>(each.chunks)), collectionNote(each));
        if (each.truncated > 0) {
            text += tr("; %1 chunks were longer than the embedder takes").arg(each.truncated);
        }
        return text;
    }
    return {};
}

CollectionDelegate::CollectionDelegate(ThemeManager& themes, const CollectionModel& model, QObject* parent)
    : QStyledItemDelegate(parent), themes_(themes), model_(model) {}

QSize CollectionDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
    return {100, themes_.scaled(kRowHeight)};
}

void CollectionDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                               const QModelIndex& index) const {
    const client::Collection& each = model_.collections()[static_cast<std::size_t>(index.row())];
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    const bool hovered = option.state.testFlag(QStyle::State_MouseOver);
    const QRectF rect = option.rect;
    painter->save();
    if (selected || hovered) {
        painter->fillRect(rect, themes_.color(selected ? Role::Selection : Role::Raised));
    }
    if (selected) {
        painter->fillRect(QRectF(rect.left(), rect.top(), 2, rect.height()), themes_.color(Role::Focus));
    }
    const double unit = rect.height() / kRowHeight;
    const QRectF upper(rect.left() + 10, rect.top() + 4 * unit, rect.width() - 18, 17 * unit);
    const QRectF lower = upper.translated(0, 16 * unit);
    const bool live = each.job && each.job->live();
    const double share = live && each.job->total > 0
                             ? static_cast<double>(each.job->done) / static_cast<double>(each.job->total)
                             : 0;
    const QString count =
        live ? tr("%1 %").arg(static_cast<int>(share * 100)) : grouped(static_cast<std::int64_t>(each.documents));
    painter->setFont(themes_.uiFont(12.5, QFont::DemiBold));
    painter->setPen(themes_.color(Role::Text));
    const double room = upper.width() - QFontMetricsF(painter->font()).horizontalAdvance(count) - 8;
    painter->drawText(
        upper, Qt::AlignLeft | Qt::AlignVCenter,
        QFontMetricsF(painter->font()).elidedText(QString::fromStdString(each.name), Qt::ElideRight, room));
    painter->setFont(themes_.uiFont(12));
    painter->drawText(upper, Qt::AlignRight | Qt::AlignVCenter, count);
    const bool bad = !each.problem.empty() || (each.job && each.job->state == "failed");
    painter->setFont(themes_.uiFont(11));
    painter->setPen(themes_.color(bad ? Role::Bad : Role::Muted));
    painter->drawText(
        lower, Qt::AlignLeft | Qt::AlignVCenter,
        QFontMetricsF(painter->font()).elidedText(collectionNote(each), Qt::ElideRight, lower.width() - 34 * unit));
    painter->setPen(themes_.color(Role::Muted));
    painter->drawText(lower, Qt::AlignRight | Qt::AlignVCenter, tr("docs"));
    if (live) {
        const QRectF bar(rect.left() + 10, rect.bottom() - 3, rect.width() - 18, 2);
        painter->fillRect(bar, themes_.color(Role::Line));
        painter->fillRect(QRectF(bar.left(), bar.top(), bar.width() * share, 2), themes_.color(Role::Accent));
    }
    painter->restore();
}

CollectionList::CollectionList(ThemeManager& themes, QWidget* parent)
    : QWidget(parent), themes_(themes), model_(new CollectionModel(this)), view_(new QListView) {
    setAcceptDrops(true);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    view_->setModel(model_);
    view_->setItemDelegate(new CollectionDelegate(themes, *model_, view_));
    view_->setAccessibleName(tr("Collections"));
    view_->setMouseTracking(true);
    view_->setUniformItemSizes(true);
    view_->setContextMenuPolicy(Qt::CustomContextMenu);
    view_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    empty_ = new QFrame;
    empty_text_ = new QLabel;
    empty_text_->setWordWrap(true);
    empty_text_->setProperty("tone", "muted");
    sample_ = new QPushButton(tr("Open the sample collection"));
    sample_->setProperty("kind", "accent");
    sample_->setToolTip(tr("The pages of this program's own manual, in pieces, with questions about them."));
    new_ = new QPushButton(tr("New collection…"));
    auto* words = new QVBoxLayout(empty_);
    words->setContentsMargins(12, 8, 12, 8);
    words->addWidget(empty_text_);
    words->addWidget(sample_);
    words->addWidget(new_);
    words->addStretch(1);
    column->addWidget(view_, 1);
    column->addWidget(empty_, 1);
    connect(sample_, &QPushButton::clicked, this, &CollectionList::sampleWanted);
    connect(new_, &QPushButton::clicked, this, &CollectionList::newWanted);
    connect(view_, &QListView::customContextMenuRequested, this, &CollectionList::contextMenu);
    connect(view_->selectionModel(), &QItemSelectionModel::currentChanged, this,
            [this](const QModelIndex& now, const QModelIndex&) {
                if (now.isValid()) {
                    emit chosen(current());
                }
            });
    show({}, tr("The engine is not ready."));
}

void CollectionList::show(std::vector<client::Collection> collections, const QString& problem) {
    const QString before = current();
    model_->setCollections(std::move(collections));
    const bool none = model_->rowCount() == 0;
    view_->setVisible(!none);
    empty_->setVisible(none);
    empty_text_->setText(problem.isEmpty() ? tr("No collection yet. Drop files or a folder here, or begin with:")
                                           : problem);
    sample_->setVisible(problem.isEmpty());
    new_->setVisible(problem.isEmpty());
    if (!before.isEmpty()) {
        setCurrent(before);
    }
}

QString CollectionList::current() const {
    const QModelIndex index = view_->currentIndex();
    return index.isValid() ? QString::fromStdString(model_->collections()[static_cast<std::size_t>(index.row())].id)
                           : QString();
}

void CollectionList::setCurrent(const QString& id) {
    if (const int row = model_->rowOf(id); row >= 0 && row != view_->currentIndex().row()) {
        view_->setCurrentIndex(model_->index(row));
    }
}

void CollectionList::contextMenu(const QPoint& at) {
    QMenu menu(this);
    const QModelIndex index = view_->indexAt(at);
    const client::Collection* collection =
        index.isValid() ? &model_->collections()[static_cast<std::size_t>(index.row())] : nullptr;
    if (collection != nullptr) {
        const QString id = QString::fromStdString(collection->id);
        menu.addAction(tr("Add documents…"), this, [this, id] { emit addWanted(id); });
        if (collection->job && collection->job->live()) {
            const bool paused = collection->job->state == "paused";
            const auto action = paused ? client::JobAction::Resume : client::JobAction::Pause;
            menu.addAction(paused ? tr("Go on") : tr("Pause"), this,
                           [this, id, action] { emit steered(id, action); });
            menu.addAction(tr("Cancel"), this, [this, id] { emit steered(id, client::JobAction::Cancel); });
        }
        menu.addSeparator();
        menu.addAction(tr("Delete the collection…"), this, [this, id] { emit removeWanted(id); });
    }
    menu.addAction(tr("New collection…"), this, &CollectionList::newWanted);
    menu.addAction(tr("Open the sample collection"), this, &CollectionList::sampleWanted);
    menu.exec(view_->viewport()->mapToGlobal(at));
}

void CollectionList::dragEnterEvent(QDragEnterEvent* event) {
    if (!localFiles(event->mimeData()).isEmpty()) {
        event->acceptProposedAction();
    }
}

void CollectionList::dropEvent(QDropEvent* event) {
    const QStringList files = localFiles(event->mimeData());
    if (files.isEmpty()) {
        return;
    }
    const QModelIndex under = view_->isVisible()
                                  ? view_->indexAt(view_->viewport()->mapFrom(this, event->position().toPoint()))
                                  : QModelIndex();
    emit filesDropped(under.isValid()
                          ? QString::fromStdString(model_->collections()[static_cast<std::size_t>(under.row())].id)
                          : QString(),
                      files);
    event->acceptProposedAction();
}

} // namespace fulgurite
