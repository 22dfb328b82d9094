// SPDX-License-Identifier: GPL-3.0-or-later
// A lost node as a state, not a dialog: how long until the next try, why, what is paused and that nothing is lost,
// with buttons to try at once, to move to another node, and to stop.
#pragma once

#include <QFrame>
#include <QPointer>
#include <QString>

class QLabel;
class QPushButton;

namespace fulgurite {

class NodeLink;
class ThemeManager;

// The seconds that are left as a number in a ring that empties.
class CountdownRing : public QWidget {
    Q_OBJECT

  public:
    explicit CountdownRing(ThemeManager& themes, QWidget* parent = nullptr);
    void setSeconds(int left, int of);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    ThemeManager& themes_;
    int left_ = 0;
    int of_ = 1;
};

class ReconnectNotice : public QFrame {
    Q_OBJECT

  public:
    explicit ReconnectNotice(ThemeManager& themes, QWidget* parent = nullptr);

    // Shows itself while the link is lost and hides otherwise. `paused`: what waits for it, as a sentence.
    void watch(NodeLink* link, const QString& name);
    void setPaused(const QString& paused);
    // "Move to NAME...": shown where another node has the model.
    void setOther(const QString& name);

  signals:
    void moveWanted();
    void stopped(); // the person does not wait for it
    void shownChanged();

  private:
    void refresh();

    ThemeManager& themes_;
    QPointer<NodeLink> link_;
    QString name_;
    QString paused_;
    CountdownRing* ring_;
    QLabel* title_;
    QLabel* cause_;
    QLabel* text_;
    QPushButton* now_;
    QPushButton* move_;
    QPushButton* stop_;
    QString announced_;
};

} // namespace fulgurite
