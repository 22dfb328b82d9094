// SPDX-License-Identifier: GPL-3.0-or-later
// Which strategies stand side by side, each with its mark; greyed with the reason where one cannot be used.
#pragma once

#include <QHash>
#include <QStringList>
#include <QWidget>

class QCheckBox;

namespace fulgurite {

class ThemeManager;

class StrategyPanel : public QWidget {
    Q_OBJECT

  public:
    StrategyPanel(ThemeManager& themes, QWidget* parent = nullptr);

    QStringList chosen() const;
    void setChosen(const QStringList& ids); // does not emit
    // Empty: it can be used.
    void setObstacle(const QString& id, const QString& reason);

  signals:
    void changed(const QStringList& ids);

  private:
    void addRow(const QString& id);

    ThemeManager& themes_;
    QStringList order_;
    QHash<QString, QCheckBox*> boxes_;
};

} // namespace fulgurite
