// SPDX-License-Identifier: GPL-3.0-or-later
// How often each expert is chosen, beside its fair share: bars over the whole capture, of one layer or of all.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/inspect/expert_palette.h"

#include "core/probe/capture/views.h"

#include <memory>

namespace fulgurite {

struct LoadFigures {
    std::vector<double> share;       // [E] of all choices
    std::vector<double> mean_weight; // [E] of a choice; 0 where there was none
    std::vector<std::uint64_t> times;
    double fair = 0;         // 1 / E
    double entropy_bits = 0; // of the shares
    double most_bits = 0;    // log2(E)
    std::vector<int> hot;    // by falling share
    std::vector<int> dead;   // by rising share
};
// An expert is hot from this many fair shares on, and dead below this part of one.
inline constexpr double kHotShare = 1.5;
inline constexpr double kDeadShare = 0.1;
// Of one layer, or of all layers together.
LoadFigures loadFigures(const capture::RoutingSummary& summary, std::optional<int> layer);

class ExpertLoad : public PlotView {
    Q_OBJECT

  public:
    explicit ExpertLoad(ThemeManager& themes, QWidget* parent = nullptr);

    void setFigures(const LoadFigures& figures);
    void setPalette(const ExpertPalette& palette);
    void setExpert(std::optional<int> expert);
    const LoadFigures& figures() const { return figures_; }
    // "fair share 3.1 % · entropy 4.9 of 5 bits · 1 hot, 1 dead".
    QString summary() const;
    TableTwin table() const override;
    QSize sizeHint() const override;

  signals:
    void expertChosen(std::optional<int> expert);

  protected:
    void paintPlot(QPainter& painter) override;
    QString valueAt(QPointF at) const override;
    void clicked(QPointF at, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;

  private:
    int count() const { return static_cast<int>(figures_.share.size()); }
    QString describe(int expert) const;
    void paintNames(QPainter& painter);

    LoadFigures figures_;
    ExpertPalette palette_;
    std::optional<int> expert_;
};

} // namespace fulgurite
