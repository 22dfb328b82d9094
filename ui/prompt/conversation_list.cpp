// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/conversation_list.h"

#include "ui/base/format.h"
#include "ui/prompt/conversation_delegate.h"
#include "ui/prompt/conversation_model.h"
#include "ui/prompt/flow_layout.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

#include <utility>

namespace fulgurite {

ConversationList::ConversationList(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      model_(new ConversationModel(this)),
      search_(new QLineEdit(this)),
      chip_area_(new QWidget(this)),
      chips_(new FlowLayout(chip_area_, 5)),
      view_(new QListView(this)),
      empty_(new QLabel(this)),
      clear_(new QPushButton(tr("Clear the search and filters"), this)) {
    setProperty("surface", "panel");
    setAttribute(Qt::WA_StyledBackground);
    setAccessibleName(tr("Conversations"));
    search_->addAction(themes.icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    search_->setClearButtonEnabled(true);
    search_->setAccessibleName(tr("Search conversations"));
    search_->setToolTip(tr("Finds words in titles and in messages (Ctrl+F)"));
    search_->installEventFilter(this);
    auto* fresh = new QToolButton(this);
    fresh->setIcon(themes.icon(QStringLiteral("plus")));
    fresh->setProperty("kind", "framed");
    fresh->setToolTip(tr("New conversation (Ctrl+N)"));
    fresh->setAccessibleName(tr("New conversation"));
    view_->setModel(model_);
    delegate_ = new ConversationDelegate(themes, *model_, view_);
    view_->setItemDelegate(delegate_);
    view_->setFrameShape(QFrame::NoFrame);
    view_->setMouseTracking(true);
    view_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    view_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    view_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    view_->setContextMenuPolicy(Qt::CustomContextMenu);
    view_->setAccessibleName(tr("Conversations"));
    view_->installEventFilter(this);
    empty_->setProperty("tone", "muted");
    empty_->setWordWrap(true);
    clear_->setProperty("kind", "link");
    auto* top = new QHBoxLayout;
    top->setSpacing(6);
    top->addWidget(search_, 1);
    top->addWidget(fresh);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 10, 4);
    column->setSpacing(8);
    column->addLayout(top);
    column->addWidget(chip_area_);
    column->addWidget(empty_);
    column->addWidget(clear_, 0, Qt::AlignLeft);
    auto* list = new QHBoxLayout;
    list->setContentsMargins(-6, 0, -6, 0);
    list->addWidget(view_);
    column->addLayout(list, 1);
    pause_.setSingleShot(true);
    pause_.setInterval(120);
    connect(search_, &QLineEdit::textChanged, this, [this] { pause_.start(); });
    connect(&pause_, &QTimer::timeout, this, [this] {
        ConversationFilter filter = filter_;
        filter.search = search_->text().trimmed();
        applyFilter(filter);
    });
    connect(fresh, &QToolButton::clicked, this, &ConversationList::newRequested);
    connect(clear_, &QPushButton::clicked, this, &ConversationList::clearFilter);
    connect(view_, &QListView::clicked, this, [this](const QModelIndex& index) { activate(index, true); });
    connect(view_, &QListView::customContextMenuRequested, this, &ConversationList::showMenu);
    connect(model_, &ConversationModel::renamed, this, [this](std::int64_t conversation, const QString& title) {
        if (waiting_rows_) { // they are from before
            for (ConversationRow& row : *waiting_rows_) {
                row.title = row.id == conversation ? title : row.title;
            }
        }
        emit renamed(conversation, title);
    });
    connect(delegate_, &ConversationDelegate::editorGone, this, &ConversationList::takeWaitingRows);
    connect(&themes_, &ThemeManager::changed, view_, [this] { view_->doItemsLayout(); });
    setTotal(0);
    buildChips();
    refreshEmpty();
}

void ConversationList::takeWaitingRows() {
    if (waiting_rows_ && delegate_->editor() == nullptr) { // Tab opens the next one's
        setRows(*std::exchange(waiting_rows_, std::nullopt));
    }
}

void ConversationList::setRows(const QList<ConversationRow>& rows) {
    if (delegate_->editor() != nullptr) { // it would go, and what was typed with it
        waiting_rows_ = rows;
        return;
    }
    waiting_rows_.reset();
    const QModelIndex current = view_->currentIndex();
    const auto id = current.isValid() ? current.data(ConversationModel::kIdRole).toLongLong() : 0;
    model_->setRows(rows);
    int line = model_->indexOf(id);
    for (int i = 0; line < 0 && i < rows.size(); ++i) {
        line = rows[i].open ? model_->indexOf(rows[i].id) : -1;
    }
    if (line >= 0) {
        view_->setCurrentIndex(model_->index(line));
    }
    refreshEmpty();
}

void ConversationList::setTotal(int conversations) {
    search_->setPlaceholderText(conversations > 1 ? tr("Search %1 conversations").arg(grouped(conversations))
                                                  : tr("Search"));
}

void ConversationList::setTags(const QStringList& tags) {
    if (tags != tags_) {
        tags_ = tags;
        buildChips();
    }
}

void ConversationList::buildChips() {
    const QList<QPushButton*> old = chip_area_->findChildren<QPushButton*>();
    for (QPushButton* chip : old) {
        chips_->removeWidget(chip);
        chip->hide();
        chip->deleteLater();
    }
    const auto chip = [&](const QString& text, const ConversationFilter& value) {
        auto* button = new QPushButton(text, chip_area_);
        button->setProperty("kind", "chip");
        button->setCheckable(true);
        button->setChecked(value.starred == filter_.starred && value.tag == filter_.tag);
        button->setAccessibleName(tr("Show %1").arg(text));
        connect(button, &QPushButton::clicked, this, [this, value] {
            ConversationFilter next = value;
            next.search = filter_.search;
            applyFilter(next);
        });
        chips_->addWidget(button);
        button->show();
    };
    chip(tr("All"), {});
    chip(tr("Starred"), {{}, true, {}});
    for (const QString& tag : tags_) {
        chip(u'#' + tag, {{}, false, tag});
    }
}

void ConversationList::applyFilter(ConversationFilter filter) {
    if (filter == filter_) {
        QMetaObject::invokeMethod(
            this, [this] { buildChips(); }, Qt::QueuedConnection); // the clicked chip stays down
        return;
    }
    filter_ = std::move(filter);
    QMetaObject::invokeMethod(
        this, [this] { buildChips(); }, Qt::QueuedConnection);
    refreshEmpty();
    emit filterChanged(filter_);
}

void ConversationList::clearFilter() {
    search_->clear();
    pause_.stop();
    applyFilter({});
}

void ConversationList::focusSearch() {
    search_->setFocus();
    search_->selectAll();
}

void ConversationList::beginRename(std::int64_t conversation) {
    if (const int line = model_->indexOf(conversation); line >= 0) {
        view_->setCurrentIndex(model_->index(line));
        view_->edit(model_->index(line));
    }
}

void ConversationList::refreshEmpty() {
    const bool none = model_->rows().isEmpty();
    const bool filtered = !(filter_ == ConversationFilter{});
    empty_->setVisible(none);
    clear_->setVisible(none && filtered);
    empty_->setText(!filtered
                        ? tr("Nothing here yet. What you write is saved as you type, in one file on this computer.")
                    : filter_.search.isEmpty() ? tr("No conversation passes this filter.")
                                               : tr("No conversation contains “%1”.").arg(filter_.search));
}

void ConversationList::activate(const QModelIndex& index, bool toggle_folder) {
    if (!index.isValid()) {
        return;
    }
    const ConversationModel::Line line = model_->line(index.row());
    if (line.kind == ConversationModel::Kind::Folder) {
        if (toggle_folder) {
            model_->setCollapsed(line.folder, !model_->collapsed(line.folder));
        }
    } else if (line.kind == ConversationModel::Kind::Branch) {
        emit branchOpenRequested(model_->conversation(line).id, model_->branch(line).turn);
    } else {
        emit openRequested(model_->conversation(line).id);
    }
}

void ConversationList::showMenu(const QPoint& point) {
    const QModelIndex index = view_->indexAt(point);
    if (!index.isValid() || model_->line(index.row()).kind != ConversationModel::Kind::Conversation) {
        return;
    }
    const ConversationRow row = model_->conversation(model_->line(index.row()));
    QMenu menu(this);
    menu.addAction(tr("Open"), this, [this, row] { emit openRequested(row.id); });
    menu.addAction(tr("Rename"), this, [this, row] { beginRename(row.id); })->setShortcut(Qt::Key_F2);
    menu.addAction(row.starred ? tr("Remove star") : tr("Star"), this, [this, row] { emit starToggled(row.id); });
    menu.addAction(tr("Duplicate"), this, [this, row] { emit duplicateRequested(row.id); });
    menu.addAction(tr("Tags…"), this, [this, row] { emit tagsRequested(row.id); });
    menu.addAction(tr("Move to folder…"), this, [this, row] {
        bool accepted = false;
        const QString folder = QInputDialog::getText(this, tr("Move to folder"), tr("Folder; empty for none"),
                                                     QLineEdit::Normal, row.folder, &accepted);
        if (accepted) {
            emit folderRequested(row.id, folder.simplified());
        }
    });
    menu.addAction(tr("Export…"), this, [this, row] { emit exportRequested(row.id); });
    menu.addSeparator();
    menu.addAction(tr("Remove"), this, [this, row] { emit removeRequested(row.id); })->setShortcut(Qt::Key_Delete);
    menu.exec(view_->viewport()->mapToGlobal(point));
}

bool ConversationList::key(int key) {
    const QModelIndex index = view_->currentIndex();
    if (!index.isValid()) {
        return false;
    }
    const ConversationModel::Line line = model_->line(index.row());
    const bool conversation = line.kind == ConversationModel::Kind::Conversation;
    switch (key) {
    case Qt::Key_Return:
    case Qt::Key_Enter:
        activate(index, true);
        return true;
    case Qt::Key_F2:
        if (conversation) {
            view_->edit(index);
        }
        return true;
    case Qt::Key_Delete:
        if (conversation) {
            emit removeRequested(model_->conversation(line).id);
        }
        return true;
    case Qt::Key_Left:
    case Qt::Key_Right: {
        const bool open = key == Qt::Key_Right;
        if (line.kind == ConversationModel::Kind::Folder) {
            model_->setCollapsed(line.folder, !open);
        } else {
            model_->setUnfolded(model_->conversation(line).id, open);
        }
        const int row = line.kind == ConversationModel::Kind::Folder ? index.row()
                                                                     : model_->indexOf(model_->rows()[line.row].id);
        view_->setCurrentIndex(model_->index(row));
        return true;
    }
    default:
        return false;
    }
}

// Keys that mean the line under the cursor, though the window may have the same for the conversation that is open.
bool ConversationList::takesFromWindow(const QKeyEvent& event) const {
    const QModelIndex index = view_->currentIndex();
    return event.modifiers() == Qt::NoModifier && (event.key() == Qt::Key_F2 || event.key() == Qt::Key_Delete) &&
           index.isValid() && model_->line(index.row()).kind == ConversationModel::Kind::Conversation;
}

bool ConversationList::eventFilter(QObject* watched, QEvent* event) {
    if (watched == view_ && event->type() == QEvent::ShortcutOverride &&
        takesFromWindow(*static_cast<QKeyEvent*>(event))) {
        event->accept();
        return true;
    }
    if (event->type() == QEvent::KeyPress) {
        const int pressed = static_cast<QKeyEvent*>(event)->key();
        if (watched == view_ && key(pressed)) {
            return true;
        }
        if (watched == search_ && pressed == Qt::Key_Escape && !search_->text().isEmpty()) {
            clearFilter();
            return true;
        }
        if (watched == search_ && pressed == Qt::Key_Down) {
            view_->setFocus();
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace fulgurite
