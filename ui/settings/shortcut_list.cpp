// SPDX-License-Identifier: GPL-3.0-or-later
// The table of shortcuts and the row that changes one.
#include "ui/settings/shortcut_list.h"

#include "ui/base/theme_manager.h"
#include "ui/shell/action_registry.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QPushButton>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

enum Column { kTitle, kCategory, kKeys };

QPushButton* makeButton(const QString& text, QHBoxLayout* row) {
    auto* button = new QPushButton(text);
    button->setAccessibleName(text);
    row->addWidget(button);
    return button;
}

} // namespace

ShortcutList::ShortcutList(ThemeManager& themes, ActionRegistry& actions, QWidget* parent)
    : QWidget(parent), themes_(themes), actions_(actions) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    tree_ = new QTreeWidget;
    tree_->setAccessibleName(QStringLiteral("Shortcuts"));
    tree_->setHeaderLabels({QStringLiteral("Action"), QStringLiteral("Menu"), QStringLiteral("Shortcut")});
    tree_->setRootIsDecorated(false);
    tree_->setUniformRowHeights(true);
    tree_->setMinimumHeight(380);
    tree_->header()->setSectionResizeMode(kTitle, QHeaderView::Stretch);
    tree_->header()->setStretchLastSection(false);
    column->addWidget(tree_);

    auto* row = new QHBoxLayout;
    row->setContentsMargins(14, 10, 10, 10);
    keys_ = new QKeySequenceEdit;
    keys_->setAccessibleName(QStringLiteral("New shortcut"));
    keys_->setMinimumWidth(180);
    row->addWidget(keys_);
    set_ = makeButton(QStringLiteral("Set"), row);
    clear_ = makeButton(QStringLiteral("Clear"), row);
    reset_ = makeButton(QStringLiteral("Default"), row);
    message_ = new QLabel;
    message_->setWordWrap(true);
    row->addWidget(message_, 1);
    auto* all = makeButton(QStringLiteral("All back to default"), row);
    column->addLayout(row);

    connect(tree_, &QTreeWidget::currentItemChanged, this, &ShortcutList::select);
    connect(tree_, &QTreeWidget::itemActivated, this, [this] { keys_->setFocus(); });
    connect(keys_, &QKeySequenceEdit::editingFinished, this, &ShortcutList::apply);
    connect(set_, &QPushButton::clicked, this, &ShortcutList::apply);
    connect(clear_, &QPushButton::clicked, this, [this] {
        keys_->clear();
        apply();
    });
    connect(reset_, &QPushButton::clicked, this, [this] {
        actions_.resetShortcut(selected());
        select();
    });
    connect(all, &QPushButton::clicked, this, [this] {
        actions_.resetAllShortcuts();
        select();
    });
    connect(&actions, &ActionRegistry::listChanged, this, &ShortcutList::fill);
    connect(&actions, &ActionRegistry::stateChanged, this, &ShortcutList::updateRow);
    fill();
}

void ShortcutList::fill() {
    const QString before = selected();
    tree_->clear();
    for (const QString& id : actions_.ids()) {
        auto* item = new QTreeWidgetItem(tree_);
        item->setData(kTitle, Qt::UserRole, id);
        item->setSizeHint(kTitle, QSize(0, std::max(metrics::kTableRow, themes_.scaled(metrics::kTableRow))));
        updateRow(id);
        if (id == before)
            tree_->setCurrentItem(item);
    }
    tree_->resizeColumnToContents(kKeys);
    filter(words_);
    if (!tree_->currentItem())
        tree_->setCurrentItem(tree_->topLevelItem(0));
}

void ShortcutList::updateRow(const QString& action) {
    for (int i = 0; i < tree_->topLevelItemCount(); ++i) {
        QTreeWidgetItem* item = tree_->topLevelItem(i);
        const QAction* found = actions_.action(action);
        if (!found || item->data(kTitle, Qt::UserRole).toString() != action)
            continue;
        item->setText(kTitle, found->text());
        item->setText(kCategory, actions_.spec(action).category);
        // A changed one carries a mark, not only a colour.
        const QString mark = actions_.hasOwnShortcut(action) ? QStringLiteral("\u2022 ") : QString();
        item->setText(kKeys, mark + found->shortcut().toString(QKeySequence::NativeText));
    }
}

QString ShortcutList::selected() const {
    return tree_->currentItem() ? tree_->currentItem()->data(kTitle, Qt::UserRole).toString() : QString();
}

void ShortcutList::select() {
    const QAction* action = actions_.action(selected());
    keys_->setKeySequence(action ? action->shortcut() : QKeySequence());
    reset_->setEnabled(actions_.hasOwnShortcut(selected()));
    message_->clear();
}

void ShortcutList::apply() {
    const QString id = selected();
    const QString other = actions_.conflict(id, keys_->keySequence());
    if (!other.isEmpty()) {
        message_->setProperty("tone", "bad");
        message_->setText(
            QStringLiteral("%1 belongs to \"%2\". Clear that one first, or press other keys.")
                .arg(keys_->keySequence().toString(QKeySequence::NativeText), actions_.action(other)->text()));
    } else {
        actions_.rebind(id, keys_->keySequence());
        reset_->setEnabled(actions_.hasOwnShortcut(id));
        message_->clear();
    }
}

void ShortcutList::edit(const QString& action) {
    filter({});
    for (int i = 0; i < tree_->topLevelItemCount(); ++i) {
        if (tree_->topLevelItem(i)->data(kTitle, Qt::UserRole).toString() == action)
            tree_->setCurrentItem(tree_->topLevelItem(i));
    }
    tree_->scrollToItem(tree_->currentItem());
    keys_->setFocus(Qt::OtherFocusReason);
}

int ShortcutList::filter(const QString& words) {
    words_ = words;
    int shown = 0;
    for (int i = 0; i < tree_->topLevelItemCount(); ++i) {
        QTreeWidgetItem* item = tree_->topLevelItem(i);
        const QString all = item->text(kTitle) + QLatin1Char(' ') + item->text(kKeys) + QStringLiteral(" shortcut");
        bool fits = true;
        for (const QString& word : words.split(QLatin1Char(' '), Qt::SkipEmptyParts))
            fits = fits && all.contains(word, Qt::CaseInsensitive);
        item->setHidden(!fits);
        shown += fits ? 1 : 0;
    }
    return shown;
}

} // namespace fulgurite
