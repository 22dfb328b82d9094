// SPDX-License-Identifier: GPL-3.0-or-later
// The panel with the decay-horizon map: needs only the shape of a model, so it shows without a capture too.
#pragma once

#include "ui/inspect/decay_plot.h"
#include "ui/inspect/inspect_view.h"

class QButtonGroup;
class QLabel;

namespace fulgurite {

class DecayView : public InspectView {
    Q_OBJECT

  public:
    explicit DecayView(const InspectServices& services);
    DecayPlot& plot() { return *plot_; }

  signals:
    void openConfigWanted();

  protected:
    void decayChanged() override;

    void resizeEvent(QResizeEvent* event) override;

  private:
    DecayPlot* plot_;
    QLabel* origin_;
    QButtonGroup* reach_;
};

} // namespace fulgurite
