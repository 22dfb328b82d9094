// SPDX-License-Identifier: GPL-3.0-or-later
// Registration, shortcuts and use of actions.
#include "ui/shell/action_registry.h"

#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"

#include <QWidget>

namespace fulgurite {

ActionRegistry::ActionRegistry(Settings& settings, ThemeManager& themes, QObject* parent)
    : QObject(parent), settings_(settings), themes_(themes) {}

QAction* ActionRegistry::add(const ActionSpec& spec, QWidget* where, std::function<void()> handler) {
    Q_ASSERT(!entries_.contains(spec.id));
    auto* action = new QAction(spec.title, where);
    action->setObjectName(spec.id);
    action->setCheckable(spec.checkable);
    if (!spec.icon.isEmpty())
        action->setIcon(themes_.icon(spec.icon));
    action->setShortcutContext(Qt::WindowShortcut);
    const QHash<QString, QString> own = settings_.shortcuts();
    const auto changed = own.constFind(spec.id);
    const bool has_own = changed != own.constEnd();
    action->setShortcut(has_own ? QKeySequence(*changed, QKeySequence::PortableText) : spec.shortcut);
    where->addAction(action);
    connect(action, &QAction::triggered, this, [this, id = spec.id, run = std::move(handler)] {
        recent_.removeAll(id);
        recent_.prepend(id);
        run();
    });
    connect(action, &QObject::destroyed, this, [this, id = spec.id] {
        entries_.remove(id);
        order_.removeAll(id);
        announce();
    });
    Entry& entry = entries_[spec.id];
    entry = {.spec = spec, .action = action, .reason = {}, .own_shortcut = has_own};
    order_ << spec.id;
    applyTip(entry);
    announce();
    return action;
}

// Later and once for many: pages register dozens at a time, and a page that goes away is half taken apart while its
// actions leave.
void ActionRegistry::announce() {
    if (std::exchange(announced_, true))
        return;
    QMetaObject::invokeMethod(
        this,
        [this] {
            announced_ = false;
            emit listChanged();
        },
        Qt::QueuedConnection);
}

void ActionRegistry::applyTip(Entry& entry) {
    QString tip = entry.spec.title;
    tip.remove(QStringLiteral("..."));
    if (!entry.action->shortcut().isEmpty())
        tip += QStringLiteral(" (%1)").arg(entry.action->shortcut().toString(QKeySequence::NativeText));
    if (!entry.reason.isEmpty())
        tip += QLatin1Char('\n') + entry.reason;
    entry.action->setToolTip(tip);
    entry.action->setStatusTip(entry.reason);
}

void ActionRegistry::setEnabled(const QString& id, bool enabled, const QString& reason) {
    auto entry = entries_.find(id);
    if (entry == entries_.end())
        return;
    entry->action->setEnabled(enabled);
    entry->reason = enabled ? QString() : reason;
    applyTip(*entry);
    emit stateChanged(id);
}

QAction* ActionRegistry::action(const QString& id) const {
    const auto entry = entries_.constFind(id);
    return entry == entries_.constEnd() ? nullptr : entry->action.data();
}

const ActionSpec& ActionRegistry::spec(const QString& id) const {
    static const ActionSpec none;
    const auto entry = entries_.constFind(id);
    return entry == entries_.constEnd() ? none : entry->spec;
}

QString ActionRegistry::reason(const QString& id) const {
    return entries_.value(id).reason;
}

bool ActionRegistry::run(const QString& id) {
    QAction* wanted = action(id);
    if (!wanted || !wanted->isEnabled())
        return false;
    const QString page = spec(id).page;
    if (!page.isEmpty())
        emit pageWanted(page);
    wanted->trigger();
    return true;
}

QString ActionRegistry::conflict(const QString& id, const QKeySequence& keys) const {
    if (keys.isEmpty())
        return {};
    const QString page = spec(id).page;
    for (const QString& other : order_) {
        const QString other_page = spec(other).page;
        const bool can_meet = page.isEmpty() || other_page.isEmpty() || page == other_page;
        if (other == id || !can_meet)
            continue;
        for (const QKeySequence& taken : action(other)->shortcuts()) {
            // A partial match is as bad: the longer sequence could never be typed.
            if (!taken.isEmpty() &&
                (taken.matches(keys) != QKeySequence::NoMatch || keys.matches(taken) != QKeySequence::NoMatch))
                return other;
        }
    }
    return {};
}

bool ActionRegistry::rebind(const QString& id, const QKeySequence& keys) {
    auto entry = entries_.find(id);
    if (entry == entries_.end() || !conflict(id, keys).isEmpty())
        return false;
    entry->action->setShortcut(keys);
    entry->own_shortcut = keys != entry->spec.shortcut;
    if (entry->own_shortcut)
        settings_.setShortcut(id, keys.toString(QKeySequence::PortableText));
    else
        settings_.resetShortcut(id);
    applyTip(*entry);
    emit stateChanged(id);
    return true;
}

void ActionRegistry::resetShortcut(const QString& id) {
    auto entry = entries_.find(id);
    if (entry == entries_.end())
        return;
    entry->action->setShortcut(entry->spec.shortcut);
    entry->own_shortcut = false;
    settings_.resetShortcut(id);
    applyTip(*entry);
    emit stateChanged(id);
}

void ActionRegistry::resetAllShortcuts() {
    for (const QString& id : std::as_const(order_))
        resetShortcut(id);
}

bool ActionRegistry::hasOwnShortcut(const QString& id) const {
    return entries_.value(id).own_shortcut;
}

void ActionRegistry::addPaletteSource(const PaletteSource& source) {
    palette_sources_.removeIf([&source](const PaletteSource& old) { return old.prefix == source.prefix; });
    palette_sources_ << source;
}

} // namespace fulgurite
