// SPDX-License-Identifier: GPL-3.0-or-later
// What holds for all charts: smoothing, horizontal axis, logarithms, band, members, overlays, and one more chart.
#pragma once

#include "ui/train/run_board.h"

#include <QWidget>

class QButtonGroup;
class QCheckBox;
class QComboBox;
class QHBoxLayout;
class QLabel;
class QMenu;
class QPushButton;
class QSlider;

namespace fulgurite {

class ThemeManager;

class TrainToolbar : public QWidget {
    Q_OBJECT

  public:
    TrainToolbar(ThemeManager& themes, RunBoard& board, QWidget* parent = nullptr);

    QSize minimumSizeHint() const override; // what remains when all that can be has folded away

  signals:
    void chartWanted(); // the list of series
    void paperFigureChosen(int figure);

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    QButtonGroup* addSegments(QHBoxLayout* row, const QStringList& names, bool exclusive, const QString& what);
    void take();         // from the widgets to the board
    void showSettings(); // the other way
    void fold();

    ThemeManager& themes_;
    RunBoard& board_;
    bool showing_ = false;
    QButtonGroup* smoothing_;
    QSlider* weight_;
    QLabel* weight_text_;
    QButtonGroup* axis_;
    QButtonGroup* logs_;
    QComboBox* band_;
    QCheckBox* members_;
    QCheckBox* paper_;
    QComboBox* figure_;
    QPushButton* add_;
    bool folding_ = false;
    std::vector<QWidget*> foldable_; // hidden from the last on when there is no room
};

} // namespace fulgurite
