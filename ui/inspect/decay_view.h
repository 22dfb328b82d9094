// SPDX-License-Identifier: GPL-3.0-or-later
// The panel with the grid of layers x heads. By the reach of the decay it needs only the shape of a model, so it
// shows without a capture too; with one it can be coloured by any figure of the table at the chosen token.
#pragma once

#include "ui/inspect/decay_plot.h"
#include "ui/inspect/inspect_view.h"

class QButtonGroup;
class QComboBox;
class QLabel;

namespace fulgurite {

class DecayView : public InspectView {
    Q_OBJECT

  public:
    explicit DecayView(const InspectServices& services);
    DecayPlot& plot() { return *plot_; }
    // "entropy"; empty or "half": the reach of the decay.
    void setFigure(const QString& key);
    QJsonObject saveState() const override;
    void restoreState(const QJsonObject& state) override;

  signals:
    void openConfigWanted();

  protected:
    void decayChanged() override;
    void sourceChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    const HeadColumn* figure() const; // null: the reach
    void showFigure();
    void ask();

    DecayPlot* plot_;
    QLabel* origin_;
    QButtonGroup* reach_;
    QWidget* reach_buttons_;
    QComboBox* figures_;
    Question question_ = 0;
    std::shared_ptr<const capture::HeadTable> table_;
    std::optional<std::size_t> asked_; // position of table_, or of the one that is on its way
};

} // namespace fulgurite
