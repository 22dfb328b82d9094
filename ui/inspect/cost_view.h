// SPDX-License-Identifier: GPL-3.0-or-later
// The tab of the cost growth: of the captured model, or of the released MiniMax-M1.
#pragma once

#include "ui/inspect/inspect_view.h"

#include "core/probe/capture/costs.h"

class QButtonGroup;
class QLabel;

namespace fulgurite {

class CostPlot;

class CostView : public InspectView {
    Q_OBJECT

  public:
    explicit CostView(const InspectServices& services);
    CostPlot& plot() { return *plot_; }
    // Decode steps of the loaded model that an engine measured.
    void setMeasured(std::vector<capture::CostPoint> points);

  protected:
    void sourceChanged() override;

  private:
    void showModel();

    CostPlot* plot_;
    QLabel* note_;
    QButtonGroup* model_;
    QButtonGroup* quantity_;
    std::vector<capture::CostPoint> measured_;
};

} // namespace fulgurite
