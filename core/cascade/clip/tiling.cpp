// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/clip/tiling.h"

#include "core/cascade/image/resize.h"

#include <algorithm>
#include <cstring>

namespace fulgurite::clip {

namespace {

struct Scaled {
    int height = 0;
    int width = 0;
};

// The largest size of the picture's proportions inside the grid; the free side truncated.
Scaled fitInto(int height, int width, const GridSize& grid) {
    const double by_width = static_cast<double>(grid.width) / width;
    const double by_height = static_cast<double>(grid.height) / height;
    const double scale = std::min(by_width, by_height);
    return {static_cast<int>(height * scale), static_cast<int>(width * scale)};
}

image::Image part(const image::Image& source, int left, int top, int side) {
    image::Image tile = image::makeImage(side, side);
    for (int y = 0; y < side; ++y) {
        std::memcpy(tile.row(y), source.row(top + y) + static_cast<std::ptrdiff_t>(left) * 3, tile.rowBytes());
    }
    return tile;
}

} // namespace

GridSize chooseGrid(int height, int width, std::span<const GridSize> grids) {
    GridSize best = grids.front();
    std::int64_t best_shown = -1;
    std::int64_t best_wasted = 0;
    for (const GridSize& grid : grids) {
        const Scaled scaled = fitInto(height, width, grid);
        const std::int64_t shown =
            std::min(std::int64_t{scaled.height} * scaled.width, std::int64_t{height} * width);
        const std::int64_t wasted = std::int64_t{grid.height} * grid.width - shown;
        if (shown > best_shown || (shown == best_shown && wasted < best_wasted)) {
            best = grid;
            best_shown = shown;
            best_wasted = wasted;
        }
    }
    return best;
}

std::vector<image::Image> cutTiles(const image::Image& picture, std::span<const GridSize> grids, int tile) {
    const GridSize grid = chooseGrid(picture.height, picture.width, grids);
    const Scaled scaled = fitInto(picture.height, picture.width, grid);
    const image::Image small = image::resizeImage(picture, std::max(1, scaled.width), std::max(1, scaled.height),
                                                  image::ResizeFilter::Bicubic);
    image::Image canvas = image::makeImage(grid.width, grid.height);
    const int left = (grid.width - small.width) / 2;
    const int top = (grid.height - small.height) / 2;
    for (int y = 0; y < small.height; ++y) {
        std::memcpy(canvas.row(top + y) + static_cast<std::ptrdiff_t>(left) * 3, small.row(y), small.rowBytes());
    }
    std::vector<image::Image> tiles{image::resizeImage(picture, tile, tile, image::ResizeFilter::Bicubic)};
    for (int y = 0; y + tile <= grid.height; y += tile) {
        for (int x = 0; x + tile <= grid.width; x += tile) {
            tiles.push_back(part(canvas, x, y, tile));
        }
    }
    return tiles;
}

// Integer steps as published: the padding is cut off in whole features.
FeatureMap unpadded(int height, int width, const GridSize& grid, int patch) {
    const int rows = grid.height / patch;
    const int columns = grid.width / patch;
    if (std::int64_t{width} * rows > std::int64_t{columns} * height) {
        const auto kept = static_cast<int>(std::int64_t{height} * columns / width);
        return {rows - 2 * ((rows - kept) / 2), columns};
    }
    const auto kept = static_cast<int>(std::int64_t{width} * rows / height);
    return {rows, columns - 2 * ((columns - kept) / 2)};
}

int tokensOf(int height, int width, std::span<const GridSize> grids, int tile, int patch) {
    const FeatureMap map = unpadded(height, width, chooseGrid(height, width, grids), patch);
    return (tile / patch) * (tile / patch) + map.rows * (map.columns + 1);
}

} // namespace fulgurite::clip
