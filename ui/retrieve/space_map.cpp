// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/space_map.h"

#include "ui/retrieve/aspects.h"

#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kNearPixels = 8;
constexpr double kRoom = 0.06;   // around the outermost points, of the range
constexpr int kFewPoints = 4000; // up to here a point is three pixels wide, above two

QRectF rangeOf(const client::Projection& projection) {
    const auto [left, right] = std::minmax_element(projection.x.begin(), projection.x.end());
    const auto [top, bottom] = std::minmax_element(projection.y.begin(), projection.y.end());
    QRectF range(QPointF(*left, *top), QPointF(*right, *bottom));
    if (projection.query) {
        const auto& [x, y] = *projection.query;
        range.setLeft(std::min<double>(range.left(), x));
        range.setRight(std::max<double>(range.right(), x));
        range.setTop(std::min<double>(range.top(), y));
        range.setBottom(std::max<double>(range.bottom(), y));
    }
    const double x = std::max(range.width(), 1e-6) * kRoom;
    const double y = std::max(range.height(), 1e-6) * kRoom;
    return range.adjusted(-x, -y, x, y);
}

} // namespace

SpaceMap::SpaceMap(ThemeManager& themes, RetrieveSession& session, const QString& name, QWidget* parent)
    : PlotView(themes, name, parent), session_(session) {
    setMargins({4, 4, 4, 4});
    setYUp(true);
    setAccessibleDescription(
        tr("Drag to brush documents, Alt+drag for a lasso, Escape clears. N and P walk the hits."));
    const auto mark = qOverload<>(&QWidget::update);
    brush_timer_.setSingleShot(true);
    brush_timer_.setInterval(0);
    connect(&brush_timer_, &QTimer::timeout, this, &SpaceMap::renderBrush);
    const auto brush = [this] { brush_timer_.start(); };
    connect(&session_, &RetrieveSession::brushChanged, this, brush);
    connect(&session_, &RetrieveSession::selectionChanged, this, mark);
    connect(&session_, &RetrieveSession::hoverChanged, this, mark);
    connect(&session_, &RetrieveSession::relevantChanged, this, mark);
    connect(&session_, &RetrieveSession::ranked, this, mark);
    connect(this, &PlotView::rangeChanged, this, brush);
    connect(&themes, &ThemeManager::changed, this, brush);
}

void SpaceMap::setProjection(std::shared_ptr<const client::Projection> projection) {
    projection_ = std::move(projection);
    setFullRange(points() > 0 ? rangeOf(*projection_) : QRectF(0, 0, 1, 1));
    brush_timer_.start();
    invalidatePlot();
}

QPointF SpaceMap::point(std::size_t document) const {
    return {projection_->x[document], projection_->y[document]};
}

void SpaceMap::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    brush_timer_.start();
}

// Squares of two or three pixels written into an image: 100,000 take a few milliseconds. Where points lie over each
// other the image grows denser.
void SpaceMap::paintPoints(QImage& image, const QColor& color, bool brushed) const {
    const QRectF plot = plotRect();
    const double ratio = image.devicePixelRatio();
    const QPointF origin = toPixel({0, 0});
    const QPointF unit = toPixel({1, 1}) - origin;
    const int size = static_cast<int>(std::lround((points() <= kFewPoints || brushed ? 3 : 2) * ratio));
    const QRgb full = qPremultiply(color.rgba());
    const double alpha = qAlpha(color.rgba()) / 255.0;
    const auto inside = [&](std::size_t i) { return session_.brush().contains(static_cast<std::int32_t>(i)); };
    for (std::size_t i = 0; i < points(); ++i) {
        if (brushed && !inside(i)) {
            continue;
        }
        const double x = origin.x() + projection_->x[i] * unit.x();
        const double y = origin.y() + projection_->y[i] * unit.y();
        if (!plot.contains(x, y)) {
            continue;
        }
        const int left = static_cast<int>(x * ratio) - size / 2;
        const int top = static_cast<int>(y * ratio) - size / 2;
        for (int row = std::max(0, top); row < std::min(image.height(), top + size); ++row) {
            auto* line = reinterpret_cast<QRgb*>(image.scanLine(row));
            for (int column = std::max(0, left); column < std::min(image.width(), left + size); ++column) {
                const QRgb under = line[column];
                const double keep = 1 - alpha;
                line[column] = qRgba(qRed(full) + static_cast<int>(qRed(under) * keep),
                                     qGreen(full) + static_cast<int>(qGreen(under) * keep),
                                     qBlue(full) + static_cast<int>(qBlue(under) * keep),
                                     qAlpha(full) + static_cast<int>(qAlpha(under) * keep));
            }
        }
    }
}

