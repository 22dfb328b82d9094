// SPDX-License-Identifier: GPL-3.0-or-later
// A panel of the page: a header with its name, a note and its own controls, and the content below.
#pragma once

#include <QFrame>

class QHBoxLayout;
class QLabel;

namespace fulgurite {

class ThemeManager;

class Card : public QFrame {
    Q_OBJECT

  public:
    Card(ThemeManager& themes, const QString& title, QWidget* content, QWidget* parent = nullptr);

    void setNote(const QString& note);     // right of the title, in small type
    void addHeaderWidget(QWidget* widget); // at the right end
    void setTitleWidget(QWidget* widget);  // in the title's place: a row of tabs
    QWidget* content() const { return content_; }

  private:
    QHBoxLayout* header_;
    QLabel* title_;
    QLabel* note_;
    QWidget* content_;
};

} // namespace fulgurite
