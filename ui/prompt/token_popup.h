// SPDX-License-Identifier: GPL-3.0-or-later
// What else could have stood here: the alternatives of one token, before and after the samplers, on one scale. A
// child of the transcript, so that it also works where programs may not place windows.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QFrame>
#include <QHash>

class QKeyEvent;
class QLabel;
class QPushButton;

namespace fulgurite {

// One alternative as it is drawn.
struct PopupRow {
    TokenChoice choice;
    double before = 0; // probability
    double after = 0;
    bool listed = false; // among the alternatives after the samplers
    bool cut = false;    // the samplers removed it
    bool sampled = false;
};

// Rows by falling probability before the samplers; the sampled token is always one of them.
QList<PopupRow> popupRows(const TokenView& token);

class TokenPopup : public QFrame {
    Q_OBJECT

  public:
    explicit TokenPopup(const ThemeManager& themes, QWidget* parent);

    // `position`: of the token in the whole context; `sampler`: heads the right column.
    void setToken(TokenRef ref, const TokenView& token, int position, const QString& sampler);
    TokenRef token() const { return ref_; }
    // What going on from here would cost; until it is known the footer says so.
    void setCost(int tokens, double seconds);
    // Why nothing can go on from here now; empty: it can.
    void setObstacle(const QString& why);
    // Alternatives that already have a branch, by token id.
    void setBranches(const QHash<int, QString>& branches);
    bool pinned() const { return pinned_; }
    void setPinned(bool pinned);
    int currentRow() const { return current_; }
    const QList<PopupRow>& rows() const { return rows_; }
    // Keys that the transcript passes on. True when used.
    bool takeKey(QKeyEvent* event);
    QString asText() const; // tab separated, with a header line

  signals:
    void branchRequested(fulgurite::TokenRef token, const fulgurite::TokenChoice& choice);
    void dismissed();
    void pointerEntered();
    void pointerLeft();

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    QRect rowRect(int row) const; // of a visible row
    int rowAt(QPoint point) const;
    void setCurrent(int row);
    void branch();
    void applyLayout();
    void showObstacle();
    void describe();
    void paintHeader(QPainter& painter) const;
    void paintRow(QPainter& painter, int row) const;

    const ThemeManager& themes_;
    TokenRef ref_;
    TokenView token_;
    int position_ = 0;
    QString sampler_;
    QList<PopupRow> rows_;
    QHash<int, QString> branches_;
    QString obstacle_;
    int current_ = 0;
    int first_visible_ = 0;
    bool pinned_ = false;
    QPushButton* branch_ = nullptr;
    QPushButton* copy_ = nullptr;
    QPushButton* pin_ = nullptr;
    QLabel* cost_ = nullptr;
};

} // namespace fulgurite
