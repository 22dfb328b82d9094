// SPDX-License-Identifier: GPL-3.0-or-later
// The maps of all heads of one layer as small pictures, each on its own scale; a click selects the head.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/inspect/exact_maps.h"
#include "ui/inspect/inspect_view.h"

#include <QImage>
#include <QPointer>

#include <map>

namespace fulgurite {

class LayerMaps : public PlotView {
    Q_OBJECT

  public:
    explicit LayerMaps(ThemeManager& themes, QWidget* parent = nullptr);

    // Null or empty: nothing yet; the old pictures pale meanwhile.
    void setMaps(std::shared_ptr<const std::vector<capture::AttentionTile>> maps, std::size_t tokens);
    void setHead(std::optional<capture::HeadRef> head);
    void waitForMaps() { setBusy(true); }
    int columns() const { return columns_; }
    const std::vector<capture::AttentionTile>& maps() const { return *maps_; } // while count() is not 0
    std::size_t count() const { return maps_ ? maps_->size() : 0; }
    bool painted() const { return count() > 0 && images_.size() == count(); }
    TableTwin table() const override;

  signals:
    void headChosen(fulgurite::capture::HeadRef head);
    void layerStepped(int by);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF at) const override;
    void clicked(QPointF at, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void arrange();
    void makeImages();
    QRectF cell(int index) const;
    int indexAt(QPointF at) const;

    std::shared_ptr<const std::vector<capture::AttentionTile>> maps_;
    std::vector<QImage> images_;
    std::size_t tokens_ = 0;
    std::optional<capture::HeadRef> head_;
    int columns_ = 1;
    std::size_t shrink_ = 1; // cells a pixel where a picture has fewer pixels than cells
    int stamp_ = 0;
};

class LayerMapsView : public InspectView {
    Q_OBJECT

  public:
    explicit LayerMapsView(const InspectServices& services);
    LayerMaps& maps() { return *maps_; }

  protected:
    void sourceChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

  private:
    using Tiles = std::vector<capture::AttentionTile>;
    void askMaps();
    void takeMaps(const Tiles& tiles);
    void leaveExact();
    void refine();
    std::vector<MapArea> sampledAreas() const;
    void showNote();

    LayerMaps* maps_;
    QLabel* note_;
    Question question_ = 0;
    std::optional<int> layer_;   // shown or asked for
    Tiles tiles_;                // of it
    std::map<int, Tiles> known_; // of layers that are exact: nothing has to be worked out again
    QPointer<ExactMaps> exact_;
    bool refining_ = false;
};

} // namespace fulgurite
