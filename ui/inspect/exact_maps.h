// SPDX-License-Identifier: GPL-3.0-or-later
// Far views of long texts, made exact behind what is shown. At first such a view is sampled: one query row out of
// many is computed, and a spike in a row between does not show. Behind it the same map is worked out with every
// query row, block by block; each block keeps the weight of largest magnitude in its cells, so that together they
// lose nothing, and is kept, so that farther views of the same head cost nothing more.
//
// What it costs: a product of query and key for each pair of tokens under the causal edge, once for a head (twice
// for softmax, whose denominators need a pass of their own): at 100,000 tokens 5e9 of them. At most kMostBytes of
// blocks are kept.
#pragma once

#include "core/base/error.h"
#include "core/probe/capture/views.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace fulgurite {

class InspectionSource;

// A rectangle of a head's map in tokens. `pool` is a power of two that divides where it begins.
struct MapArea {
    capture::HeadRef head;
    std::size_t pool = 1;
    std::size_t first_row = 0;
    std::size_t rows = 0;
    std::size_t first_col = 0;
    std::size_t cols = 0;
};

class ExactMaps : public QObject {
    Q_OBJECT

  public:
    using Block = std::shared_ptr<const capture::AttentionTile>;

    static constexpr std::size_t kMostBytes = std::size_t{128} << 20;

    // The one of a source, shared by all who look at it; goes with the source.
    static ExactMaps& of(InspectionSource& source);

    // What an asker wants to be exact, most important first; replaces what it wanted before. Work begins a moment
    // later, so that walking over heads starts none, and waits while `hold` is set by anybody.
    void want(const QObject* asker, std::vector<MapArea> areas);
    void hold(const QObject* asker, bool wait);

    // The blocks under an area that are there; all of them once progress() is complete.
    std::vector<Block> blocks(const MapArea& area);
    struct Progress {
        std::size_t done = 0; // blocks
        std::size_t total = 0;
        double seconds = 0; // that are left, by what the blocks so far took; 0 while none was measured
        bool complete() const { return done == total; }
    };
    Progress progress(const std::vector<MapArea>& areas) const;

  signals:
    void arrived();
    void failed(const fulgurite::Error& error);

  private:
    struct Key {
        capture::HeadRef head;
        std::size_t pool = 1; // of the cells that are kept
        std::size_t row = 0;  // of the grid of blocks
        std::size_t col = 0;
        auto operator<=>(const Key&) const = default;
    };
    struct Kept {
        Block block;
        quint64 used = 0;
    };
    // Tokens that a block covers.
    struct Shape {
        std::size_t rows = 0;
        std::size_t cols = 0;
    };

    explicit ExactMaps(InspectionSource& source);

    std::size_t keptPool(std::size_t pool) const;
    Shape shapeOf(const Key& key) const;
    template <class Visit>
    void forEachBlock(const MapArea& area, Visit visit) const;
    std::optional<Key> nextMissing() const;
    void next();
    void take(const Key& key, Block block);
    void makeRoom();

    InspectionSource& source_;
    std::vector<std::pair<const QObject*, std::vector<MapArea>>> wanted_;
    std::vector<const QObject*> holding_;
    std::map<Key, Kept> kept_;
    std::size_t bytes_ = 0;
    quint64 clock_ = 0;
    bool asked_ = false;
    QTimer start_;
    QElapsedTimer since_asked_;
    double products_ = 0; // computed so far, and what they took
    double seconds_ = 0;
};

// An area with nothing in it: what blocks are merged into.
capture::AttentionTile emptyTile(const MapArea& area, LayerKind kind);

// Each cell of `tile` keeps the value of largest magnitude of its own and the blocks' under it. The pools of the
// blocks divide that of the tile.
void mergeInto(capture::AttentionTile& tile, const std::vector<ExactMaps::Block>& blocks);

} // namespace fulgurite
