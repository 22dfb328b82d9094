// SPDX-License-Identifier: GPL-3.0-or-later
// The picture behind the first view: lightning into sand, and the glass it leaves. Drawn from a fixed seed, so that
// it is the same each time; decoration only.
#pragma once

#include <QPixmap>
#include <QSize>

namespace fulgurite {

class Theme;

struct StartPictureLayout {
    double mouth_x = 136; // where the bolt meets the sand, from the left
    double sand_y = 368;  // of the surface
};

QPixmap paintStartPicture(const Theme& theme, const QSize& size, const StartPictureLayout& layout,
                          double device_pixel_ratio);

} // namespace fulgurite
