// SPDX-License-Identifier: GPL-3.0-or-later
// Layers x heads by how far back a head sees, or by any figure of the table. By reach, softmax layers are lines,
// not cells: they have no half-life. Under the map a histogram stands on the ramp. decay_plot_paint.cpp draws.
#pragma once

#include "core/probe/capture/decay.h"
#include "ui/charts/plot_view.h"
#include "ui/inspect/head_colouring.h"
#include "ui/inspect/selection.h"

#include <memory>

namespace fulgurite {

class DecayPlot : public PlotView {
    Q_OBJECT

  public:
    // What the colour stands for: tokens until half, a tenth or a hundredth of a weight is left.
    enum class Reach { Half, Tenth, Hundredth };

    DecayPlot(ThemeManager& themes, Selection& selection, QWidget* parent = nullptr);

    void setMap(const capture::DecayMap& map);
    void setReach(Reach reach);
    Reach reach() const { return reach_; }
    // Colours by a figure of the table; null: by reach. The table must have a head for each of the map's.
    void setFigure(const HeadColumn* figure, std::shared_ptr<const capture::HeadTable> table);
    const HeadColouring& grid() const { return grid_; }
    double reachOf(capture::HeadRef head) const; // tokens, infinity for softmax
    TableTwin table() const override;
    QSize sizeHint() const override { return {364, 392}; }
    QSize minimumSizeHint() const override { return {220, 200}; }

  signals:
    void figureStepped(int by); // C and Shift+C

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    std::optional<QPointF> walkPoint() const override;
    void addToMenu(QMenu& menu) override;

  private:
    int layers() const { return static_cast<int>(map_.layers.size()); }
    std::optional<capture::HeadRef> headAt(QPointF data) const;
    QRectF cellRect(capture::HeadRef head) const;
    QString headValue(capture::HeadRef head) const;
    void rescale();
    double valueOf(capture::HeadRef head) const;
    bool byReach() const { return grid_.figure == nullptr; }
    void paintCells(QPainter& painter) const;
    void paintContour(QPainter& painter, double tokens) const;
    void paintAxes(QPainter& painter) const;
    void paintRamp(QPainter& painter) const;
    void paintRampWords(QPainter& painter, const QRectF& side, double ramp_middle, double ramp_bottom) const;

    Selection& selection_;
    capture::DecayMap map_;
    Reach reach_ = Reach::Half;
    const HeadColumn* figure_ = nullptr;
    std::shared_ptr<const capture::HeadTable> table_;
    HeadColouring grid_;
    bool rising_ = true; // reach rises with the head's number
    int below_ = 0;      // per cent of the lightning heads whose reach is under 64 tokens
};

} // namespace fulgurite
