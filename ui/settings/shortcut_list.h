// SPDX-License-Identifier: GPL-3.0-or-later
// All actions with their shortcuts; each can be changed, cleared or set back.
#pragma once

#include <QWidget>

class QKeySequenceEdit;
class QLabel;
class QPushButton;
class QTreeWidget;
class QTreeWidgetItem;

namespace fulgurite {

class ActionRegistry;
class ThemeManager;

class ShortcutList : public QWidget {
    Q_OBJECT

  public:
    ShortcutList(ThemeManager& themes, ActionRegistry& actions, QWidget* parent = nullptr);

    // Selects the action and waits for the new keys.
    void edit(const QString& action);
    // Shows only actions whose title or keys contain the words; returns how many.
    int filter(const QString& words);

  private:
    void fill();
    void updateRow(const QString& action);
    void select();
    void apply();
    QString selected() const;

    ThemeManager& themes_;
    ActionRegistry& actions_;
    QTreeWidget* tree_;
    QKeySequenceEdit* keys_;
    QPushButton* set_;
    QPushButton* clear_;
    QPushButton* reset_;
    QLabel* message_;
    QString words_;
};

} // namespace fulgurite
