// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/image/codecs.h"

#include <cstring>

namespace fulgurite::image {

// EXIF 2.3, 4.6.4 A: where the stored first row and first column belong.
//   1 top left   2 top right   3 bottom right   4 bottom left   5 left top   6 right top   7 right bottom   8 left
//   bottom
Image oriented(Image image, int orientation) {
    if (orientation <= 1 || orientation > 8) {
        return image;
    }
    const bool swaps = orientation >= 5;
    Image turned = makeImage(swaps ? image.height : image.width, swaps ? image.width : image.height);
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    for (int y = 0; y < turned.height; ++y) {
        for (int x = 0; x < turned.width; ++x) {
            const int across = swaps ? y : x;
            const int down = swaps ? x : y;
            const int source_x = from_right ? image.width - 1 - across : across;
            const int source_y = from_bottom ? image.height - 1 - down : down;
            std::memcpy(turned.row(y) + x * 3, image.row(source_y) + source_x * 3, 3);
        }
    }
    return turned;
}

} // namespace fulgurite::image
