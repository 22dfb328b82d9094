// SPDX-License-Identifier: Apache-2.0
// The published numbers of tokens for pictures of many shapes, and where the pixels go.
#include "core/cascade/clip/tiling.h"

#include <gtest/gtest.h>

namespace fulgurite::clip {
namespace {

constexpr int kTile = 336;
constexpr int kPatch = 14;

// The 28 grids of the released MiniMax-VL-01.
std::vector<GridSize> releasedGrids() {
    std::vector<GridSize> grids;
    for (const auto& [height, columns] : {std::pair{1, 6}, {2, 6}, {3, 6}, {4, 4}, {5, 3}, {6, 3}}) {
        for (int column = 1; column <= columns; ++column) {
            grids.push_back({height * kTile, column * kTile});
        }
    }
    return grids;
}

TEST(Tiling, GivesThePublishedGridsAndTokens) {
    struct Case {
        int height, width;
        GridSize grid;
        int tokens;
    };
    const auto grids = releasedGrids();
    ASSERT_EQ(grids.size(), 28u);
    for (const Case& c : {Case{336, 336, {336, 336}, 1176},
                          {364, 364, {672, 672}, 2928},
                          {480, 640, {672, 672}, 2340},
                          {768, 1024, {1008, 1344}, 7560},
                          {1080, 1920, {1008, 2016}, 9864},
                          {1920, 1080, {2016, 1008}, 9920},
                          {100, 3000, {336, 2016}, 1156},
                          {4000, 4000, {1344, 1344}, 9888}}) {
        EXPECT_EQ(chooseGrid(c.height, c.width, grids), c.grid) << c.height << " x " << c.width;
        EXPECT_EQ(tokensOf(c.height, c.width, grids, kTile, kPatch), c.tokens) << c.height << " x " << c.width;
    }
    EXPECT_EQ(tokensOf(2160, 3840, grids, kTile, kPatch), 9864);
}

TEST(Tiling, PutsTheThumbnailFirstAndBlackAround) {
    image::Image picture = image::makeImage(40, 20);
    std::fill(picture.rgb.begin(), picture.rgb.end(), std::uint8_t{200});
    const std::vector<GridSize> grids{{20, 20}, {40, 40}};
    const auto tiles = cutTiles(picture, grids, 20);
    ASSERT_EQ(tiles.size(), 5u);
    EXPECT_EQ(tiles[0].row(0)[0], 200) << "the thumbnail is stretched: no border";
    // 40 x 20 in 40 x 40: ten black rows above and below.
    EXPECT_EQ(tiles[1].row(9)[0], 0);
    EXPECT_EQ(tiles[1].row(10)[0], 200);
    EXPECT_EQ(tiles[4].row(9)[0], 200);
    EXPECT_EQ(tiles[4].row(10)[0], 0);
}

} // namespace
} // namespace fulgurite::clip
