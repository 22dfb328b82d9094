// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/cost_plot.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QLocale>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <array>
#include <cmath>

namespace fulgurite {
namespace {

constexpr std::size_t kFirst = 1024;

QString scaledText(double value, const QString& unit) {
    static constexpr std::array<const char*, 6> kPrefixes{"", "K", "M", "G", "T", "P"};
    std::size_t prefix = 0;
    while (value >= 999.5 && prefix + 1 < kPrefixes.size()) {
        value /= 1000;
        ++prefix;
    }
    return QLocale().toString(value, 'g', 4) + u' ' + QLatin1String(kPrefixes[prefix]) + unit;
}

double hybridFlops(const capture::CostPoint& point) {
    return point.hybrid_flops;
}
double softmaxFlops(const capture::CostPoint& point) {
    return point.softmax_flops;
}
double hybridBytes(const capture::CostPoint& point) {
    return point.hybrid_bytes;
}
double softmaxBytes(const capture::CostPoint& point) {
    return point.softmax_bytes;
}
double secondsOf(const capture::CostPoint& point) {
    return point.seconds;
}

} // namespace

CostPlot::CostPlot(ThemeManager& themes, QWidget* parent) : PlotView(themes, tr("Cost of a token"), parent) {
    setMargins({72, 16, 150, 40});
    setYUp(true);
}

QSize CostPlot::sizeHint() const {
    return {themes().scaled(900), themes().scaled(460)};
}

void CostPlot::setCurve(std::vector<capture::CostPoint> points) {
    measured_.clear();
    last_ = 0;
    if (points.size() >= 2) {
        begin_ = points.front();
        end_ = points.back();
        last_ = std::max(end_.context, 2 * kFirst);
        std::erase_if(points, [](const capture::CostPoint& point) { return std::isnan(point.seconds); });
        measured_ = std::move(points);
    }
    if (measured_.empty() && quantity_ == Quantity::Seconds) {
        quantity_ = Quantity::Operations;
    }
    arrange();
}

capture::CostPoint CostPlot::at(std::size_t context) const {
    const double share = (static_cast<double>(context) - static_cast<double>(begin_.context)) /
                         (static_cast<double>(end_.context) - static_cast<double>(begin_.context));
    const auto line = [&](double capture::CostPoint::*figure) {
        return begin_.*figure + share * (end_.*figure - begin_.*figure);
    };
    capture::CostPoint point;
    point.context = context;
    point.hybrid_flops = line(&capture::CostPoint::hybrid_flops);
    point.hybrid_bytes = line(&capture::CostPoint::hybrid_bytes);
    point.softmax_flops = line(&capture::CostPoint::softmax_flops);
    point.softmax_bytes = line(&capture::CostPoint::softmax_bytes);
    return point;
}

void CostPlot::setQuantity(Quantity quantity) {
    quantity_ = quantity;
    arrange();
}

std::vector<CostPlot::Series> CostPlot::series() const {
    switch (quantity_) {
    case Quantity::Operations:
        return {{Role::Softmax, tr("all softmax"), softmaxFlops}, {Role::Lightning, tr("hybrid"), hybridFlops}};
    case Quantity::Bytes:
        return {{Role::Softmax, tr("all softmax"), softmaxBytes}, {Role::Lightning, tr("hybrid"), hybridBytes}};
    case Quantity::Seconds:
        break;
    }
    return {};
}

// Ranges are powers of ten of the value, as exponents: both axes are logarithmic.
void CostPlot::arrange() {
    if (last_ == 0) {
        return;
    }
    double low = std::numeric_limits<double>::infinity();
    double high = 0;
    for (const Series& line : series()) {
        for (const std::size_t context : {kFirst, last_}) {
            const double value = line.value(at(context));
            low = std::min(low, value);
            high = std::max(high, value);
        }
    }
    if (quantity_ == Quantity::Seconds) {
        for (const capture::CostPoint& point : measured_) {
            low = std::min(low, point.seconds);
            high = std::max(high, point.seconds);
        }
    }
    const double left = std::log10(static_cast<double>(kFirst));
    const double right = std::log10(static_cast<double>(last_));
    const double bottom = std::log10(low) - 0.15;
    setFullRange({left, bottom, right - left, std::max(std::log10(high) + 0.15 - bottom, 0.6)});
    setAccessibleDescription(summary());
    invalidatePlot();
}

QString CostPlot::summary() const {
    if (last_ == 0) {
        return {};
    }
    const capture::CostPoint end = at(last_);
    const QString at_end = tr("at %1 tokens %2 of the operations and %3 of the bytes of the all-softmax twin")
                               .arg(compactCount(static_cast<qint64>(last_)),
                                    QLocale().toString(end.hybrid_flops / end.softmax_flops, 'g', 3),
                                    QLocale().toString(end.hybrid_bytes / end.softmax_bytes, 'g', 3));
    // Where the lines meet: the twin grows faster.
    const capture::CostPoint start = at(0);
    const double ahead = start.hybrid_flops - start.softmax_flops;
    const double gain = (end.softmax_flops - end.hybrid_flops + ahead) / static_cast<double>(last_);
    return gain > 0 && ahead > 0 ? tr("fewer operations from %1 tokens on; %2")
                                       .arg(compactCount(static_cast<qint64>(ahead / gain)), at_end)
                                 : at_end;
}

QString CostPlot::unitText(double value) const {
    switch (quantity_) {
    case Quantity::Operations:
        return scaledText(value, tr("FLOP"));
    case Quantity::Bytes:
        return scaledText(value, tr("B"));
    case Quantity::Seconds:
        break;
    }
    return value < 0.001 ? tr("%1 µs").arg(QLocale().toString(value * 1e6, 'g', 3))
           : value < 1   ? tr("%1 ms").arg(QLocale().toString(value * 1e3, 'g', 3))
                         : tr("%1 s").arg(QLocale().toString(value, 'g', 3));
}

void CostPlot::paintPlot(QPainter& painter) {
    if (last_ == 0) {
        return;
    }
    const QRectF plot = plotRect();
    painter.fillRect(plot, themes().color(Role::Background));
    painter.setFont(themes().uiFont(11));
    double free = plot.left() - 60;
    for (const double tick : logTicks(std::pow(10, range().left()), std::pow(10, range().right()))) {
        const double x = toPixel({std::log10(tick), 0}).x();
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
        if (x - 30 < free) {
            continue;
        }
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(x - 40, plot.bottom() + 3, 80, 16), Qt::AlignCenter,
                         compactCount(static_cast<qint64>(std::llround(tick))));
        free = x + 30;
    }
    for (const double tick : logTicks(std::pow(10, range().top()), std::pow(10, range().bottom()))) {
        const double y = toPixel({0, std::log10(tick)}).y();
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 6, 16), Qt::AlignRight | Qt::AlignVCenter, unitText(tick));
    }
    painter.setPen(themes().color(Role::Muted));
    painter.drawText(QRectF(plot.left(), plot.bottom() + 19, plot.width(), 18), Qt::AlignCenter,
                     tr("tokens before this one"));
    painter.setRenderHint(QPainter::Antialiasing);
    double taken = -100;
    for (const Series& line : series()) {
        QPainterPath path;
        for (double x = plot.left(); x <= plot.right(); x += 2) {
            const double context = std::pow(10, toData({x, 0}).x());
            const double value = line.value(at(static_cast<std::size_t>(context)));
            const QPointF at(x, toPixel({0, std::log10(value)}).y());
            path.elementCount() == 0 ? path.moveTo(at) : path.lineTo(at);
        }
        painter.save();
        painter.setClipRect(plot);
        painter.setPen(QPen(themes().color(line.role), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawPath(path);
        painter.restore();
        double y = std::clamp(path.currentPosition().y(), plot.top(), plot.bottom());
        y = std::abs(y - taken) < 30 ? taken + 32 : y;
        taken = y;
        painter.setPen(themes().color(line.role));
        painter.setFont(themes().uiFont(12, QFont::DemiBold));
        painter.drawText(QRectF(plot.right() + 8, y - 16, 140, 16), Qt::AlignLeft | Qt::AlignVCenter, line.name);
        painter.setFont(themes().uiFont(11));
        painter.drawText(QRectF(plot.right() + 8, y, 140, 16), Qt::AlignLeft | Qt::AlignVCenter, tr("computed"));
    }
    if (quantity_ == Quantity::Seconds) {
        QPolygonF line;
        for (const capture::CostPoint& point : measured_) {
            line.append(toPixel({std::log10(static_cast<double>(point.context)), std::log10(secondsOf(point))}));
        }
        painter.setPen(QPen(themes().color(Role::Lightning), 1.5));
        painter.setBrush(themes().color(Role::Lightning));
        painter.drawPolyline(line);
        for (const QPointF& at : line) {
            painter.drawEllipse(at, 3.5, 3.5);
        }
        if (!line.isEmpty()) {
            painter.drawText(QRectF(plot.right() + 8, line.last().y() - 8, 140, 16),
                             Qt::AlignLeft | Qt::AlignVCenter, tr("measured"));
        }
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setPen(themes().color(Role::Line));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(plot);
}

void CostPlot::paintMarks(QPainter& painter) {
    if (const std::optional<QPointF> at = pointer(); at && last_ > 0) {
        painter.setPen(QPen(themes().color(Role::Text), 1));
        painter.drawLine(QPointF(at->x(), plotRect().top()), QPointF(at->x(), plotRect().bottom()));
    }
}

QString CostPlot::describe(const capture::CostPoint& point) const {
    QString text = tr("%1 tokens").arg(grouped(static_cast<qint64>(point.context)));
    text += u'\n' + tr("hybrid %1, %2")
                        .arg(scaledText(point.hybrid_flops, tr("FLOP")), scaledText(point.hybrid_bytes, tr("B")));
    text += u'\n' + tr("all softmax %1, %2")
                        .arg(scaledText(point.softmax_flops, tr("FLOP")), scaledText(point.softmax_bytes, tr("B")));
    text += u'\n' + tr("ratio %1, %2")
                        .arg(QLocale().toString(point.hybrid_flops / point.softmax_flops, 'g', 3),
                             QLocale().toString(point.hybrid_bytes / point.softmax_bytes, 'g', 3));
    return text;
}

QString CostPlot::valueAt(QPointF at) const {
    if (last_ == 0) {
        return {};
    }
    const double context = std::pow(10, at.x());
    QString text = describe(this->at(static_cast<std::size_t>(context)));
    const auto near = std::min_element(measured_.begin(), measured_.end(), [&](const auto& a, const auto& b) {
        return std::abs(std::log(static_cast<double>(a.context) / context)) <
               std::abs(std::log(static_cast<double>(b.context) / context));
    });
    if (near != measured_.end() && std::abs(std::log2(static_cast<double>(near->context) / context)) < 0.25) {
        text +=
            u'\n' +
            tr("measured at %1: %2").arg(grouped(static_cast<qint64>(near->context)), secondsText(near->seconds));
    }
    return text;
}

TableTwin CostPlot::table() const {
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("context"),      tr("hybrid FLOP"),       tr("all-softmax FLOP"),
                    tr("hybrid bytes"), tr("all-softmax bytes"), tr("measured seconds")};
    if (last_ == 0) {
        return twin;
    }
    std::vector<capture::CostPoint> points = measured_;
    for (std::size_t context = kFirst; context < last_; context *= 2) {
        points.push_back(at(context));
    }
    points.push_back(at(last_));
    // Of one context the measured point stays: it came first.
    std::stable_sort(points.begin(), points.end(),
                     [](const auto& a, const auto& b) { return a.context < b.context; });
    points.erase(std::unique(points.begin(), points.end(),
                             [](const auto& a, const auto& b) { return a.context == b.context; }),
                 points.end());
    twin.rows = static_cast<int>(points.size());
    twin.cell = [points](int row, int column) -> QVariant {
        const capture::CostPoint& point = points[static_cast<std::size_t>(row)];
        const std::array<double, 6> values{static_cast<double>(point.context),
                                           point.hybrid_flops,
                                           point.softmax_flops,
                                           point.hybrid_bytes,
                                           point.softmax_bytes,
                                           point.seconds};
        if (column == 0) {
            return static_cast<qint64>(point.context);
        }
        const double value = values[static_cast<std::size_t>(column)];
        return std::isnan(value) ? QVariant() : QVariant(value);
    };
    return twin;
}

} // namespace fulgurite
