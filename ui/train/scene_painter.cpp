// SPDX-License-Identifier: GPL-3.0-or-later
// The order is: bands, members, raw, the published, means, the selected; then what is not finite, on the axis.
#include "ui/train/scene_painter.h"

#include "ui/train/level_of_detail.h"
#include "ui/train/run_look.h"

#include <QFont>
#include <QFontMetricsF>
#include <QPainter>

#include <array>

namespace fulgurite {
namespace {

constexpr std::size_t kMostFine = 200; // more curves than that are drawn thin and without antialiasing
constexpr double kGlyph = 7;
constexpr double kCross = 4;

struct StrokeLook {
    double width;
    double large;
    double alpha;
};

// As Stroke: member, raw, mean, selected, paper, line of a fan.
constexpr std::array kStrokes{StrokeLook{0.8, 0.9, 0.34}, StrokeLook{1, 1, 0.38},    StrokeLook{1.8, 2.3, 1},
                              StrokeLook{1.8, 2, 1},      StrokeLook{1.2, 1.4, 0.8}, StrokeLook{1, 1, 0.75}};

QPen penOf(const SceneCurve& curve, const SceneLook& look, bool fine) {
    const StrokeLook& stroke = kStrokes[static_cast<std::size_t>(curve.stroke)];
    QColor color = lookColor(look.theme, curve.look);
    color.setAlphaF(static_cast<float>(stroke.alpha));
    if (!fine && curve.stroke != Stroke::Selected) {
        return QPen(color, 1); // which is drawn many times as fast as any other
    }
    QPen pen(color, look.large ? stroke.large : stroke.width, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
    QList<qreal> dash = lookDash(curve.look);
    if (curve.stroke == Stroke::Paper || curve.dash % 3 == 1) {
        dash = {4, 3};
    } else if (curve.dash % 3 == 2) {
        dash = {1.5, 2.5};
    }
    if (!dash.isEmpty()) {
        pen.setDashPattern(dash);
        pen.setCapStyle(Qt::FlatCap);
    }
    return pen;
}

class ScenePainter {
  public:
    ScenePainter(QPainter& painter, const Scene& scene, const SceneWindow& window, const QRectF& plot,
                 const SceneLook& look)
        : painter_(painter), scene_(scene), window_(window), plot_(plot), look_(look) {
        map_.x_scale = plot.width() / (window.x_high - window.x_low);
        map_.x_shift = plot.left() - window.x_low * map_.x_scale;
        map_.y_scale = -plot.height() / (window.y_high - window.y_low);
        map_.y_shift = plot.bottom() - window.y_low * map_.y_scale;
    }

    void run() {
        painter_.save();
        painter_.setClipRect(plot_);
        painter_.setRenderHint(QPainter::Antialiasing, fine());
        for (const SceneBand& band : scene_.bands) {
            paintBand(band);
        }
        for (const SceneCurve& curve : scene_.curves) {
            paintCurve(curve);
        }
        painter_.setRenderHint(QPainter::Antialiasing);
        for (const SceneCurve& curve : scene_.curves) {
            if (curve.cross) {
                paintCross(curve);
            }
        }
        for (const ReferenceLine& line : scene_.references) {
            paintReference(line);
        }
        paintGlyphs();
        painter_.restore();
    }

  private:
    bool fine() const { return scene_.curves.size() <= kMostFine; }

    IndexRange visible(const std::vector<double>& x) const {
        return visibleRange(x, window_.x_low, window_.x_high);
    }

    void paintBand(const SceneBand& band) {
        QColor fill = lookColor(look_.theme, band.look);
        fill.setAlphaF(static_cast<float>(band.alpha));
        painter_.setPen(Qt::NoPen);
        painter_.setBrush(fill);
        for (const QPolygonF& piece : reducedBand(band.x, band.low, band.high, visible(band.x), map_)) {
            painter_.drawPolygon(piece);
        }
    }

    void paintCurve(const SceneCurve& curve) {
        painter_.setBrush(Qt::NoBrush);
        painter_.setPen(penOf(curve, look_, fine()));
        for (const QPolygonF& line :
             reducedLines(curve.x, curve.y, curve.least, curve.most, visible(curve.x), map_)) {
            if (line.size() == 1) {
                painter_.drawPoint(line.front());
            } else {
                painter_.drawPolyline(line);
            }
        }
    }

    void paintCross(const SceneCurve& curve) {
        std::size_t last = curve.y.size();
        while (last > 0 && !std::isfinite(curve.y[last - 1])) {
            --last;
        }
        if (last == 0) {
            return;
        }
        const QPointF at = map_.point(curve.x[last - 1], curve.y[last - 1]);
        painter_.setPen(QPen(look_.theme.color(Role::Bad), 1.6));
        painter_.drawLine(at + QPointF(-kCross, -kCross), at + QPointF(kCross, kCross));
        painter_.drawLine(at + QPointF(-kCross, kCross), at + QPointF(kCross, -kCross));
    }

    void paintReference(const ReferenceLine& line) {
        const double y = map_.y(line.value);
        if (y < plot_.top() || y > plot_.bottom()) {
            return;
        }
        const QColor color = look_.theme.color(line.alert ? Role::Bad : Role::Muted);
        QPen pen(color, 1);
        pen.setDashPattern({4, 3});
        painter_.setPen(pen);
        painter_.drawLine(QPointF(plot_.left(), y), QPointF(plot_.right(), y));
        painter_.setFont(font());
        const double height = QFontMetricsF(font()).height();
        const bool above = y - height - 1 >= plot_.top();
        const double width = QFontMetricsF(font()).horizontalAdvance(line.label);
        const QRectF box(plot_.left() + 3, above ? y - height - 1 : y + 1, width + 4, height);
        painter_.fillRect(box, look_.theme.color(Role::Panel, 0.8));
        painter_.drawText(box, Qt::AlignCenter, line.label);
    }

    // Triangles on the axis; the word stands beside the first of its kind.
    void paintGlyphs() {
        QStringList named;
        for (const SceneGlyph& glyph : scene_.glyphs) {
            const double x = map_.x(glyph.x);
            if (x < plot_.left() - kGlyph || x > plot_.right() + kGlyph) {
                continue;
            }
            const double y = plot_.bottom();
            painter_.setPen(Qt::NoPen);
            painter_.setBrush(look_.theme.color(Role::Bad));
            painter_.drawPolygon(QPolygonF{{x - kGlyph / 2, y - kGlyph}, {x + kGlyph / 2, y - kGlyph}, {x, y}});
            if (named.contains(glyph.word)) {
                continue;
            }
            named << glyph.word;
            painter_.setFont(font());
            painter_.setPen(look_.theme.color(Role::Bad));
            const double width = QFontMetricsF(font()).horizontalAdvance(glyph.word);
            const bool left = x - width - kGlyph > plot_.left();
            painter_.drawText(QPointF(left ? x - width - kGlyph : x + kGlyph, y - 2), glyph.word);
        }
    }

    QFont font() const {
        QFont font = painter_.font();
        font.setPixelSize(11);
        return font;
    }

    QPainter& painter_;
    const Scene& scene_;
    const SceneWindow& window_;
    QRectF plot_;
    const SceneLook& look_;
    PixelMap map_;
};

} // namespace

void paintScene(QPainter& painter, const Scene& scene, const SceneWindow& window, const QRectF& plot,
                const SceneLook& look) {
    if (window.x_high > window.x_low && window.y_high > window.y_low) {
        ScenePainter(painter, scene, window, plot, look).run();
    }
}

ScenePicture pictureOf(const Scene& scene, double x_low, double x_high, QSizeF size, qreal pixel_ratio,
                       const SceneLook& look) {
    ScenePicture picture;
    const auto [y_low, y_high] = scene.yRange(x_low, x_high);
    picture.window = {x_low, x_high, y_low, y_high};
    picture.image = QImage((size * pixel_ratio).toSize().expandedTo({1, 1}), QImage::Format_ARGB32_Premultiplied);
    picture.image.setDevicePixelRatio(pixel_ratio);
    picture.image.fill(Qt::transparent);
    QPainter painter(&picture.image);
    paintScene(painter, scene, picture.window, QRectF(QPointF(0, 0), size), look);
    return picture;
}

} // namespace fulgurite
