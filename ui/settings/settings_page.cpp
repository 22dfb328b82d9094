// SPDX-License-Identifier: GPL-3.0-or-later
// Composition of the settings page.
#include "ui/settings/settings_page.h"

#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/local_engine.h"
#include "ui/settings/setting_row.h"
#include "ui/settings/shortcut_list.h"
#include "ui/shell/action_registry.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

const QString kShortcuts = QStringLiteral("Shortcuts");
constexpr int kContentWidth = 780;

} // namespace

SettingsPage::SettingsPage(const ShellContext& shell) : Page(QStringLiteral("settings"), shell) {
    buildHeader();
    auto* body = new QWidget;
    auto* row = new QHBoxLayout(body);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    list_ = new QListWidget;
    list_->setFixedWidth(200);
    list_->setAccessibleName(QStringLiteral("Sections"));
    list_->setStyleSheet(QStringLiteral("QListWidget { padding: 8px; } QListWidget::item { padding: 6px 8px; }"));
    row->addWidget(list_);
    auto* rule = new QFrame;
    rule->setProperty("surface", "rule");
    rule->setFixedWidth(1);
    row->addWidget(rule);
    row->addWidget(buildSections(), 1);
    setCentralWidget(body);
    for (const Section& section : std::as_const(sections_))
        list_->addItem(section.name);
    list_->setCurrentRow(0);
    connect(list_, &QListWidget::currentTextChanged, this, &SettingsPage::scrollTo);
    shell.actions.add({.id = "settings.search",
                       .title = "Search the settings",
                       .category = "Edit",
                       .icon = "search",
                       .shortcut = QKeySequence::Find,
                       .page = id()},
                      this, [this] { search_->setFocus(Qt::ShortcutFocusReason); });
    shell.actions.add({.id = "settings.defaults",
                       .title = "Restore all default settings",
                       .category = "Edit",
                       .icon = "reset",
                       .page = id()},
                      this, [this] { restoreDefaults(); });
}

void SettingsPage::buildHeader() {
    header_ = new QWidget;
    auto* row = new QHBoxLayout(header_);
    row->setContentsMargins(0, 0, 0, 0);
    search_ = new QLineEdit;
    search_->setPlaceholderText(QStringLiteral("Search settings"));
    search_->setAccessibleName(QStringLiteral("Search settings"));
    search_->setClearButtonEnabled(true);
    search_->setMaximumWidth(300);
    search_->addAction(context().themes.icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    auto* defaults = new QPushButton(QStringLiteral("Restore defaults"));
    defaults->setAccessibleName(QStringLiteral("Restore all default settings"));
    row->addWidget(search_, 1);
    row->addStretch(1);
    row->addWidget(defaults);
    connect(search_, &QLineEdit::textChanged, this, &SettingsPage::search);
    connect(defaults, &QPushButton::clicked, this, &SettingsPage::restoreDefaults);
}

QWidget* SettingsPage::buildSections() {
    auto* content = new QWidget;
    content->setProperty("scrollBody", true);
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(24, 16, 24, 24);
    column->setSpacing(8);
    QList<QString> names;
    for (const SettingSpec& spec : Settings::specs()) {
        if (!names.contains(spec.section))
            names << spec.section;
    }
    for (const QString& name : std::as_const(names)) {
        QList<SettingRow*> rows;
        auto* body = new QWidget;
        auto* lines = new QVBoxLayout(body);
        lines->setContentsMargins(0, 0, 0, 0);
        lines->setSpacing(0);
        for (const SettingSpec& spec : Settings::specs()) {
            if (spec.section != name)
                continue;
            auto* row = new SettingRow(context().themes, context().settings, spec);
            connect(row, &SettingRow::engineRestartWanted, this, [this] { context().engine.start(); });
            lines->addWidget(row);
            rows << row;
        }
        addSection(name, body, rows, column);
    }
    shortcuts_ = new ShortcutList(context().themes, context().actions);
    addSection(kShortcuts, shortcuts_, {}, column);
    nothing_ = new QLabel(QStringLiteral("No setting matches. Try fewer words, or clear the search."));
    nothing_->setProperty("tone", "muted");
    nothing_->hide();
    column->addWidget(nothing_);
    column->addStretch(1);
    scroll_ = new QScrollArea;
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setWidget(content);
    scroll_->setAccessibleName(QStringLiteral("Settings"));
    content->setMaximumWidth(kContentWidth + 48);
    return scroll_;
}

void SettingsPage::addSection(const QString& name, QWidget* body, const QList<SettingRow*>& rows,
                              QVBoxLayout* column) {
    auto* title = new QLabel(name);
    title->setProperty("tone", "title");
    title->setContentsMargins(0, sections_.isEmpty() ? 0 : 14, 0, 2);
    auto* card = new QFrame;
    card->setProperty("surface", "card");
    auto* inside = new QVBoxLayout(card);
    inside->setContentsMargins(1, 1, 1, 1);
    inside->addWidget(body);
    column->addWidget(title);
    column->addWidget(card);
    sections_ << Section{.name = name, .card = card, .title = title, .rows = rows};
}

void SettingsPage::activated() {
    list_->setFocus(Qt::OtherFocusReason);
    if (!context().settings.writable())
        context().notices.post({.id = "settings-readonly",
                                .severity = Severity::Warning,
                                .text = QStringLiteral("%1 cannot be written: changes last until the program ends.")
                                            .arg(context().settings.fileName()),
                                .details = {}});
}

void SettingsPage::search(const QString& words) {
    int shown = 0;
    for (Section& section : sections_) {
        int here = 0;
        for (SettingRow* row : std::as_const(section.rows)) {
            row->setVisible(row->matches(words));
            here += row->matches(words) ? 1 : 0;
        }
        if (section.name == kShortcuts)
            here = shortcuts_->filter(words);
        section.card->setVisible(here > 0);
        section.title->setVisible(here > 0);
        shown += here;
    }
    nothing_->setVisible(shown == 0);
}

void SettingsPage::restoreDefaults() {
    QHash<QString, QVariant> before;
    for (const SettingSpec& spec : Settings::specs()) {
        if (context().settings.isDefault(spec.key))
            continue;
        before[spec.key] = context().settings.value(spec.key);
        context().settings.reset(spec.key);
    }
    if (before.isEmpty())
        return;
    Settings& settings = context().settings;
    context().notices.post({.id = "settings-defaults",
                            .severity = Severity::Info,
                            .text = QStringLiteral("%1 settings are back to their defaults.").arg(before.size()),
                            .details = {},
                            .actions = {{QStringLiteral("Undo"),
                                         [&settings, before] {
                                             for (auto it = before.cbegin(); it != before.cend(); ++it)
                                                 settings.set(it.key(), it.value());
                                         }}},
                            .seconds = 20});
}

void SettingsPage::scrollTo(const QString& name) {
    for (const Section& section : std::as_const(sections_)) {
        if (section.name == name)
            scroll_->verticalScrollBar()->setValue(section.title->y() - 12);
    }
}

void SettingsPage::editShortcut(const QString& action) {
    search_->clear();
    layout()->activate();
    list_->setCurrentRow(list_->count() - 1);
    scroll_->ensureWidgetVisible(shortcuts_);
    shortcuts_->edit(action);
}

QList<PictureScene> SettingsPage::pictureScenes() {
    return {{QStringLiteral("settings"), [this](const std::function<void()>& ready) {
                 list_->setCurrentRow(0);
                 ready();
             }}};
}

} // namespace fulgurite
