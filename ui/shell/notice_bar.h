// SPDX-License-Identifier: GPL-3.0-or-later
// The notices in force, in rows under the header: text that can be copied, what can be done, and a way to put it
// away.
#pragma once

#include <QWidget>

class QVBoxLayout;

namespace fulgurite {

class Notices;
class ThemeManager;
struct Notice;

class NoticeBar : public QWidget {
    Q_OBJECT

  public:
    NoticeBar(ThemeManager& themes, Notices& notices, QWidget* parent = nullptr);

  private:
    void rebuild();
    QWidget* makeRow(const Notice& notice);

    ThemeManager& themes_;
    Notices& notices_;
    QVBoxLayout* rows_;
};

} // namespace fulgurite
