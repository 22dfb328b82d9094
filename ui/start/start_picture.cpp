// SPDX-License-Identifier: GPL-3.0-or-later
// Sky, bolt, sand and tube, back to front.
#include "ui/start/start_picture.h"

#include "ui/base/theme.h"

#include <QPainter>
#include <QPainterPath>
#include <QPen>

#include <cmath>
#include <random>

namespace fulgurite {
namespace {

using Points = QList<QPointF>;

// std::mt19937 gives the same numbers everywhere; the standard distributions do not, so this maps them itself.
class Grains {
  public:
    explicit Grains(unsigned seed) : engine_(seed) {}
    double uniform(double from, double to) {
        return from + (to - from) * (static_cast<double>(engine_()) / 4294967296.0);
    }
    // Small near 0, thinning out towards 1.
    double thinning() { return std::pow(uniform(0, 1), 2.2); }

  private:
    std::mt19937 engine_;
};

QPainterPath polyline(const Points& points) {
    QPainterPath path(points.first());
    for (qsizetype i = 1; i < points.size(); ++i)
        path.lineTo(points[i]);
    return path;
}

// Through the middles of the segments, so that glass bends where a bolt would break.
QPainterPath rounded(const Points& points) {
    QPainterPath path(points.first());
    for (qsizetype i = 1; i + 1 < points.size(); ++i)
        path.quadTo(points[i], (points[i] + points[i + 1]) / 2);
    path.lineTo(points.last());
    return path;
}

Points roughened(const Points& points, Grains& grains, double step, double sway) {
    Points result{points.first()};
    for (qsizetype i = 1; i < points.size(); ++i) {
        const QPointF from = points[i - 1];
        const QPointF along = points[i] - from;
        const double length = std::hypot(along.x(), along.y());
        const QPointF across(-along.y() / length, along.x() / length);
        const int pieces = std::max(1, static_cast<int>(length / step));
        for (int k = 1; k < pieces; ++k)
            result << from + along * (static_cast<double>(k) / pieces) + across * grains.uniform(-sway, sway);
        result << points[i];
    }
    return result;
}

class Painter {
  public:
    Painter(QPainter& painter, const Theme& theme, const QSize& size, const StartPictureLayout& layout)
        : painter_(painter), theme_(theme), size_(size), mouth_(layout.mouth_x, layout.sand_y) {}

    void paint() {
        paintBolt();
        paintSand();
        paintTube();
    }

  private:
    QPointF at(double x, double y) const { return mouth_ + QPointF(x, y); }

