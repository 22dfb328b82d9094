// SPDX-License-Identifier: GPL-3.0-or-later
// What one more token costs as the context grows, for the hybrid model and its all-softmax twin, on logarithmic
// axes; measured steps as points.
#pragma once

#include "core/probe/capture/views.h"
#include "ui/charts/plot_view.h"

namespace fulgurite {

class CostPlot : public PlotView {
    Q_OBJECT

  public:
    enum class Quantity { Operations, Bytes, Seconds };

    explicit CostPlot(ThemeManager& themes, QWidget* parent = nullptr);

    // The closed form of a model: at least two points by rising context. Costs are straight lines over the context,
    // so the ends give them at any; the axis ends with the last point. Points with seconds are measured steps.
    void setCurve(std::vector<capture::CostPoint> points);
    void setQuantity(Quantity quantity);
    Quantity quantity() const { return quantity_; }
    bool hasMeasured() const { return !measured_.empty(); }
    capture::CostPoint at(std::size_t context) const;
    // Where the twin becomes dearer, and by how much at the end.
    QString summary() const;
    TableTwin table() const override;
    QSize sizeHint() const override;

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF at) const override;

  private:
    struct Series {
        Role role;
        QString name;
        double (*value)(const capture::CostPoint&);
    };
    std::vector<Series> series() const;
    void arrange();
    QString describe(const capture::CostPoint& point) const;
    QString unitText(double value) const;

    capture::CostPoint begin_; // two points of the lines
    capture::CostPoint end_;
    std::size_t last_ = 0; // 0: nothing to draw
    std::vector<capture::CostPoint> measured_;
    Quantity quantity_ = Quantity::Operations;
};

} // namespace fulgurite
