// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/map_tiles.h"

#include "ui/base/background.h"
#include "ui/inspect/inspection_source.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

MapStyle mapStyle(const Theme& theme, LayerKind kind, double most, int stamp) {
    return {.scale = kind == LayerKind::Softmax ? ColorScale::sequential(theme, Role::Softmax, 0, most)
                                                : ColorScale::diverging(theme, most),
            .beyond = theme.color(Role::Grid).rgb(),
            .stamp = stamp};
}

double usualMagnitude(const capture::AttentionTile& tile) {
    std::vector<float> magnitudes;
    for (const float cell : tile.cells) {
        if (!std::isnan(cell) && cell != 0) {
            magnitudes.push_back(std::abs(cell));
        }
    }
    if (magnitudes.empty()) {
        return static_cast<double>(tile.max_abs);
    }
    const auto rank = magnitudes.begin() + static_cast<std::ptrdiff_t>((magnitudes.size() - 1) * 199 / 200);
    std::nth_element(magnitudes.begin(), rank, magnitudes.end());
    return static_cast<double>(*rank);
}

QImage mapImage(const capture::AttentionTile& tile, const MapStyle& style) {
    QImage image(static_cast<int>(tile.cols), static_cast<int>(tile.rows), QImage::Format_RGB32);
    for (std::size_t row = 0; row < tile.rows; ++row) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(static_cast<int>(row)));
        const float* cells = tile.cells.data() + row * tile.cols;
        for (std::size_t col = 0; col < tile.cols; ++col) {
            line[col] = std::isnan(cells[col]) ? style.beyond : style.scale.at(cells[col]);
        }
    }
    return image;
}

capture::AttentionTile pooledBy(const capture::AttentionTile& tile, std::size_t factor) {
    capture::AttentionTile far = emptyTile({tile.head, tile.pool * factor, tile.first_row, tile.rows * tile.pool,
                                            tile.first_col, tile.cols * tile.pool},
                                           tile.kind);
    // Not owned: it outlives the call.
    mergeInto(far, {ExactMaps::Block(ExactMaps::Block(), &tile)});
    return far;
}

std::size_t MapTiles::rowStep(std::size_t pool) {
    const std::size_t side = kSide * pool;
    return std::clamp<std::size_t>(side * side >> 24, 1, pool);
}

MapTiles::MapTiles(QObject* parent) : QObject(parent) {
    refine_.setSingleShot(true);
    refine_.setInterval(200);
    connect(&refine_, &QTimer::timeout, this, &MapTiles::refine);
}

MapTiles::~MapTiles() {
    if (exact_) {
        exact_->want(this, {});
        exact_->hold(this, false);
    }
}

void MapTiles::setSource(InspectionSource* source) {
    if (exact_) {
        exact_->want(this, {});
        exact_->hold(this, false);
        disconnect(exact_, nullptr, this, nullptr);
    }
    source_ = source;
    exact_ = source ? &ExactMaps::of(*source) : nullptr;
    if (exact_) {
        connect(exact_, &ExactMaps::arrived, this, &MapTiles::refineSoon);
        connect(exact_, &ExactMaps::failed, this, &MapTiles::failed);
    }
    wanted_.clear();
    refining_ = false;
    ++generation_;
    tiles_.clear();
    queue_.clear();
    in_flight_.clear();
    asked_ = 0;
}

void MapTiles::setStyle(const MapStyle& style) {
    style_ = style;
}

const MapTiles::Tile* MapTiles::find(const MapTileKey& key) {
    const auto found = tiles_.find(key);
    if (found == tiles_.end()) {
        return nullptr;
    }
    found->second.used = ++clock_;
    return &found->second;
}

const MapTiles::Tile* MapTiles::nearest(MapTileKey key) {
    const std::size_t row = key.row * key.pool;
    const std::size_t col = key.col * key.pool;
    for (int step = 0; step < 12; ++step) {
        if (const Tile* tile = find(key)) {
            return tile;
        }
        key.pool *= 2;
        key.row = row / key.pool;
        key.col = col / key.pool;
    }
    return nullptr;
}

void MapTiles::want(std::vector<MapTileKey> keys) {
    queue_.clear();
    wanted_ = std::move(keys);
    for (auto key = wanted_.rbegin(); key != wanted_.rend(); ++key) {
        const Tile* tile = find(*key);
        if (tile && tile->stamp != style_.stamp) {
            paint(*key, tile->data);
        } else if (!tile && std::find(in_flight_.begin(), in_flight_.end(), *key) == in_flight_.end()) {
            queue_.push_back(*key);
        }
    }
    pump();
    wantExact();
}

MapArea MapTiles::areaOf(const MapTileKey& key) const {
    const std::size_t span = kSide * key.pool;
    const std::size_t tokens = source_->info().tokens;
    return {key.head,       key.pool,
            key.row * span, std::min(span, tokens - key.row * span),
            key.col * span, std::min(span, tokens - key.col * span)};
}

