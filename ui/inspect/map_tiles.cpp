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

std::size_t MapTiles::rowStep(std::size_t pool) {
    const std::size_t side = kSide * pool;
    return std::clamp<std::size_t>(side * side >> 24, 1, pool);
}

void MapTiles::setSource(InspectionSource* source) {
    source_ = source;
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
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
        const Tile* tile = find(*key);
        if (tile && tile->stamp != style_.stamp) {
            paint(*key, tile->data);
        } else if (!tile && std::find(in_flight_.begin(), in_flight_.end(), *key) == in_flight_.end()) {
            queue_.push_back(*key);
        }
    }
    pump();
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
    const std::size_t first_row = key.row * span;
    const std::size_t first_col = key.col * span;
    if (first_row >= tokens || first_col >= tokens) {
        return;
    }
    ++asked_;
    in_flight_.push_back(key);
    const std::size_t rows = std::min(span, tokens - first_row);
    const std::size_t cols = std::min(span, tokens - first_col);
    // So many cells that those of a short tile at the end cover as many tokens as their neighbours.
    const std::size_t cells = (std::max(rows, cols) + key.pool - 1) / key.pool;
    source_->tile(key.head, first_row, rows, first_col, cols, cells, rowStep(key.pool),
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
            tiles_[key] = Tile{data, std::move(image), stamp, ++clock_};
            makeRoom();
            emit arrived();
        });
}

void MapTiles::makeRoom() {
    while (tiles_.size() > kMostTiles) {
        tiles_.erase(std::min_element(tiles_.begin(), tiles_.end(),
                                      [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
    }
}

} // namespace fulgurite
