// SPDX-License-Identifier: GPL-3.0-or-later
// The rail of pages at the left edge.
#pragma once

#include <QFrame>
#include <QHash>

class QToolButton;
class QVBoxLayout;

namespace fulgurite {

class ThemeManager;
struct PageInfo;

class SideRail : public QFrame {
    Q_OBJECT

  public:
    SideRail(ThemeManager& themes, const QList<PageInfo>& pages, QWidget* parent = nullptr);

    void select(const QString& page);

  signals:
    void pageChosen(const QString& page);

  protected:
    void keyPressEvent(QKeyEvent* event) override;

  private:
    void fitToText();

    ThemeManager& themes_;
    QHash<QString, QToolButton*> buttons_;
};

} // namespace fulgurite
