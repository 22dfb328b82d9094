// SPDX-License-Identifier: GPL-3.0-or-later
// The 44 px row over a page: its name or its own widgets at left, the field that opens the palette at right.
#pragma once

#include <QFrame>

class QHBoxLayout;
class QLabel;
class QPushButton;

namespace fulgurite {

class Page;
class ThemeManager;

class HeaderRow : public QFrame {
    Q_OBJECT

  public:
    explicit HeaderRow(ThemeManager& themes, QWidget* parent = nullptr);

    // `page_widget` may be null. It goes back to being hidden when another page comes.
    void show(const QString& title, QWidget* page_widget);
    void setTitle(const QString& title);
    void setPaletteShortcut(const QKeySequence& keys);

  signals:
    void paletteWanted();

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    ThemeManager& themes_;
    QHBoxLayout* row_;
    QLabel* title_;
    QWidget* page_widget_ = nullptr;
    QPushButton* field_;
    QLabel* field_text_;
    QWidget* caps_ = nullptr;
};

} // namespace fulgurite
