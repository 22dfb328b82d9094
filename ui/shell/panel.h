// SPDX-License-Identifier: GPL-3.0-or-later
// A dock widget with the house's 34 px header.
#pragma once

#include <QDockWidget>

class QHBoxLayout;
class QLabel;
class QToolButton;

namespace fulgurite {

class ThemeManager;

class Panel : public QDockWidget {
    Q_OBJECT

  public:
    Panel(ThemeManager& themes, const QString& id, const QString& title, QWidget* parent = nullptr);

    // Puts a widget in the place of the title: a row of tabs, a search field. The header stays as a handle to drag.
    void setHeaderWidget(QWidget* widget);
    // Adds a small button at the right end of the header.
    void addHeaderButton(QWidget* button);

  private:
    void updateButtons(bool floating);

    ThemeManager& themes_;
    QHBoxLayout* header_;
    QLabel* title_;
    QToolButton* detach_;
    QToolButton* hide_;
};

} // namespace fulgurite
