// SPDX-License-Identifier: GPL-3.0-or-later
// Which expert every token went to in every layer: tokens to the right, layers downwards, colour for the expert and
// brightness for its weight, the router's margin as a line below. Painted from images that workers make ahead.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/inspect/routing_store.h"

#include <algorithm>

namespace fulgurite {

class CapturedTexts;

class RoutingTimeline : public PlotView {
    Q_OBJECT

  public:
    RoutingTimeline(ThemeManager& themes, RoutingStore& store, CapturedTexts& texts, QWidget* parent = nullptr);

    // Shows the end of the text at four pixels a token.
    void setText(std::size_t tokens, std::vector<LayerKind> layers, int experts);
    void setRank(int rank); // -1: all
    void setExpert(std::optional<int> expert);
    void setLayer(std::optional<int> layer);
    void setLeastWeight(float least);
    void setTokens(std::optional<std::size_t> query, std::optional<std::size_t> source);
    void reveal(std::size_t token);

    const ExpertPalette& palette() const { return look_.palette; }
    std::size_t tokensPerColumn() const; // of the images in sight
    bool complete() const;               // all that is in sight is painted as it should be
    TableTwin table() const override;
    QSize sizeHint() const override;

  signals:
    void cellChosen(std::size_t token, int layer, bool as_query, bool walking);
    void expertChosen(std::optional<int> expert);
    void paletteChanged();

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF at) const override;
    void clicked(QPointF at, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    void addToMenu(QMenu& menu) override;
    std::optional<QPointF> walkPoint() const override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    struct Key {
        std::size_t per_column = 1; // a power of two
        std::size_t index = 0;      // of the tile
        auto operator<=>(const Key&) const = default;
    };
    struct Tile {
        RoutingStrip strip;
        int stamp = -1;
        quint64 used = 0;
    };
    static constexpr std::size_t kColumns = 512; // of a tile
    static constexpr std::size_t kMostSpan = std::size_t{1}
                                             << 16; // tokens under a tile: what it reads fits the store
    static constexpr std::size_t kMostTiles = 96;

    void showEnd();
    void restyle();
    void wantVisible();
    void startPainting();
    std::vector<Key> keysInSight(bool ahead) const;
    static std::size_t spanOf(std::size_t per_column) {
        return std::max(std::min(kColumns * per_column, kMostSpan), per_column);
    }
    static std::size_t spanOf(const Key& key) { return spanOf(key.per_column); }
    void paintTile(QPainter& painter, const Key& key, const Tile& tile);
    void paintMargin(QPainter& painter, const Key& key, const Tile& tile, double most);
    void paintLayers(QPainter& painter);
    void paintAxis(QPainter& painter);
    QRectF marginRect() const;
    double mostMargin() const; // in sight, as a round figure: the height of the margin line
    int layerAt(double y) const;
    std::optional<int> expertAt(std::size_t token, int layer) const;

    RoutingStore& store_;
    CapturedTexts& texts_;
    std::size_t tokens_ = 0;
    std::vector<LayerKind> layers_;
    int experts_ = 0;
    RoutingLook look_;
    std::optional<std::size_t> query_;
    std::optional<std::size_t> source_;
    std::map<Key, Tile> tiles_;
    std::set<Key> painting_;
    quint64 generation_ = 0; // of the text
    quint64 clock_ = 0;
    double last_width_ = 0;
};

} // namespace fulgurite