    void stroke(const QPainterPath& path, const QColor& color, double width) {
        painter_.strokePath(path, QPen(color, width, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    }

    void glow(const QPainterPath& path, double strength) {
        for (const auto& [width, alpha] : {std::pair(14.0, 0.05), std::pair(8.0, 0.09), std::pair(4.5, 0.16)})
            stroke(path, theme_.color(Role::Lightning, alpha * strength), width);
    }

    void paintBolt() {
        const double top = -mouth_.y();
        const Points main{at(-17, top),        at(8, top * 0.858),  at(-20, top * 0.79),
                          at(22, top * 0.604), at(-10, top * 0.53), at(18, top * 0.342),
                          at(-8, top * 0.27),  at(-1, top * 0.03),  at(0, 0)};
        const QPainterPath path = polyline(main);
        glow(path, 1.0);
        stroke(path, theme_.color(Role::Lightning), 1.8);
        const QColor faint = theme_.color(Role::Lightning, 0.55);
        stroke(polyline({at(8, top * 0.858), at(34, top * 0.795), at(32, top * 0.747)}), faint, 1.1);
        stroke(polyline({at(22, top * 0.604), at(50, top * 0.525), at(44, top * 0.46), at(68, top * 0.375)}), faint,
               1.1);
        stroke(polyline({at(-10, top * 0.53), at(-40, top * 0.45), at(-34, top * 0.4), at(-60, top * 0.305)}),
               faint, 1.1);
    }

    double surface(double x) const {
        return mouth_.y() + 2.2 * std::sin(x / 70.0) + 1.4 * std::sin(x / 23.0 + 1.0);
    }

    void paintSand() {
        Grains grains(20260717);
        const QColor sand = theme_.mix(Role::Accent, Role::Background, theme_.dark() ? 0.25 : 0.15);
        // A bright rim of grains along the surface, then ever fewer with depth.
        const int rim = size_.width() * 2;
        for (int i = 0; i < rim; ++i) {
            const double x = grains.uniform(0, size_.width());
            const double depth = grains.thinning() * 34;
            grain(QPointF(x, surface(x) + depth - 3), sand, 0.75 * (1 - depth / 44), grains.uniform(0.4, 0.9));
        }
        const int below = size_.width() / 2;
        for (int i = 0; i < below; ++i) {
            const double x = grains.uniform(0, size_.width());
            const double y = surface(x) + grains.thinning() * (size_.height() - mouth_.y());
            grain(QPointF(x, y), sand, 0.16, grains.uniform(0.4, 0.9));
        }
        // Sand that was thrown about near the tube.
        for (int i = 0; i < 900; ++i) {
            const double y = grains.uniform(10, size_.height() - mouth_.y());
            const double spread = 40 + 110 * std::min(1.0, y / 300);
            const double x = (grains.uniform(-1, 1) + grains.uniform(-1, 1)) * spread * 0.6;
            grain(at(x, y), sand, 0.2, grains.uniform(0.4, 0.8));
        }
    }

    void grain(const QPointF& where, QColor color, double alpha, double radius) {
        color.setAlphaF(static_cast<float>(std::clamp(alpha, 0.0, 1.0)));
        painter_.setPen(Qt::NoPen);
        painter_.setBrush(color);
        painter_.drawEllipse(where, radius, radius);
    }

    void paintTube() {
        Grains grains(6);
        auto glass = [&grains](const Points& points) { return rounded(roughened(points, grains, 16, 2.6)); };
        const std::pair<QPainterPath, double> tubes[] = {
            {glass({at(-4, 56), at(-36, 108), at(-56, 126), at(-71, 162)}), 8},
            {glass({at(6, 92), at(38, 116), at(52, 146), at(70, 176)}), 8},
            {glass({at(-20, 216), at(-48, 236), at(-56, 262), at(-78, 294)}), 8},
            {glass({at(22, 216), at(44, 224), at(54, 252), at(77, 274)}), 8},
            {glass({at(-2, 138), at(-16, 196), at(-22, 244), at(-42, 300), at(-45, 350), at(-53, 404)}), 10},
            {glass({at(-2, 138), at(16, 190), at(24, 232), at(38, 286), at(38, 330), at(41, 384)}), 10},
            {glass({at(0, 2), at(1, 50), at(3, 92), at(-2, 146)}), 18},
        };
        const QColor amber = theme_.mix(Role::Accent, Role::Background, 0.12);
        const QColor inside = theme_.mix(Role::Background, Role::Lightning, theme_.dark() ? 0.03 : 0.08);
        // All walls, then all insides: the branches open into each other.
        for (const auto& [path, width] : tubes)
            stroke(path, amber, width);
        for (const auto& [path, width] : tubes)
            stroke(path, inside, width - 3);
        for (const auto& [path, width] : tubes) {
            glow(path, 0.5);
            stroke(path, theme_.color(Role::Lightning, 0.85), width > 10 ? 2.4 : 1.4);
        }
        painter_.setPen(QPen(amber, 1.8));
        painter_.setBrush(theme_.color(Role::Lightning, 0.35));
        painter_.drawEllipse(mouth_ + QPointF(0, 1), 11, 3.6);
    }

    QPainter& painter_;
    const Theme& theme_;
    QSize size_;
    QPointF mouth_;
};

} // namespace

QPixmap paintStartPicture(const Theme& theme, const QSize& size, const StartPictureLayout& layout,
                          double device_pixel_ratio) {
    QPixmap picture(size * device_pixel_ratio);
    picture.setDevicePixelRatio(device_pixel_ratio);
    picture.fill(theme.color(Role::Background));
    QPainter painter(&picture);
    painter.setRenderHint(QPainter::Antialiasing);
    Painter(painter, theme, size, layout).paint();
    return picture;
}

} // namespace fulgurite
