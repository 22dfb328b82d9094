// SPDX-License-Identifier: GPL-3.0-or-later
// One term of a search: its weight, its words or image, and a cross.
#pragma once

#include "core/client/cascade_types.h"

#include <QWidget>

namespace fulgurite {

class ThemeManager;

class TermChip : public QWidget {
    Q_OBJECT

  public:
    explicit TermChip(ThemeManager& themes, QWidget* parent = nullptr);

    void setTerm(const client::CascadeTerm& term);
    QSize sizeHint() const override;

  signals:
    void weightChosen(double weight);
    void removed();

  protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;

  private:
    QString weightText() const;
    QString words() const;
    QRectF cross() const;
    void askWeight();

    ThemeManager& themes_;
    client::CascadeTerm term_;
};

} // namespace fulgurite
