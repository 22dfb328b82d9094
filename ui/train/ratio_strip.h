// SPDX-License-Identifier: GPL-3.0-or-later
// The importance ratio of each token of an answer as bars from 1 on a logarithmic axis; what lies above the cap is
// only outlined, since it has no weight.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/train/rollout_data.h"

namespace fulgurite {

class RatioStrip : public PlotView {
    Q_OBJECT

  public:
    explicit RatioStrip(ThemeManager& themes, QWidget* parent = nullptr);

    void setAnswer(const std::vector<AnswerToken>& tokens, double cap);
    void setCurrent(int token);

    TableTwin table() const override;

  signals:
    void tokenChosen(int token);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;

  private:
    std::shared_ptr<const std::vector<AnswerToken>> tokens_ = std::make_shared<const std::vector<AnswerToken>>();
    double cap_ = 5;
    int current_ = -1;
};

} // namespace fulgurite
