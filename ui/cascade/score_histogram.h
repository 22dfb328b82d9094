// SPDX-License-Identifier: GPL-3.0-or-later
// The scores of one stage, what fell in grey and what went on in the stage's colour, with the cut as a line that
// can be dragged. Encoders' scores are not comparable, so every stage has an axis of its own.
#pragma once

#include "core/client/cascade_types.h"
#include "ui/charts/plot_view.h"

#include <optional>

namespace fulgurite {

class ScoreHistogram : public PlotView {
    Q_OBJECT

  public:
    ScoreHistogram(ThemeManager& themes, const QString& name, QWidget* parent = nullptr);

    // `log_counts`: for first stages, where a handful of images stands against all of them.
    void setReport(const client::CascadeStageReport* report, const QColor& color, bool log_counts);
    // Where the selected image stands here; `fell`: it does not go on.
    void setMark(std::optional<double> score, bool fell);
    // The count that the line stands for: of the answer, or where it is being dragged to.
    std::size_t keep() const { return keep_; }
    void setKeep(std::size_t keep);
    TableTwin table() const override;

  signals:
    void keepMoved(std::size_t keep); // while it is dragged
    void keepChosen(std::size_t keep);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF at) const override;
    bool walk(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;

  private:
    double height(std::size_t count) const; // on the axis
    std::optional<double> scoreOf(std::size_t keep) const;
    std::size_t keepAt(double score) const;
    double cutPixel() const;
    bool nearCut(QPointF at) const;
    bool cuts() const { return report_.out < report_.in && report_.cut_score.has_value(); }

    client::CascadeStageReport report_;
    QColor color_;
    bool log_ = false;
    std::size_t keep_ = 0;
    std::size_t chosen_ = 0; // before the drag
    bool dragging_ = false;
    std::optional<double> mark_;
    bool mark_fell_ = false;
};

} // namespace fulgurite
