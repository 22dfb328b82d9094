// SPDX-License-Identifier: GPL-3.0-or-later
// What an intervention does to each token of an answer: KL of the next-token distributions above, change of the
// token's log-probability below. One pixel column shows the largest of the tokens under it, so that no spike is
// lost.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/inspect/ablation_model.h"

namespace fulgurite {

class AblationPlot : public PlotView {
    Q_OBJECT

  public:
    AblationPlot(ThemeManager& themes, const AblationModel& model, QWidget* parent = nullptr);

    void setSelected(std::optional<std::size_t> position);
    TableTwin table() const override { return model_.twin(); }
    QSize sizeHint() const override { return {600, 190}; }
    QSize minimumSizeHint() const override { return {260, 130}; }

  signals:
    void chosen(std::size_t position);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers) override;
    bool walk(QKeyEvent* event) override;
    std::optional<QPointF> walkPoint() const override;

  private:
    void modelChanged();
    int tokens() const;
    int tokenAt(QPointF data) const; // -1: none
    QRectF upper() const;
    QRectF lower() const;
    void paintAxes(QPainter& painter) const;

    const AblationModel& model_;
    std::optional<std::size_t> selected_;
    double most_kl_ = 0;
    double most_delta_ = 0;
};

} // namespace fulgurite
