// SPDX-License-Identifier: GPL-3.0-or-later
// One of the MRAG project's plots: boxes, lines or bars in panels side by side, one panel for each number of
// aspects, with the 95 % interval of every mean. The numbers are those that `fulgurite-engine eval --plots` writes.
#pragma once

#include "core/retrieval/results/result_figures.h"
#include "ui/charts/plot_view.h"

#include <memory>
#include <vector>

namespace fulgurite {

class ResultPlot : public PlotView {
    Q_OBJECT

  public:
    explicit ResultPlot(ThemeManager& themes, QWidget* parent = nullptr);

    // `source`: the file or record that the numbers are from. Null: nothing is shown.
    void setFigure(std::shared_ptr<const retrieval::Figure> figure, const QString& source);
    const retrieval::Figure* figure() const { return figure_.get(); }
    // Where the keyboard is, from 0 over all panels; -1: nowhere.
    int column() const { return column_; }

    TableTwin table() const override;
    QSize sizeHint() const override { return {640, 220}; }
    QSize minimumSizeHint() const override { return {260, 110}; }

  signals:
    void stepWanted(int by); // to another plot

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    std::optional<QPointF> walkPoint() const override;

  private:
    // One tick of one panel; ticks are one unit wide.
    struct Column {
        std::size_t panel = 0;
        std::size_t tick = 0;
        double x = 0; // its middle
    };
    int nearestColumn(double x) const;
    double beside(std::size_t series, std::size_t count) const; // from a column's middle
    QString describe(const Column& column) const;
    void paintHead(QPainter& painter) const;
    void paintAxes(QPainter& painter) const;
    void paintPanelNames(QPainter& painter) const;
    void paintSeries(QPainter& painter, const retrieval::FigurePanel& panel, std::size_t series, double left) const;
    void paintInterval(QPainter& painter, const retrieval::FigureMark& mark, double x, const QColor& color) const;
    void paintBox(QPainter& painter, const retrieval::FigureMark& mark, double x, double half, const QColor& color,
                  bool hatched) const;
    void paintBar(QPainter& painter, const retrieval::FigureMark& mark, double x, double half, const QColor& color,
                  bool hatched) const;

    std::shared_ptr<const retrieval::Figure> figure_;
    QString source_;
    retrieval::FigureRange scale_;
    std::vector<Column> columns_;
    std::vector<double> lefts_; // of each panel
    int column_ = -1;
};

} // namespace fulgurite
