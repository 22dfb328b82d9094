// SPDX-License-Identifier: GPL-3.0-or-later
// "Go to or run...": a field and a list over the window, for everything the program can do.
#pragma once

#include "ui/shell/palette_model.h"

#include <QFrame>
#include <QPointer>
#include <QWidget>

class QLabel;
class QLineEdit;
class QListView;

namespace fulgurite {

class ThemeManager;

// Covers its parent while open; the panel itself stands near the top.
class CommandPalette : public QWidget {
    Q_OBJECT

  public:
    CommandPalette(ThemeManager& themes, ActionRegistry& actions, QWidget* parent);

    PaletteModel& model() { return *model_; }
    void open(const QString& query = {});
    // Gives the focus back to where it was.
    void close();
    bool runCurrent();
    double openMilliseconds() const { return open_milliseconds_; } // of the latest open(), until painted

  signals:
    void shortcutChangeWanted(const QString& action);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    bool eventFilter(QObject* object, QEvent* event) override;

  private:
    void search(const QString& query);
    void place();
    void buildFooter(QFrame* footer);
    bool handleKey(int key, Qt::KeyboardModifiers modifiers);

    ThemeManager& themes_;
    ActionRegistry& actions_;
    PaletteModel* model_;
    QFrame* panel_;
    QLineEdit* field_;
    QLabel* count_;
    QListView* list_;
    QFrame* footer_;
    QLabel* empty_;
    QPointer<QWidget> focus_before_;
    double open_milliseconds_ = 0;
};

} // namespace fulgurite
