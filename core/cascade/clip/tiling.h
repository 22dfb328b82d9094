// SPDX-License-Identifier: Apache-2.0
// Any-resolution pictures for a language model with a CLIP vision tower (MiniMax-VL-01, LLaVA-NeXT): a grid of
// tiles that wastes least of the picture, and a thumbnail of all of it; how many tokens that makes.
#pragma once

#include "core/cascade/image/image.h"

#include <span>
#include <vector>

namespace fulgurite::clip {

struct GridSize {
    int height = 0; // pixels, multiples of the tile
    int width = 0;
    bool operator==(const GridSize&) const = default;
};

// Of the checkpoint's `image_grid_pinpoints`, the one that shows most of the picture, then the one that wastes
// least, then the first. `grids` must not be empty.
GridSize chooseGrid(int height, int width, std::span<const GridSize> grids);

// The thumbnail (the whole picture stretched to one tile), then the grid's tiles in row-major order: the picture
// resized with its proportions, black around it. Each is tile x tile pixels.
std::vector<image::Image> cutTiles(const image::Image& picture, std::span<const GridSize> grids, int tile);

// Rows and columns of features that are left of a grid's map when the padding is taken away.
struct FeatureMap {
    int rows = 0;
    int columns = 0;
};
FeatureMap unpadded(int height, int width, const GridSize& grid, int patch);

// Tokens of a picture: the thumbnail's patches, and the map's with one for each row's end.
int tokensOf(int height, int width, std::span<const GridSize> grids, int tile, int patch);

} // namespace fulgurite::clip
