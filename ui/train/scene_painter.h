// SPDX-License-Identifier: GPL-3.0-or-later
// Paints a scene with any painter, on any thread: into the picture that a chart shows, and into files.
#pragma once

#include "ui/base/theme.h"
#include "ui/train/chart_scene.h"

#include <QImage>
#include <QRectF>

class QPainter;

namespace fulgurite {

// The visible part, in units of the axes.
struct SceneWindow {
    double x_low = 0;
    double x_high = 1;
    double y_low = 0;
    double y_high = 1;

    bool operator==(const SceneWindow&) const = default;
};

struct SceneLook {
    Theme theme;
    bool large = false; // thicker lines
};

// Bands, lines, glyphs and named lines inside `plot`; grid and axes are painted beneath by whoever owns them.
void paintScene(QPainter& painter, const Scene& scene, const SceneWindow& window, const QRectF& plot,
                const SceneLook& look);

// The same as a picture, with the vertical range that fits what is visible.
struct ScenePicture {
    QImage image;
    SceneWindow window;
};
ScenePicture pictureOf(const Scene& scene, double x_low, double x_high, QSizeF size, qreal pixel_ratio,
                       const SceneLook& look);

} // namespace fulgurite
