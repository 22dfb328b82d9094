// SPDX-License-Identifier: GPL-3.0-or-later
// The tab of the lens: what the model would say after each layer. Where there is room the candidates at one
// position stand over the best of several; elsewhere a switch chooses.
#pragma once

#include "ui/inspect/captured_texts.h"
#include "ui/inspect/inspect_view.h"
#include "ui/inspect/lens_plot.h"

class QLabel;

namespace fulgurite {

class LensPanel : public InspectView {
    Q_OBJECT

  public:
    explicit LensPanel(const InspectServices& services);
    LensPlot& plot() { return *plot_; }
    LensPlot& positions() { return *below_; } // shown where there is room for both
    void setMode(LensPlot::Mode mode);

  protected:
    void sourceChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void connectPlot(LensPlot* plot);
    void fitPlots();
    void askLens();
    void showNote();
    void askRange(std::size_t position);

    CapturedTexts texts_;
    LensPlot* plot_;
    LensPlot* below_;
    QWidget* rest_; // takes what neither needs
    QLabel* note_;
    QWidget* segments_;
    Question question_ = 0;
    quint64 range_question_ = 0;
    std::optional<std::size_t> position_; // shown or asked for
};

} // namespace fulgurite
