// SPDX-License-Identifier: GPL-3.0-or-later
// The tab of the lens: what the model would say after each layer.
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
    void setMode(LensPlot::Mode mode);

  protected:
    void sourceChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;
    void showEvent(QShowEvent* event) override;

  private:
    void askLens();
    void showNote();
    void askRange(std::size_t position);

    CapturedTexts texts_;
    LensPlot* plot_;
    QLabel* note_;
    QWidget* segments_;
    Question question_ = 0;
    quint64 range_question_ = 0;
    std::optional<std::size_t> position_; // shown or asked for
};

} // namespace fulgurite
