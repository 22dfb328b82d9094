// SPDX-License-Identifier: GPL-3.0-or-later
// What each head is worth in an evaluation: how the weighted ratio under MRAG changes when the head is left out,
// with its 95 % interval. A bar below zero is a head that is missed.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/charts/plot_view.h"

#include <memory>

namespace fulgurite {

class HeadWorthChart : public PlotView {
    Q_OBJECT

  public:
    explicit HeadWorthChart(ThemeManager& themes, QWidget* parent = nullptr);

    void setEvaluation(std::shared_ptr<const client::Evaluation> evaluation); // null: none
    void setHead(int head);                                                   // the chosen one; -1: none
    int head() const { return head_; }
    TableTwin table() const override;
    QSize sizeHint() const override { return {420, 130}; }
    QSize minimumSizeHint() const override { return {220, 90}; }

  signals:
    void headChosen(int head);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;

  private:
    int heads() const { return evaluation_ ? static_cast<int>(evaluation_->without_head.size()) : 0; }
    const client::Interval& change(int head) const {
        return evaluation_->without_head[static_cast<std::size_t>(head)];
    }
    int headAt(double x) const; // -1: none there
    void paintAxes(QPainter& painter) const;

    std::shared_ptr<const client::Evaluation> evaluation_;
    int head_ = -1;
};

} // namespace fulgurite
