// SPDX-License-Identifier: GPL-3.0-or-later
// The whole text as one band: what is visible below, how far back the selected head sees from the query, the marked
// fact and what is left of it.
#pragma once

#include "core/probe/capture/decay.h"
#include "ui/charts/plot_view.h"
#include "ui/inspect/selection.h"

namespace fulgurite {

class OverviewBand : public PlotView {
    Q_OBJECT

  public:
    OverviewBand(ThemeManager& themes, Selection& selection, QWidget* parent = nullptr);

    void setText(std::size_t tokens, std::optional<std::pair<std::size_t, std::size_t>> fact);
    void setDecay(const capture::DecayMap& map);
    void setVisibleTokens(std::pair<std::size_t, std::size_t> visible);
    // "50 / 10 / 1 % at 22 / 73 / 146 back"; what the band says about the marked fact or the source token.
    QString reachText() const;
    QString distanceNote() const;
    TableTwin table() const override;
    QSize sizeHint() const override { return {800, 40}; }

  signals:
    void placeWanted(std::size_t token); // to be shown

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;

  private:
    double rate() const; // of the selected head; 0: none, or it does not decay
    void paintReach(QPainter& painter) const;
    void paintAxis(QPainter& painter) const;
    void paintNote(QPainter& painter) const;

    Selection& selection_;
    capture::DecayMap map_;
    std::size_t tokens_ = 0;
    std::optional<std::pair<std::size_t, std::size_t>> fact_;
    std::pair<std::size_t, std::size_t> visible_{0, 0};
};

} // namespace fulgurite
