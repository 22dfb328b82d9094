// SPDX-License-Identifier: GPL-3.0-or-later
// A metric over the number of aspects: for each strategy the mean with its bootstrap band, on a logarithmic axis.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/retrieve/evaluation_model.h"

namespace fulgurite {

class EvaluationChart : public PlotView {
    Q_OBJECT

  public:
    EvaluationChart(ThemeManager& themes, EvaluationModel& model, QWidget* parent = nullptr);

    TableTwin table() const override { return model_.twin(); }
    QSize sizeHint() const override { return {420, 130}; }
    QSize minimumSizeHint() const override { return {220, 90}; }

  signals:
    void aspectsChosen(int aspects);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers) override;
    bool walk(QKeyEvent* event) override;

  private:
    struct Line {
        std::string strategy;
        std::vector<const client::EvaluationRow*> rows; // by rising aspects
    };
    void rebuild();
    int nearestAspects(double x) const; // 0: none
    void paintLine(QPainter& painter, const Line& line) const;
    void paintNames(QPainter& painter) const;

    EvaluationModel& model_;
    std::vector<Line> lines_;
    std::vector<int> aspects_;
};

} // namespace fulgurite
