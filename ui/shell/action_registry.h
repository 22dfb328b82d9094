// SPDX-License-Identifier: GPL-3.0-or-later
// Every action of every page: what the menus, the palette and the shortcut settings list.
#pragma once

#include <QAction>
#include <QHash>
#include <QKeySequence>
#include <QList>
#include <QObject>
#include <QPointer>

#include <functional>

namespace fulgurite {

class Settings;
class ThemeManager;

struct ActionSpec {
    QString id;       // "prompt.branch"; never changes, shortcuts are stored under it
    QString title;    // "Branch from here": a verb first, as a menu shows it
    QString category; // "File", "Edit", "View", "Prompt", "Engine", "Help": its menu
    QString icon = {};
    QKeySequence shortcut = {};
    QString page = {};     // the page that must be in front when it runs; empty: any
    QString keywords = {}; // other words a person may type to find it
    bool checkable = false;
};

// Something else to go to, reached by a prefix: '@' lists conversations, for example.
struct PaletteItem {
    QString title;
    QString note;
    QString icon;
    std::function<void()> run;
};

struct PaletteSource {
    QChar prefix;
    QString hint; // in the palette's foot: "conversation"
    std::function<QList<PaletteItem>(const QString& query)> find;
};

class ActionRegistry : public QObject {
    Q_OBJECT

  public:
    ActionRegistry(Settings& settings, ThemeManager& themes, QObject* parent = nullptr);

    // The shortcut works while `where` is visible; the action goes with it.
    QAction* add(const ActionSpec& spec, QWidget* where, std::function<void()> handler);
    // A disabled action keeps its place everywhere and shows the reason.
    void setEnabled(const QString& id, bool enabled, const QString& reason = {});
    QAction* action(const QString& id) const; // null: no such action
    const ActionSpec& spec(const QString& id) const;
    QString reason(const QString& id) const; // why it is disabled; empty when enabled
    // In the order of registration.
    const QStringList& ids() const { return order_; }

    // Runs it as from a menu; asks for its page first. False when disabled or unknown.
    bool run(const QString& id);
    // 0: used last, 1: the one before; -1: not used in this session.
    int recency(const QString& id) const { return static_cast<int>(recent_.indexOf(id)); }

    // The action that already has these keys and could be in reach at the same time; empty when none.
    QString conflict(const QString& id, const QKeySequence& keys) const;
    // Keeps the new keys. False, and nothing happens, when there is a conflict.
    bool rebind(const QString& id, const QKeySequence& keys);
    void resetShortcut(const QString& id);
    void resetAllShortcuts();
    bool hasOwnShortcut(const QString& id) const;

    // Takes the place of a source with the same prefix.
    void addPaletteSource(const PaletteSource& source);
    const QList<PaletteSource>& paletteSources() const { return palette_sources_; }

  signals:
    void pageWanted(const QString& page);
    void listChanged(); // actions came or went; told from the event loop
    void stateChanged(const QString& id);

  private:
    struct Entry {
        ActionSpec spec;
        QPointer<QAction> action;
        QString reason;
        bool own_shortcut = false;
    };
    void announce();
    void applyTip(Entry& entry);

    Settings& settings_;
    ThemeManager& themes_;
    QHash<QString, Entry> entries_;
    QStringList order_;
    QStringList recent_;
    QList<PaletteSource> palette_sources_;
    bool announced_ = false;
};

} // namespace fulgurite
