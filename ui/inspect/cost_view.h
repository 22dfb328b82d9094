// SPDX-License-Identifier: GPL-3.0-or-later
// The tab of the cost growth: of the released MiniMax-M1, of the captured model, or of the loaded one, whose steps
// the engine measures when it is asked to.
#pragma once

#include "ui/inspect/inspect_view.h"

#include <memory>

class QButtonGroup;
class QLabel;
class QPushButton;

namespace fulgurite {

class CostPlot;
class Courier;

class CostView : public InspectView {
    Q_OBJECT

  public:
    explicit CostView(const InspectServices& services);
    ~CostView() override;
    CostPlot& plot() { return *plot_; }

  protected:
    void sourceChanged() override;
    void showEvent(QShowEvent* event) override;

  private:
    void updateModels();
    void showModel();
    void askEngine(bool measure);
    void takeAnswer(bool ok, const QString& error, std::vector<capture::CostPoint> points);

    CostPlot* plot_;
    QLabel* note_;
    QPushButton* measure_;
    QButtonGroup* model_;
    QButtonGroup* quantity_;
    std::shared_ptr<Courier> courier_;
    std::vector<capture::CostPoint> loaded_; // of the engine's model; empty: not asked yet
    bool asked_ = false;
    quint64 engine_ = 0; // answers of an earlier engine are dropped
};

} // namespace fulgurite
