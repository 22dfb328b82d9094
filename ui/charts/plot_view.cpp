// SPDX-License-Identifier: GPL-3.0-or-later
// Ranges and painting; plot_input.cpp has pointer and keyboard, plot_export.cpp pictures and files.
#include "ui/charts/plot_view.h"

#include <QAccessible>
#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kBusyMilliseconds = 100; // quicker answers show no sign of waiting
constexpr double kPale = 0.5;

// [low, high] moved and cut to lie in [full_low, full_high].
void fitInto(double& low, double& span, double full_low, double full_span, double least) {
    span = std::clamp(span, std::min(least, full_span), full_span);
    low = std::clamp(low, full_low, full_low + full_span - span);
}

} // namespace

PlotView::PlotView(ThemeManager& themes, const QString& name, QWidget* parent)
    : QWidget(parent), themes_(themes), name_(name) {
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAccessibleName(name);
    busy_timer_.setSingleShot(true);
    busy_timer_.setInterval(kBusyMilliseconds);
    connect(&busy_timer_, &QTimer::timeout, this, [this] {
        busy_shown_ = busy_;
        update();
    });
    connect(&themes_, &ThemeManager::changed, this, &PlotView::invalidatePlot);
}

void PlotView::setFullRange(const QRectF& full, Qt::Orientations zoomable) {
    zoomable_ = zoomable;
    if (full == full_) {
        return;
    }
    full_ = full;
    range_ = full;
    invalidatePlot();
    emit rangeChanged(range_);
}

void PlotView::setRange(const QRectF& range) {
    double left = range.left();
    double top = range.top();
    double width = zoomable_.testFlag(Qt::Horizontal) ? range.width() : full_.width();
    double height = zoomable_.testFlag(Qt::Vertical) ? range.height() : full_.height();
    fitInto(left, width, full_.left(), full_.width(), least_span_.width());
    fitInto(top, height, full_.top(), full_.height(), least_span_.height());
    const QRectF wanted(left, top, width, height);
    if (wanted == range_) {
        return;
    }
    range_ = wanted;
    invalidatePlot();
    emit rangeChanged(range_);
}

void PlotView::zoomAt(QPointF data, double factor) {
    if (factor <= 0) {
        return;
    }
    const double width = range_.width() / factor;
    const double height = range_.height() / factor;
    // What is at the pointer keeps its share of the visible part, also where the zoom is at its end.
    const double x = (data.x() - range_.left()) / range_.width();
    const double y = (data.y() - range_.top()) / range_.height();
    const double least_width = std::clamp(width, std::min(least_span_.width(), full_.width()), full_.width());
    const double least_height = std::clamp(height, std::min(least_span_.height(), full_.height()), full_.height());
    setRange({data.x() - x * least_width, data.y() - y * least_height, least_width, least_height});
}

void PlotView::panBy(QPointF data) {
    setRange(range_.translated(data));
}

void PlotView::setMargins(const QMargins& at_100_percent) {
    if (margins_ == at_100_percent) {
        return;
    }
    margins_ = at_100_percent;
    invalidatePlot();
}

QMargins PlotView::margins() const {
    return {themes_.scaled(margins_.left()), themes_.scaled(margins_.top()), themes_.scaled(margins_.right()),
            themes_.scaled(margins_.bottom())};
}

QRectF PlotView::plotRect() const {
    const QRect inside = rect().marginsRemoved(margins());
    return {inside.left() * 1.0, inside.top() * 1.0, std::max(1.0, inside.width() * 1.0),
            std::max(1.0, inside.height() * 1.0)};
}

QPointF PlotView::toPixel(QPointF data) const {
    const QRectF plot = plotRect();
    const double x = (data.x() - range_.left()) / range_.width();
    const double y = (data.y() - range_.top()) / range_.height();
    return {plot.left() + x * plot.width(),
            y_up_ ? plot.bottom() - y * plot.height() : plot.top() + y * plot.height()};
}

QPointF PlotView::toData(QPointF pixel) const {
    const QRectF plot = plotRect();
    const double x = (pixel.x() - plot.left()) / plot.width();
    const double y = (y_up_ ? plot.bottom() - pixel.y() : pixel.y() - plot.top()) / plot.height();
    return {range_.left() + x * range_.width(), range_.top() + y * range_.height()};
}