void SpaceMap::paintPlot(QPainter& painter) {
    if (points() == 0) {
        return;
    }
    QImage image(size() * devicePixelRatio(), QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(devicePixelRatio());
    image.fill(Qt::transparent);
    paintPoints(image, themes().color(Role::Muted, points() <= kFewPoints ? 0.75 : 0.35), false);
    painter.drawImage(0, 0, image);
}

void SpaceMap::renderBrush() {
    brushed_ = {};
    if (session_.brush().count > 0 && points() > 0) {
        brushed_ = QImage(size() * devicePixelRatio(), QImage::Format_ARGB32_Premultiplied);
        brushed_.setDevicePixelRatio(devicePixelRatio());
        brushed_.fill(Qt::transparent);
        paintPoints(brushed_, themes().color(Role::Focus, 0.95), true);
    }
    update();
}

void SpaceMap::paintMarks(QPainter& painter) {
    if (points() == 0) {
        return;
    }
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setClipRect(plotRect());
    if (!brushed_.isNull()) {
        painter.drawImage(0, 0, brushed_);
    }
    painter.setBrush(Qt::NoBrush);
    const auto ring = [&](std::int32_t document, Role role, double radius) {
        if (document >= 0 && static_cast<std::size_t>(document) < points()) {
            painter.setPen(QPen(themes().color(role), 1.5));
            painter.drawEllipse(toPixel(point(static_cast<std::size_t>(document))), radius, radius);
        }
    };
    if (const int column = session_.column(); column < static_cast<int>(session_.columns().size())) {
        const RankColumn& ranking = session_.columns()[static_cast<std::size_t>(column)];
        for (const int place : session_.shown(ranking)) {
            ring(ranking.hits[static_cast<std::size_t>(place)].document, strategyInfo(ranking.strategy).role, 3.5);
        }
    }
    for (std::size_t i = 0; i < session_.relevant().size(); ++i) {
        const auto document = static_cast<std::size_t>(session_.relevant()[i]);
        if (document < points()) {
            const QPointF at = toPixel(point(document));
            paintAspect(painter, {at.x() - 7, at.y() - 7, 14, 14}, static_cast<int>(i), false, themes());
        }
    }
    ring(session_.document(), Role::Accent, 6);
    ring(session_.hovered(), Role::Text, 6);
    if (projection_->query) {
        const QPointF at = toPixel({(*projection_->query)[0], (*projection_->query)[1]});
        for (const auto& [role, width] : {std::pair(Role::Panel, 4.5), std::pair(Role::Text, 2.0)}) {
            painter.setPen(QPen(themes().color(role), width));
            painter.drawLine(at - QPointF(6, 0), at + QPointF(6, 0));
            painter.drawLine(at - QPointF(0, 6), at + QPointF(0, 6));
        }
    }
    if (from_) {
        painter.setPen(QPen(themes().color(Role::Focus), 1, Qt::DashLine));
        painter.setBrush(themes().color(Role::Focus, 0.12));
        lasso_ ? painter.drawPolygon(path_) : painter.drawRect(QRectF(path_.first(), path_.last()).normalized());
    }
    painter.restore();
}

Brush SpaceMap::inRectangle(const QRectF& rect) const {
    Brush brush;
    brush.inside.resize(points(), 0);
    for (std::size_t i = 0; i < points(); ++i) {
        if (rect.contains(point(i))) {
            brush.inside[i] = 1;
            ++brush.count;
        }
    }
    return brush;
}

// Drawn into a mask and looked up there: a walk along the sides for each of 100,000 points would take several
// frames.
Brush SpaceMap::inLasso(const QPolygonF& lasso) const {
    QPolygonF pixels;
    for (const QPointF& corner : lasso) {
        pixels << toPixel(corner);
    }
    QImage mask(size(), QImage::Format_Grayscale8);
    mask.fill(0);
    QPainter painter(&mask);
    painter.setPen(Qt::NoPen);
    painter.setBrush(Qt::white);
    painter.drawPolygon(pixels, Qt::OddEvenFill);
    painter.end();
    Brush brush;
    brush.inside.resize(points(), 0);
    const QPointF origin = toPixel({0, 0});
    const QPointF unit = toPixel({1, 1}) - origin;
    for (std::size_t i = 0; i < points(); ++i) {
        const int x = static_cast<int>(std::floor(origin.x() + projection_->x[i] * unit.x()));
        const int y = static_cast<int>(std::floor(origin.y() + projection_->y[i] * unit.y()));
        if (mask.rect().contains(x, y) && mask.constScanLine(y)[x] > 0) {
            brush.inside[i] = 1;
            ++brush.count;
        }
    }
    return brush;
}

void SpaceMap::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || points() == 0) {
        PlotView::mousePressEvent(event);
        return;
    }
    from_ = event->position();
    lasso_ = event->modifiers().testFlag(Qt::AltModifier);
    path_ = QPolygonF{{event->position(), event->position()}};
}

