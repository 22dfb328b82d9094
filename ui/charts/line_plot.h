// SPDX-License-Identifier: GPL-3.0-or-later
// Lines over one axis, linear or logarithmic: with bands, dashes or points alone, and horizontal lines with a word.
// For some hundred points a line; charts of long runs have a level of detail of their own.
#pragma once

#include "ui/charts/plot_view.h"

#include <functional>
#include <vector>

namespace fulgurite {

struct PlotLine {
    QString name;
    std::function<QColor(const ThemeManager&)> color;
    std::vector<QPointF> points;                      // of rising x
    std::vector<std::pair<double, double>> band = {}; // low and high at each point; empty: none
    Qt::PenStyle style = Qt::SolidLine;               // NoPen: points alone
    double width = 1.8;
    bool marks = false; // a disc at each point
};

struct PlotRule {
    double y = 0;
    QString text;
};

class LinePlot : public PlotView {
    Q_OBJECT

  public:
    LinePlot(ThemeManager& themes, const QString& name, QWidget* parent = nullptr);

    void setAxes(const QString& x, const QString& y, bool log_x);
    // How values of y read in ticks, the readout and assistive technology.
    void setValueText(std::function<QString(double)> text) { value_text_ = std::move(text); }
    void setData(std::vector<PlotLine> lines, std::vector<PlotRule> rules = {});
    // A square mark: break-even, the settings in force.
    void setSpot(std::optional<QPointF> spot, const QString& text = {});
    TableTwin table() const override;
    QSize minimumSizeHint() const override;

  signals:
    void pointChosen(int line, int point);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF at) const override;
    void clicked(QPointF at, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    std::optional<QPointF> walkPoint() const override;

  private:
    QPointF onAxes(QPointF data) const; // with the logarithm of x where the axis has it
    double xValue(double axis) const;
    std::pair<int, int> nearest(QPointF pixel) const; // line and point; -1: none
    void paintAxes(QPainter& painter);
    void paintLine(QPainter& painter, const PlotLine& line);
    void paintLegend(QPainter& painter);
    QString describe(int line, int point) const;

    std::vector<PlotLine> lines_;
    std::vector<PlotRule> rules_;
    QString x_name_;
    QString y_name_;
    bool log_x_ = false;
    std::function<QString(double)> value_text_;
    std::optional<QPointF> spot_;
    QString spot_text_;
    std::pair<int, int> current_{-1, -1};
};

} // namespace fulgurite
