// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/exact_maps.h"

#include "ui/inspect/inspection_source.h"

#include <QPointer>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace fulgurite {
namespace {

constexpr int kStartDelay = 400; // ms
constexpr std::size_t kLeastPool = 32;
constexpr std::size_t kMostCells = std::size_t{4096} * 4096; // of a whole head: 32 MB under the causal edge
// Products of one request: an engine answers nothing else meanwhile, for about a tenth of a second.
constexpr std::size_t kProducts = std::size_t{1} << 24;
constexpr std::size_t kExactSide = 4096; // its root

} // namespace

capture::AttentionTile emptyTile(const MapArea& area, LayerKind kind) {
    capture::AttentionTile tile;
    tile.head = area.head;
    tile.kind = kind;
    tile.first_row = area.first_row;
    tile.first_col = area.first_col;
    tile.pool = area.pool;
    tile.rows = (area.rows + area.pool - 1) / area.pool;
    tile.cols = (area.cols + area.pool - 1) / area.pool;
    tile.cells.assign(tile.rows * tile.cols, std::numeric_limits<float>::quiet_NaN());
    return tile;
}

void mergeInto(capture::AttentionTile& tile, const std::vector<ExactMaps::Block>& blocks) {
    for (const ExactMaps::Block& block : blocks) {
        for (std::size_t r = 0; r < block->rows; ++r) {
            const std::size_t row = block->first_row + r * block->pool;
            if (row < tile.first_row || (row - tile.first_row) / tile.pool >= tile.rows) {
                continue;
            }
            float* line = tile.cells.data() + (row - tile.first_row) / tile.pool * tile.cols;
            const float* from = block->cells.data() + r * block->cols;
            for (std::size_t c = 0; c < block->cols; ++c) {
                const std::size_t col = block->first_col + c * block->pool;
                if (col < tile.first_col || (col - tile.first_col) / tile.pool >= tile.cols) {
                    continue;
                }
                float& cell = line[(col - tile.first_col) / tile.pool];
                if (!std::isnan(from[c]) && !(std::abs(cell) >= std::abs(from[c]))) { // true for a cell of NaN, too
                    cell = from[c];
                    tile.max_abs = std::max(tile.max_abs, std::abs(cell));
                }
            }
        }
    }
}

ExactMaps::ExactMaps(InspectionSource& source) : QObject(&source), source_(source) {
    start_.setSingleShot(true);
    start_.setInterval(kStartDelay);
    connect(&start_, &QTimer::timeout, this, &ExactMaps::next);
}

ExactMaps& ExactMaps::of(InspectionSource& source) {
    auto* found = source.findChild<ExactMaps*>(QString(), Qt::FindDirectChildrenOnly);
    return found ? *found : *new ExactMaps(source);
}

void ExactMaps::want(const QObject* asker, std::vector<MapArea> areas) {
    std::erase_if(wanted_, [asker](const auto& each) { return each.first == asker; });
    if (!areas.empty()) {
        wanted_.emplace_back(asker, std::move(areas));
        start_.start();
    }
}

void ExactMaps::hold(const QObject* asker, bool wait) {
    std::erase(holding_, asker);
    if (wait) {
        holding_.push_back(asker);
    } else if (!start_.isActive()) {
        next();
    }
}

// Cells so fine that every farther view follows from them, and so few that a head fits.
std::size_t ExactMaps::keptPool(std::size_t pool) const {
    std::size_t finest = kLeastPool;
    while ((source_.info().tokens / finest) * (source_.info().tokens / finest) > kMostCells) {
        finest *= 2;
    }
    return std::min(pool, finest);
}

// Lightning: a square. Softmax: whole rows, whose denominators take all their sources in any case, and few of them.
ExactMaps::Shape ExactMaps::shapeOf(const Key& key) const {
    const std::size_t tokens = source_.info().tokens;
    if (source_.info().config.layers[static_cast<std::size_t>(key.head.layer)] == LayerKind::Lightning) {
        const std::size_t side = std::max(kExactSide, key.pool);
        return {side, side};
    }
    return {std::clamp(std::bit_floor(kProducts / tokens | 1), key.pool, std::max(kExactSide, key.pool)),
            std::bit_ceil(tokens)};
}