// What is sampled and in sight, once it is there: the person sees something first.
void MapTiles::wantExact() {
    if (!exact_) {
        return;
    }
    std::vector<MapArea> areas;
    for (const MapTileKey& key : wanted_) {
        const auto tile = tiles_.find(key);
        if (tile != tiles_.end() && !tile->second.exact) {
            areas.push_back(areaOf(key));
        }
    }
    exact_->want(this, std::move(areas));
    exact_->hold(this, waiting());
    refineSoon(); // with what was computed for another view
}

ExactMaps::Progress MapTiles::exactness() const {
    std::vector<MapArea> areas;
    for (const MapTileKey& key : wanted_) {
        const auto tile = tiles_.find(key);
        if (rowStep(key.pool) > 1 && (tile == tiles_.end() || !tile->second.exact)) {
            areas.push_back(areaOf(key));
        }
    }
    return exact_ && !areas.empty() ? exact_->progress(areas) : ExactMaps::Progress{};
}

void MapTiles::refineSoon() {
    if (!refine_.isActive()) {
        refine_.start();
    }
}

// Repaints the pieces in sight with the exact blocks that have come since.
void MapTiles::refine() {
    std::vector<std::pair<Painted, std::vector<ExactMaps::Block>>> work;
    for (const MapTileKey& key : wanted_) {
        const auto tile = tiles_.find(key);
        if (!exact_ || tile == tiles_.end() || tile->second.exact) {
            continue;
        }
        std::vector<ExactMaps::Block> blocks = exact_->blocks(areaOf(key));
        if (blocks.size() != tile->second.merged) {
            Painted painted{key, tile->second};
            painted.tile.merged = blocks.size();
            painted.tile.exact = exact_->progress({areaOf(key)}).complete();
            work.emplace_back(std::move(painted), std::move(blocks));
        }
    }
    if (work.empty() || refining_) {
        return;
    }
    refining_ = true;
    inBackground(
        this,
        [work = std::move(work), style = style_] {
            std::vector<Painted> all;
            for (const auto& [painted, blocks] : work) {
                auto merged = std::make_shared<capture::AttentionTile>(*painted.tile.data);
                mergeInto(*merged, blocks);
                if (painted.tile.exact) {
                    merged->row_step = 1;
                    merged->provenance = capture::Provenance::Recomputed;
                }
                all.push_back(painted);
                all.back().tile.image = mapImage(*merged, style);
                all.back().tile.stamp = style.stamp;
                all.back().tile.data = std::move(merged);
            }
            return all;
        },
        [this, generation = generation_](std::vector<Painted> all) {
            if (generation != generation_) {
                return;
            }
            refining_ = false;
            for (Painted& painted : all) {
                if (const auto tile = tiles_.find(painted.key); tile != tiles_.end()) {
                    painted.tile.used = tile->second.used;
                    tile->second = std::move(painted.tile);
                }
            }
            emit arrived();
            refineSoon(); // for what came meanwhile
        });
}

void MapTiles::pump() {
    while (source_ && asked_ < kMostAsked && !queue_.empty()) {
        const MapTileKey key = queue_.back();
        queue_.pop_back();
        ask(key);
    }
}

void MapTiles::ask(const MapTileKey& key) {
    const std::size_t span = kSide * key.pool;
    const std::size_t tokens = source_->info().tokens;
    if (key.row * span >= tokens || key.col * span >= tokens) {
        return;
    }
    ++asked_;
    in_flight_.push_back(key);
    const MapArea area = areaOf(key);
    const capture::TileRequest request{.first_row = area.first_row,
                                       .rows = area.rows,
                                       .first_col = area.first_col,
                                       .cols = area.cols,
                                       .row_step = rowStep(key.pool),
                                       .pool = key.pool};
    source_->tile(key.head, request,
                  [self = QPointer(this), generation = generation_,
                   key](const client::Outcome<capture::AttentionTile>& outcome) {
                      if (!self || generation != self->generation_) {
                          return;
                      }
                      --self->asked_;
                      if (outcome.ok()) {
                          self->paint(key, std::make_shared<const capture::AttentionTile>(outcome.value()));
                      } else {
                          std::erase(self->in_flight_, key);
                          self->queue_.clear();
                          emit self->failed(outcome.error());
                      }
                      self->pump();
                  });
}

void MapTiles::paint(const MapTileKey& key, std::shared_ptr<const capture::AttentionTile> data) {
    inBackground(
        this, [data, style = style_] { return mapImage(*data, style); },
        [this, key, data, generation = generation_, stamp = style_.stamp](QImage image) {
            if (generation != generation_) {
                return;
            }
            std::erase(in_flight_, key);
            Tile& tile = tiles_[key];
            const bool same = tile.data == data; // only its colours changed
            tile = Tile{data, std::move(image), stamp, ++clock_, data->row_step == 1, same ? tile.merged : 0};
            makeRoom();
            emit arrived();
            wantExact();
        });
}

void MapTiles::makeRoom() {
    while (tiles_.size() > kMostTiles) {
        tiles_.erase(std::min_element(tiles_.begin(), tiles_.end(),
                                      [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
    }
}

} // namespace fulgurite
