// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page's part of the header row: which runs file, how fresh it is, import, a new run.
#pragma once

#include <QWidget>

class QMenu;
class QPushButton;

namespace fulgurite {

class LivePill;
class RunFeed;
class ThemeManager;

class TrainHeader : public QWidget {
    Q_OBJECT

  public:
    TrainHeader(ThemeManager& themes, RunFeed& feed, QWidget* parent = nullptr);

    void setFileMenu(QMenu* menu);
    void setImportMenu(QMenu* menu);
    void setFile(const QString& file); // empty: none is open
    void setNewRunEnabled(bool enabled, const QString& reason);
    LivePill& pill() { return *pill_; }

  signals:
    void newRunWanted();

  private:
    QPushButton* file_;
    LivePill* pill_;
    QPushButton* import_;
    QPushButton* new_run_;
};

} // namespace fulgurite