void SpaceMap::mouseMoveEvent(QMouseEvent* event) {
    if (!from_) {
        PlotView::mouseMoveEvent(event);
        session_.setHovered(pointer() ? nearest(toData(*pointer()), kNearPixels) : -1);
        return;
    }
    if (lasso_) {
        path_ << event->position();
    } else {
        path_.last() = event->position();
    }
    update();
}

void SpaceMap::mouseReleaseEvent(QMouseEvent* event) {
    if (!from_) {
        PlotView::mouseReleaseEvent(event);
        return;
    }
    const QPointF from = *std::exchange(from_, std::nullopt);
    constexpr double kClick = 4;
    if (path_.boundingRect().width() < kClick && path_.boundingRect().height() < kClick) {
        const std::int32_t document = nearest(toData(from), kNearPixels);
        document >= 0 ? select(document) : session_.setBrush({});
        return;
    }
    if (!lasso_) {
        session_.setBrush(inRectangle(QRectF(toData(path_.first()), toData(path_.last())).normalized()));
        return;
    }
    QPolygonF lasso;
    for (const QPointF& corner : std::as_const(path_)) {
        lasso << toData(corner);
    }
    session_.setBrush(inLasso(lasso));
}

std::int32_t SpaceMap::nearest(QPointF data, double pixels) const {
    const QPointF at = toPixel(data);
    const QPointF origin = toPixel({0, 0});
    const QPointF unit = toPixel({1, 1}) - origin;
    double best = pixels * pixels;
    std::int32_t found = -1;
    for (std::size_t i = 0; i < points(); ++i) {
        const double x = origin.x() + projection_->x[i] * unit.x() - at.x();
        const double y = origin.y() + projection_->y[i] * unit.y() - at.y();
        if (const double distance = x * x + y * y; distance < best) {
            best = distance;
            found = static_cast<std::int32_t>(i);
        }
    }
    return found;
}

QString SpaceMap::valueAt(QPointF data) const {
    const std::int32_t document = nearest(data, kNearPixels);
    if (document < 0) {
        return {};
    }
    QString text = session_.documents().title(document);
    if (const QString label = session_.documents().label(document); !label.isEmpty()) {
        text += u'\n' + label;
    }
    for (const RankColumn& column : session_.columns()) {
        if (const int place = column.place(document); place >= 0) {
            text += tr("\nrank %1 by %2").arg(place + 1).arg(strategyInfo(column.strategy).title);
        }
    }
    return text;
}

std::optional<QPointF> SpaceMap::walkPoint() const {
    const auto document = static_cast<std::size_t>(session_.document());
    return session_.document() >= 0 && document < points() ? std::optional(point(document)) : std::nullopt;
}

void SpaceMap::select(std::int32_t document) {
    session_.select(document, session_.column());
    const auto at = static_cast<std::size_t>(document);
    if (at < points()) {
        announce(valueAt(point(at)));
    }
}

bool SpaceMap::walk(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape && session_.brush().count > 0) {
        session_.setBrush({});
        return true;
    }
    const int step = event->key() == Qt::Key_N || event->key() == Qt::Key_Right  ? 1
                     : event->key() == Qt::Key_P || event->key() == Qt::Key_Left ? -1
                                                                                 : 0;
    if (step == 0 || session_.columns().empty()) {
        return false;
    }
    const RankColumn& column = session_.columns()[static_cast<std::size_t>(session_.column())];
    const int next = column.place(session_.document()) + step;
    if (next >= 0 && next < static_cast<int>(column.hits.size())) {
        select(column.hits[static_cast<std::size_t>(next)].document);
    }
    return true;
}

void SpaceMap::addToMenu(QMenu& menu) {
    menu.addAction(tr("Clear the brush"), this, [this] { session_.setBrush({}); })
        ->setEnabled(session_.brush().count > 0);
}

TableTwin SpaceMap::table() const {
    return {.title = name(),
            .columns = {tr("document"), tr("title"), tr("label"), tr("x"), tr("y"), tr("brushed")},
            .rows = static_cast<int>(points()),
            .cell = [projection = projection_, texts = session_.documents().texts(),
                     brush = session_.brush()](int row, int column) -> QVariant {
                const auto at = static_cast<std::size_t>(row);
                switch (column) {
                case 0:
                    return row;
                case 1:
                    return at < texts->size() ? texts->titles[at] : QString();
                case 2:
                    return at < texts->size() ? texts->labels[at] : QString();
                case 3:
                    return static_cast<double>(projection->x[at]);
                case 4:
                    return static_cast<double>(projection->y[at]);
                default:
                    return brush.contains(row) ? tr("yes") : QString();
                }
            },
            .current = session_.document()};
}

} // namespace fulgurite