QPointF PlotView::unitsPerPixel() const {
    const QRectF plot = plotRect();
    return {range_.width() / plot.width(), (y_up_ ? -1 : 1) * range_.height() / plot.height()};
}

void PlotView::invalidatePlot() {
    stale_ = true;
    update();
}

void PlotView::setBusy(bool busy, std::optional<double> done) {
    done_ = done;
    if (busy == busy_) {
        if (busy_shown_) {
            update();
        }
        return;
    }
    busy_ = busy;
    if (busy) {
        busy_timer_.start();
    } else {
        busy_timer_.stop();
        busy_shown_ = false;
        update();
    }
}

void PlotView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    stale_ = true;
}

void PlotView::paintEvent(QPaintEvent*) {
    if (stale_ || cache_.deviceIndependentSize().toSize() != size() ||
        cache_.devicePixelRatio() != devicePixelRatio()) {
        cache_ = QPixmap(size() * devicePixelRatio());
        cache_.setDevicePixelRatio(devicePixelRatio());
        cache_.fill(Qt::transparent);
        QPainter painter(&cache_);
        paintPlot(painter);
        stale_ = false;
    }
    QPainter painter(this);
    if (busy_shown_) {
        painter.setOpacity(kPale);
    }
    painter.drawPixmap(0, 0, cache_);
    paintMarks(painter);
    painter.setOpacity(1);
    if (busy_shown_) {
        paintBusy(painter);
    }
    if (pointer_ && !dragging_) {
        if (const QString value = valueAt(toData(*pointer_)); !value.isEmpty()) {
            paintReadout(painter, *pointer_, value);
        }
    }
    if (hasFocus()) {
        painter.setRenderHint(QPainter::Antialiasing, false);
        painter.setPen(QPen(themes_.color(Role::Focus), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(rect().adjusted(1, 1, -1, -1));
    }
}

void PlotView::paintAll(QPainter& painter) {
    painter.fillRect(rect(), themes_.color(Role::Panel));
    painter.save();
    paintPlot(painter);
    painter.restore();
    paintMarks(painter);
}

void PlotView::paintBusy(QPainter& painter) const {
    const QRectF plot = plotRect();
    painter.fillRect(QRectF(plot.left(), plot.top(), plot.width(), 2), themes_.color(Role::Line));
    // Without a figure the bar stands still at a third: it says "at work", not "how far".
    painter.fillRect(QRectF(plot.left(), plot.top(), plot.width() * done_.value_or(1.0 / 3), 2),
                     themes_.color(Role::Accent));
}

void PlotView::paintReadout(QPainter& painter, QPointF at, const QString& text) const {
    const QFont bold = themes_.uiFont(11.5, QFont::DemiBold);
    const QFont plain = themes_.uiFont(11);
    const QStringList lines = text.split(u'\n');
    double width = 0;
    double height = 0;
    for (qsizetype i = 0; i < lines.size(); ++i) {
        const QFontMetricsF font(i == 0 ? bold : plain);
        width = std::max(width, font.horizontalAdvance(lines[i]));
        height += font.height() + (i > 0 ? 1 : 0);
    }
    constexpr double kPadX = 8;
    constexpr double kPadY = 5;
    QRectF box(at.x() + 12, at.y() + 12, width + 2 * kPadX, height + 2 * kPadY);
    if (box.right() > this->width() - 2) {
        box.moveRight(std::max(box.width() + 2, at.x() - 10));
    }
    if (box.bottom() > this->height() - 2) {
        box.moveBottom(std::max(box.height() + 2, at.y() - 8));
    }
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(themes_.color(Role::Line));
    painter.setBrush(themes_.color(Role::Raised));
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
    double y = box.top() + kPadY;
    for (qsizetype i = 0; i < lines.size(); ++i) {
        const QFont& font = i == 0 ? bold : plain;
        const double line = QFontMetricsF(font).height();
        painter.setFont(font);
        painter.setPen(themes_.color(i == 0 ? Role::Text : Role::Muted));
        painter.drawText(QRectF(box.left() + kPadX, y, width + 1, line), Qt::AlignLeft | Qt::AlignVCenter,
                         lines[i]);
        y += line + 1;
    }
    painter.restore();
}

void PlotView::announce(const QString& value) {
    setAccessibleDescription(QString(value).replace(u'\n', QStringLiteral(", ")));
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
}

} // namespace fulgurite
