// SPDX-License-Identifier: GPL-3.0-or-later
// The ledger: what the cascade has cost over its life against encoding everything with its last encoder, how much
// of the library the queries have touched, the totals of each stage, and this query cold, as it was, and warm.
#pragma once

#include "ui/base/card.h"

class QButtonGroup;
class QLabel;
class QTableWidget;

namespace fulgurite {

class CascadeSearch;
class LinePlot;

class LedgerView : public Card {
    Q_OBJECT

  public:
    LedgerView(ThemeManager& themes, CascadeSearch& search);

    LinePlot& costs() { return *costs_; }
    LinePlot& touched() { return *touched_; }
    QString figure(int which) const; // as it stands: factor, closed form, touched, break-even

  private:
    void showLedger();
    void showFigures();
    void showCosts();
    void showTouched();
    void showStages();
    void showQuery();
    bool inFlops() const;
    QString costText(double value) const;

    ThemeManager& themes_;
    CascadeSearch& search_;
    QLabel* figures_[4];
    QLabel* captions_[4];
    QButtonGroup* unit_;
    LinePlot* costs_;
    LinePlot* touched_;
    QTableWidget* stages_;
    QTableWidget* query_;
};

} // namespace fulgurite
