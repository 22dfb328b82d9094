// SPDX-License-Identifier: GPL-3.0-or-later
// A lost node as a state, not a dialog: how long until the next try, why, what is paused and that nothing is lost,
// with buttons to try at once, to move to another node, and to stop. The same for a node that is there and has no
// place for an answer that is to go on.
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

    // Shows itself while the link is lost, or an answer waits for its node, and hides otherwise. `paused`: what
    // waits for it, as a sentence.
    void watch(NodeLink* link, const QString& name);
    void setPaused(const QString& paused);
    // An answer that is asked for again in `left` of `of` seconds, after so many tries; 0: none.
    void setWait(int left, int of, int tries, const QString& why);
    // "Move to NAME...": shown where another node has the model.
    void setOther(const QString& name);

  signals:
    void moveWanted();
    void stopped();   // the person does not wait for it
    void nowWanted(); // the answer that waits for its node is to be asked for at once
    void shownChanged();

  private:
    bool lost() const;
    bool trying() const;
    void refresh();
    void showLost();
    void showWait();

    ThemeManager& themes_;
    QPointer<NodeLink> link_;
    struct Wait {
        int left = 0;
        int of = 0;
        int tries = 0;
        QString why;
    } wait_;
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
