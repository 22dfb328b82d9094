// SPDX-License-Identifier: GPL-3.0-or-later
// Pieces of token x token maps: fetched when they are looked at, turned into images on a worker, and kept while
// there is room. Far pieces come sampled at first and become exact behind (exact_maps.h).
#pragma once

#include "core/base/error.h"
#include "core/probe/capture/views.h"
#include "ui/charts/scales.h"
#include "ui/inspect/exact_maps.h"

#include <QImage>
#include <QObject>
#include <QPointer>

#include <map>
#include <memory>
#include <vector>

namespace fulgurite {

class InspectionSource;

// Colours of one head's map.
struct MapStyle {
    ColorScale scale;
    QRgb beyond = 0; // behind the causal edge: not defined, which is not zero
    int stamp = 0;   // another one whenever something above differs
};
QImage mapImage(const capture::AttentionTile& tile, const MapStyle& style);
// The same map with cells `factor` times as long and as high, a power of two: the largest magnitudes stay.
capture::AttentionTile pooledBy(const capture::AttentionTile& tile, std::size_t factor);

// The style of a map whose largest magnitude is `most`: signed and symmetric for lightning, from zero for softmax.
MapStyle mapStyle(const Theme& theme, LayerKind kind, double most, int stamp);

// The magnitude that all but one cell in two hundred stay under: a range in which more than the diagonal is seen.
double usualMagnitude(const capture::AttentionTile& tile);

struct MapTileKey {
    capture::HeadRef head;
    std::size_t pool = 1; // a power of two: tokens a cell
    std::size_t row = 0;  // of the grid of tiles
    std::size_t col = 0;
    auto operator<=>(const MapTileKey&) const = default;
};

class MapTiles : public QObject {
    Q_OBJECT

  public:
    static constexpr std::size_t kSide = 256; // cells

    struct Tile {
        std::shared_ptr<const capture::AttentionTile> data;
        QImage image;
        int stamp = -1; // of the style that the image has
        quint64 used = 0;
        bool exact = true;      // every query row is in it
        std::size_t merged = 0; // exact blocks in one that is not yet
    };

    explicit MapTiles(QObject* parent = nullptr);
    ~MapTiles() override;

    void setSource(InspectionSource* source);
    void setStyle(const MapStyle& style);
    const MapStyle& style() const { return style_; }

    // What is visible, most important first; replaces what was wanted before. Tiles of another style are
    // repainted.
    void want(std::vector<MapTileKey> keys);
    // How far the wanted pieces that were sampled are exact; nothing is left when all are.
    ExactMaps::Progress exactness() const;
    bool waiting() const { return !in_flight_.empty() || !queue_.empty(); }
    const Tile* find(const MapTileKey& key);
    // The key's tile, or the nearest coarser one over its corner; null when there is neither.
    const Tile* nearest(MapTileKey key);
    // Every how many query rows a tile of this pool is computed: far views of long texts are sampled, so that one
    // tile never costs more than 2^24 products of a query and a key, or one query for each row of cells.
    static std::size_t rowStep(std::size_t pool);

  signals:
    void arrived();
    void failed(const fulgurite::Error& error);

  private:
    static constexpr int kMostAsked = 2;
    static constexpr std::size_t kMostTiles = 160; // about 80 MB

    // What a worker made of a piece.
    struct Painted {
        MapTileKey key;
        Tile tile;
    };
    MapArea areaOf(const MapTileKey& key) const;
    void refineSoon();
    void refine();
    void wantExact();
    void pump();
    void ask(const MapTileKey& key);
    void paint(const MapTileKey& key, std::shared_ptr<const capture::AttentionTile> data);
    void makeRoom();

    InspectionSource* source_ = nullptr;
    quint64 generation_ = 0;
    MapStyle style_{.scale = {}};
    std::map<MapTileKey, Tile> tiles_;
    std::vector<MapTileKey> queue_; // the next at the end
    std::vector<MapTileKey> in_flight_;
    int asked_ = 0;
    quint64 clock_ = 0;
    std::vector<MapTileKey> wanted_;
    QPointer<ExactMaps> exact_;
    QTimer refine_; // so that blocks do not repaint a piece one by one
    bool refining_ = false;
};

} // namespace fulgurite
