// SPDX-License-Identifier: GPL-3.0-or-later
// Token x token map of the chosen head: query tokens downwards, source tokens to the right. Computed for what is
// looked at; far views keep every spike.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/inspect/map_tiles.h"

#include <algorithm>

namespace fulgurite {

class CapturedTexts;

// Pixels beside the map, at 100 %: its left edge is that of the tracks.
inline constexpr int kMapGutter = 66;
inline constexpr int kMapEdge = 8;

class TokenMap : public PlotView {
    Q_OBJECT

  public:
    TokenMap(ThemeManager& themes, CapturedTexts& texts, QWidget* parent = nullptr);

    void setSource(InspectionSource* source);
    // The old map stays, pale, until the first piece of the new one is there.
    void setHead(capture::HeadRef head, LayerKind kind);
    void setSelection(std::optional<std::size_t> query, std::optional<std::size_t> source);
    // Under the tracks: the columns follow theirs, a token is as high as wide, and the query stands at the bottom.
    // Otherwise the map moves freely.
    void setFollowing(bool following);
    void setColumns(double first, double count);

    MapTiles& tiles() { return tiles_; }
    std::size_t pool() const;                // of the visible pieces
    double largest() const { return most_; } // magnitude seen of the head
    // Magnitude of the strongest colour: what all but a few of the cells first seen stay under; [ and ] change it.
    double colorRange() const { return range_ > 0 ? std::min(range_, most_) : most_; }
    // What the visible cells hold: "largest of 4 x 4 tokens", and while some of them are sampled how far they are
    // exact and what is left of the work; empty when each is one pair.
    QString coverage() const;
    TableTwin table() const override;
    QSize sizeHint() const override;

  signals:
    void cellChosen(std::size_t query, std::size_t source, bool walking);
    void failed(const fulgurite::Error& error);
    void coverageChanged();

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF at) const override;
    void clicked(QPointF at, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    void addToMenu(QMenu& menu) override;
    std::optional<QPointF> walkPoint() const override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

  private:
    std::vector<MapTileKey> visibleKeys() const;
    const MapTiles::Tile* tileAt(QPointF at) const;
    std::optional<float> cellAt(QPointF at) const;
    void wantVisible();
    void tileArrived();
    void restyle();
    void scaleColors(double factor);
    void placeRows();
    void paintTile(QPainter& painter, const MapTiles::Tile& tile, const MapTileKey& over, bool coarse);
    void paintGutter(QPainter& painter);
    void paintLegend(QPainter& painter);
    void askOverview();
    void refineOverview();
    void takeOverview(std::shared_ptr<const capture::AttentionTile> tile);
    MapArea overviewArea() const;

    CapturedTexts& texts_;
    InspectionSource* source_ = nullptr;
    mutable MapTiles tiles_;
    std::size_t tokens_ = 0;
    std::optional<capture::HeadRef> head_;  // wanted
    std::optional<capture::HeadRef> shown_; // whose pieces are painted
    LayerKind kind_ = LayerKind::Lightning;
    std::optional<std::size_t> query_;
    std::optional<std::size_t> source_token_;
    bool following_ = true;
    double most_ = 0;  // largest magnitude seen of the head
    double range_ = 0; // of the colours; 0: all of most_
    int stamp_ = 0;
    quint64 overview_question_ = 0;
    std::shared_ptr<const capture::AttentionTile> overview_data_;
    QImage overview_;           // the whole text, small
    QPointer<ExactMaps> exact_; // wants the overview on behalf of this map
};

} // namespace fulgurite
