// SPDX-License-Identifier: GPL-3.0-or-later
// What an opened hit shows: the passage, the votes that make up its total, and the heads without which it would
// fall.
#pragma once

#include "ui/retrieve/retrieve_session.h"

#include <QFrame>

class QLabel;
class QPushButton;

namespace fulgurite {

class ThemeManager;

// The total as stacked parts: the strongest heads by number, the rest together.
class VoteParts : public QWidget {
    Q_OBJECT

  public:
    explicit VoteParts(ThemeManager& themes, QWidget* parent = nullptr);
    void setVotes(const std::vector<retrieval::HeadVote>& votes, const QColor& color, const QColor& rest);

  signals:
    void headChosen(int head);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;

  private:
    struct Part {
        int head; // -1: the rest
        int heads;
        double votes;
        QRectF rect; // of the last paint
    };
    ThemeManager& themes_;
    std::vector<Part> parts_;
    QColor color_;
    QColor rest_;
};

// From which rank to which: "2 -> 9" on a scale.
class RankScale : public QWidget {
    Q_OBJECT

  public:
    explicit RankScale(ThemeManager& themes, QWidget* parent = nullptr);
    void setFall(int before, int after, bool unvoted, const QColor& color); // from 1; equal: nothing moves

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    void paintMarkAt(QPainter& painter, QPointF at) const;

    ThemeManager& themes_;
    int before_ = 0;
    int after_ = 0;
    bool unvoted_ = false;
    QColor color_;
};

class HitDetail : public QFrame {
    Q_OBJECT

  public:
    HitDetail(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    // The selected hit, in a column of that width. Returns the height it needs. The heads that hold it up are
    // worked out on a worker and follow.
    int show(int width);
    // The heads that it names; empty: none.
    const std::vector<std::size_t>& group() const { return group_; }
    QString sentence() const; // "Without heads 5, 17, 40 it falls from 2 to 9"; empty while it is worked out

  signals:
    void citeWanted(std::int32_t document);
    void inspectWanted(int head);
    void explained();

  private:
    void explain(const RankColumn& column);
    void showFall(const retrieval::LeaveOut& fall);

    ThemeManager& themes_;
    RetrieveSession& session_;
    QLabel* passage_;
    VoteParts* parts_;
    QFrame* card_;
    QLabel* sentence_;
    RankScale* scale_;
    QPushButton* switch_off_;
    QPushButton* inspect_;
    std::vector<std::size_t> group_;
    quint64 asked_ = 0;
};

} // namespace fulgurite