template <class Visit>
void ExactMaps::forEachBlock(const MapArea& area, Visit visit) const {
    Key key{area.head, keptPool(area.pool), 0, 0};
    const Shape shape = shapeOf(key);
    const std::size_t last_row = std::min(area.first_row + area.rows, source_.info().tokens) - 1;
    for (key.row = area.first_row / shape.rows; key.row * shape.rows <= last_row; ++key.row) {
        // Columns beyond the causal edge of the block's last row hold nothing.
        const std::size_t edge = std::min((key.row + 1) * shape.rows - 1, area.first_col + area.cols - 1);
        for (key.col = area.first_col / shape.cols; key.col * shape.cols <= edge; ++key.col) {
            visit(key);
        }
    }
}

std::vector<ExactMaps::Block> ExactMaps::blocks(const MapArea& area) {
    std::vector<Block> found;
    forEachBlock(area, [&](const Key& key) {
        if (const auto kept = kept_.find(key); kept != kept_.end()) {
            kept->second.used = ++clock_;
            found.push_back(kept->second.block);
        }
    });
    return found;
}

ExactMaps::Progress ExactMaps::progress(const std::vector<MapArea>& areas) const {
    Progress progress;
    double left = 0;
    for (const MapArea& area : areas) {
        forEachBlock(area, [&](const Key& key) {
            ++progress.total;
            if (kept_.contains(key)) {
                ++progress.done;
            } else {
                const Shape shape = shapeOf(key);
                const double cols = static_cast<double>(std::min(shape.cols, (key.row + 1) * shape.rows));
                left += static_cast<double>(shape.rows) * cols;
            }
        });
    }
    progress.seconds = products_ > 0 ? left * seconds_ / products_ : 0;
    return progress;
}

std::optional<ExactMaps::Key> ExactMaps::nextMissing() const {
    for (const auto& [asker, areas] : wanted_) {
        for (const MapArea& area : areas) {
            std::optional<Key> missing;
            forEachBlock(area, [&](const Key& key) {
                if (!missing && !kept_.contains(key)) {
                    missing = key;
                }
            });
            if (missing) {
                return missing;
            }
        }
    }
    return {};
}

void ExactMaps::next() {
    if (asked_ || !holding_.empty()) {
        return;
    }
    const std::optional<Key> key = nextMissing();
    if (!key) {
        return;
    }
    const Shape shape = shapeOf(*key);
    capture::TileRequest request;
    request.first_row = key->row * shape.rows;
    request.first_col = key->col * shape.cols;
    request.rows = std::min(shape.rows, source_.info().tokens - request.first_row);
    // Softmax: no farther than the last row sees, in whole cells.
    const std::size_t edge = (request.first_row + request.rows + key->pool - 1) / key->pool * key->pool;
    request.cols = std::min({shape.cols, source_.info().tokens - request.first_col, edge - request.first_col});
    request.pool = key->pool;
    asked_ = true;
    since_asked_.start();
    source_.tile(key->head, request,
                 [self = QPointer(this), key = *key, products = static_cast<double>(request.rows * request.cols)](
                     const client::Outcome<capture::AttentionTile>& outcome) {
                     if (!self) {
                         return;
                     }
                     self->asked_ = false;
                     if (!outcome.ok()) {
                         self->wanted_.clear();
                         emit self->failed(outcome.error());
                         return;
                     }
                     self->products_ += products;
                     self->seconds_ += static_cast<double>(self->since_asked_.elapsed()) / 1000;
                     self->take(key, std::make_shared<const capture::AttentionTile>(outcome.value()));
                     self->next();
                 });
}

void ExactMaps::take(const Key& key, Block block) {
    bytes_ += block->cells.size() * sizeof(float);
    kept_[key] = Kept{std::move(block), ++clock_};
    makeRoom();
    emit arrived();
}

void ExactMaps::makeRoom() {
    while (bytes_ > kMostBytes && kept_.size() > 1) {
        const auto oldest = std::min_element(
            kept_.begin(), kept_.end(), [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
        bytes_ -= oldest->second.block->cells.size() * sizeof(float);
        kept_.erase(oldest);
    }
}

} // namespace fulgurite
