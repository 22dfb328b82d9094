// SPDX-License-Identifier: GPL-3.0-or-later
// What the model would say after each layer: the best candidates of every layer at one position, or the best one of
// every layer at a range of positions.
#pragma once

#include "core/probe/capture/views.h"
#include "ui/charts/plot_view.h"

#include <memory>

namespace fulgurite {

class CapturedTexts;

using LensPtr = std::shared_ptr<const capture::LensView>;

class LensPlot : public PlotView {
    Q_OBJECT

  public:
    enum class Mode { Candidates, Positions };

    LensPlot(ThemeManager& themes, CapturedTexts& texts, QWidget* parent = nullptr);

    void setLayers(std::vector<LayerKind> layers);
    // At the query, and the range that ends with it (by rising position); null or empty: not there yet.
    void setLens(LensPtr lens);
    void setPositions(std::vector<LensPtr> range);
    void setMode(Mode mode);
    void setLayer(std::optional<int> layer);
    const LensPtr& lens() const { return lens_; }
    const std::vector<LensPtr>& positions() const { return range_of_positions_; }
    TableTwin table() const override;
    QSize sizeHint() const override;
    int fullHeight() const; // pixels that all rows take at their most; no use is made of more

  signals:
    // Layer 0 is the first of the model; the row of the embedding selects none.
    void layerChosen(std::optional<int> layer, bool walking);
    void positionChosen(std::size_t position);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF at) const override;
    void clicked(QPointF at, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void arrange();
    int rows() const { return static_cast<int>(layers_.size()) + 1; }
    int rowAt(double y) const;
    QRectF rowRect(int row) const;
    const capture::LensView* viewAt(double x) const;
    void paintRowNames(QPainter& painter);
    void paintCandidates(QPainter& painter);
    void paintPositions(QPainter& painter);
    void paintToken(QPainter& painter, const QRectF& box, const capture::LensCandidate& candidate, bool final_token,
                    bool with_figure);
    QString describe(const capture::LensView& view, int row) const;

    CapturedTexts& texts_;
    std::vector<LayerKind> layers_;
    LensPtr lens_;
    std::vector<LensPtr> range_of_positions_;
    Mode mode_ = Mode::Candidates;
    std::optional<int> layer_;
};

} // namespace fulgurite
