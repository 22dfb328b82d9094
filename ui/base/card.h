// SPDX-License-Identifier: GPL-3.0-or-later
// A surface with the house's panel header: title at left, a few words beside it, widgets at the right end, and
// below them what it holds, or a message in its place.
#pragma once

#include <QFrame>

#include <functional>

class QHBoxLayout;
class QLabel;
class QPushButton;
class QStackedWidget;

namespace fulgurite {

class ThemeManager;

class Card : public QFrame {
    Q_OBJECT

  public:
    Card(ThemeManager& themes, const QString& title, QWidget* parent = nullptr);

    void setNote(const QString& text); // small words after the title
    void addHeaderWidget(QWidget* widget);
    void setContent(QWidget* content); // once
    void showContent();
    // Words in the content's place; a button where `action` is not empty.
    void showMessage(const QString& text, const QString& action = {}, std::function<void()> run = {});
    QString messageText() const; // empty while the content shows

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void elideNote();

    QHBoxLayout* header_;
    QLabel* note_;
    QString note_text_;
    QStackedWidget* stack_;
    QLabel* message_;
    QPushButton* button_;
    std::function<void()> run_;
};

} // namespace fulgurite
