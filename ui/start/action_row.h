// SPDX-License-Identifier: GPL-3.0-or-later
// A row that runs an action: icon, title, a line of explanation and the shortcut; the whole row is the target.
#pragma once

#include <QAbstractButton>

class QAction;

namespace fulgurite {

class ThemeManager;

class ActionRow : public QAbstractButton {
    Q_OBJECT

  public:
    ActionRow(ThemeManager& themes, QAction* action, const QString& icon, const QString& note,
              QWidget* parent = nullptr);

    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    ThemeManager& themes_;
    QAction* action_;
    QString icon_;
    QString note_;
};

} // namespace fulgurite
