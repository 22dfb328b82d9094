// SPDX-License-Identifier: GPL-3.0-or-later
// Header, axes, cursor and pins of a chart, and the frame that says why there is nothing.
#include "ui/charts/scales.h"
#include "ui/train/curve_chart.h"
#include "ui/train/run_look.h"

#include <QDateTime>
#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kMark = 7;

QString markGlyph(int look) {
    static const QStringList kGlyphs{QStringLiteral("●"), QStringLiteral("▲"), QStringLiteral("■"),
                                     QStringLiteral("○"), QStringLiteral("△"), QStringLiteral("□"),
                                     QStringLiteral("◎"), QStringLiteral("◬"), QStringLiteral("▣")};
    return kGlyphs.value(look, QStringLiteral("◆"));
}

QString axisTick(XAxis axis, double x, double step) {
    if (axis == XAxis::Elapsed) {
        const auto seconds = std::llround(x);
        return step >= 60
                   ? QStringLiteral("%1:%2").arg(seconds / 3600).arg(seconds / 60 % 60, 2, 10, QLatin1Char('0'))
                   : QStringLiteral("%1 s").arg(tickText(x, step));
    }
    if (axis == XAxis::Clock) {
        return QDateTime::fromMSecsSinceEpoch(static_cast<qint64>(x * 1000))
            .toString(step >= 86400 ? QStringLiteral("d MMM")
                      : step >= 60  ? QStringLiteral("HH:mm")
                                    : QStringLiteral("HH:mm:ss"));
    }
    return tickText(x, step);
}

} // namespace

void CurveChart::paintPlot(QPainter& painter) {
    paintHeader(painter);
    if (scene_->curves.empty()) {
        paintMissing(painter);
        return;
    }
    paintAxes(painter);
    const QRectF plot = plotRect();
    // Files are drawn with the painter of the file, whole and sharp; the window shows the latest picture.
    if (painter.device()->devType() != QInternal::Pixmap) {
        const auto [low, high] = link_.range();
        paintScene(painter, *scene_, {low, high, picture_.window.y_low, picture_.window.y_high}, plot, look());
    } else if (!picture_.image.isNull()) {
        painter.save();
        painter.setClipRect(plot);
        const QRectF target = pictureRect();
        // Of another size while the next one is drawn: stretched until then.
        if (target == plot && picture_.image.deviceIndependentSize().toSize() == plot.size().toSize()) {
            painter.drawImage(plot.topLeft(), picture_.image);
        } else {
            painter.drawImage(target, picture_.image);
        }
        painter.restore();
    }
    paintEndLabels(painter);
}

QRectF CurveChart::pictureRect() const {
    const SceneWindow& window = picture_.window;
    const QPointF low = toPixel({window.x_low, window.y_low});
    const QPointF high = toPixel({window.x_high, window.y_high});
    const QRectF target(low.x(), high.y(), high.x() - low.x(), low.y() - high.y());
    const QRectF plot = plotRect();
    const bool same = std::abs(target.left() - plot.left()) < 0.5 && std::abs(target.right() - plot.right()) < 0.5;
    return same ? plot : target;
}

void CurveChart::paintHeader(QPainter& painter) const {
    const double middle = themes().scaled(14);
    const QFont bold = themes().uiFont(12, QFont::DemiBold);
    const QFont plain = themes().uiFont(11);
    painter.setFont(bold);
    painter.setPen(themes().color(Role::Text));
    double x = 10;
    const double right = width() - (large_ ? 62.0 : 10.0);
    const QString title = QFontMetricsF(bold).elidedText(name(), Qt::ElideRight, right - x);
    painter.drawText(QPointF(x, middle + QFontMetricsF(bold).ascent() / 2 - 1), title);
    x += QFontMetricsF(bold).horizontalAdvance(title) + 8;
    const QFontMetricsF metrics(plain);
    painter.setFont(plain);
    const double base = middle + metrics.ascent() / 2 - 1;
    if (x + metrics.horizontalAdvance(spec_.unit) < right) {
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QPointF(x, base), spec_.unit);
        x += metrics.horizontalAdvance(spec_.unit) + 12;
    }
    if (!large_) {
        return; // the values stand there, with the cursor
    }
    for (std::size_t i = 0; i < scene_->rows.size() && i < kMostNamed; ++i) {
        const SceneRow& row = scene_->rows[i];
        const QString text = row.series.isEmpty() ? row.label : row.label + u' ' + row.series;
        if (x + metrics.horizontalAdvance(text) + 24 > right) {
            break;
        }
        paintMark(painter, {x + kMark / 2, middle}, kMark, row.look, lookColor(themes().theme(), row.look));
        painter.setPen(themes().color(Role::Text));
        painter.drawText(QPointF(x + kMark + 5, base), text);
        x += kMark + 5 + metrics.horizontalAdvance(text) + 12;
    }
    if (std::any_of(scene_->curves.begin(), scene_->curves.end(),
                    [](const SceneCurve& curve) { return curve.stroke == Stroke::Paper; }) &&
        x + 120 < right) {
        QPen dash(themes().color(Role::Muted), 1.4);
        dash.setDashPattern({4, 3});
        painter.setPen(dash);
        painter.drawLine(QPointF(x, middle), QPointF(x + 18, middle));
        painter.drawText(QPointF(x + 23, base), tr("from the paper"));
    }
}

std::vector<double> CurveChart::heightTicks(double low, double high) const {
    const int count = std::max(2, static_cast<int>(plotRect().height() / 30));
    return scene_->log_y ? logTicks(shown(low), shown(high)) : niceTicks(low, high, count);
}

void CurveChart::paintAxes(QPainter& painter) const {
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(10.5);
    const QFontMetricsF metrics(font);
    painter.setFont(font);
    const QRectF& seen = range();
    const bool log_x = link_.logarithmic();
    const int across = std::max(2, static_cast<int>(plot.width() / 90));
    const std::vector<double> y_ticks = heightTicks(seen.top(), seen.bottom());
    const double y_step = tickStep(y_ticks);
    double last_label = INFINITY;
    for (const double tick : y_ticks) {
        const double y = toPixel({0, scene_->log_y ? std::log10(tick) : tick}).y();
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        if (last_label - y < metrics.height() * 0.9) {
            continue;
        }
        last_label = y;
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 5, 16), Qt::AlignRight | Qt::AlignVCenter,
                         tickText(tick, scene_->log_y ? tick : y_step));
    }
    const std::vector<double> x_ticks = log_x ? logTicks(link_.place(seen.left()), link_.place(seen.right()))
                                              : niceTicks(seen.left(), seen.right(), across);
    const double x_step = tickStep(x_ticks);
    double last_right = -INFINITY;
    for (const double tick : x_ticks) {
        const double x = toPixel({log_x ? std::log10(tick) : tick, 0}).x();
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
        const QString text = axisTick(scene_->settings.x, tick, log_x ? tick : x_step);
        const double half = metrics.horizontalAdvance(text) / 2;
        if (x - half < last_right + 6 || x + half > width()) {
            continue;
        }
        last_right = x + half;
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(x - half - 2, plot.bottom() + 3, 2 * half + 4, 16), Qt::AlignCenter, text);
    }
    painter.setPen(themes().color(Role::Line));
    painter.drawLine(plot.bottomLeft(), plot.bottomRight());
}

// At the right end of the visible part: value of each mean in the large chart, names of quantiles and of series.
void CurveChart::paintEndLabels(QPainter& painter) const {
    const QRectF plot = plotRect();
    if (width() - plot.right() < 30) {
        return;
    }
    const QFont bold = themes().uiFont(11, QFont::DemiBold);
    const QFont plain = themes().uiFont(10.5);
    std::vector<double> taken;
    for (auto each = scene_->curves.rbegin(); each != scene_->curves.rend(); ++each) {
        const SceneCurve& curve = *each;
        const bool named = scene_->spec.fan || (!curve.series.isEmpty() && !large_);
        const bool wanted = curve.stroke == Stroke::Mean || curve.stroke == Stroke::Selected ||
                            curve.stroke == Stroke::Paper || (scene_->spec.fan && curve.stroke == Stroke::FanLine);
        const auto index = indexAt(curve.x, range().right());
        if (!wanted || !index || !std::isfinite(curve.y[*index])) {
            continue;
        }
        const QPointF at = toPixel({curve.x[*index], curve.y[*index]});
        const bool crowded =
            std::any_of(taken.begin(), taken.end(), [&](double y) { return std::abs(y - at.y()) < 12; });
        if (crowded || at.y() < plot.top() - 1 || at.y() > plot.bottom() + 1 || at.x() < plot.left()) {
            continue;
        }
        taken.push_back(at.y());
        const bool paper = curve.stroke == Stroke::Paper;
        if (large_ && !paper) {
            paintMark(painter, at, kMark, curve.look, lookColor(themes().theme(), curve.look));
        }
        const QString text = scene_->spec.fan ? curve.label
                             : named          ? curve.series
                                              : valueText(shown(curve.y[*index]));
        painter.setFont(paper || named ? plain : bold);
        painter.setPen(lookText(themes().theme(), curve.look));
        painter.drawText(QRectF(plot.right() + 6, at.y() - 8, width() - plot.right() - 7, 16),
                         Qt::AlignLeft | Qt::AlignVCenter, text);
    }
}

void CurveChart::paintMissing(QPainter& painter) const {
    const QRectF frame = QRectF(rect()).adjusted(10, themes().scaled(28), -10, -10);
    painter.save();
    painter.setClipRect(frame);
    painter.setPen(QPen(themes().color(Role::Grid), 1));
    for (double x = frame.left() - frame.height(); x < frame.right(); x += 8) {
        painter.drawLine(QPointF(x, frame.bottom()), QPointF(x + frame.height(), frame.top()));
    }
    painter.setPen(themes().color(Role::Line));
    painter.drawRect(frame.adjusted(0, 0, -1, -1));
    const QString first = scene_->missing.section(u'\n', 0, 0);
    const QString rest = scene_->missing.section(u'\n', 1);
    const QRectF inside = frame.adjusted(10, 6, -10, -6);
    const QFont bold = themes().uiFont(12, QFont::DemiBold);
    const QFont plain = themes().uiFont(11);
    const auto flags = Qt::AlignHCenter | Qt::TextWordWrap;
    const QRectF head = QFontMetricsF(bold).boundingRect(inside, flags, first);
    const QRectF body = QFontMetricsF(plain).boundingRect(inside, flags, rest);
    const double top = inside.center().y() - (head.height() + 4 + body.height()) / 2;
    const QRectF text(inside.left(), top, inside.width(), head.height() + 4 + body.height());
    painter.fillRect(text.intersected(inside).adjusted(-4, -4, 4, 4), themes().color(Role::Panel));
    painter.setFont(bold);
    painter.setPen(themes().color(Role::Text));
    painter.drawText(text, flags | Qt::AlignTop, first);
    painter.setFont(plain);
    painter.setPen(themes().color(Role::Muted));
    painter.drawText(text.adjusted(0, head.height() + 4, 0, 4), flags | Qt::AlignTop, rest);
    painter.restore();
}

void CurveChart::paintMarks(QPainter& painter) {
    const double middle = themes().scaled(14);
    const std::optional<double> cursor = link_.cursor();
    // Values at the cursor, at the end without one; from the right, as many as there is room for.
    if (!large_ && !scene_->rows.empty()) {
        const QFont font = themes().uiFont(11, QFont::Medium);
        const QFontMetricsF metrics(font);
        painter.setFont(font);
        double right = width() - 10;
        const double least = 18 + QFontMetricsF(themes().uiFont(12, QFont::DemiBold)).horizontalAdvance(name()) +
                             QFontMetricsF(themes().uiFont(11)).horizontalAdvance(spec_.unit) + 6;
        for (auto row = scene_->rows.rbegin(); row != scene_->rows.rend(); ++row) {
            const auto index = indexAt(row->x, cursor.value_or(range().right()));
            const bool fan = scene_->spec.fan;
            if (!index || row->x.empty() ||
                (fan && row->label != QLatin1String("p99") && row->label != QLatin1String("max"))) {
                continue;
            }
            const QString text = (fan ? row->label + u' ' : QString()) + valueText(row->smooth[*index]);
            const double wide = metrics.horizontalAdvance(text) + kMark + 4;
            if (right - wide < least) {
                break;
            }
            painter.setPen(lookText(themes().theme(), row->look));
            painter.drawText(QPointF(right - metrics.horizontalAdvance(text), middle + metrics.ascent() / 2 - 1),
                             text);
            paintMark(painter, {right - wide + kMark / 2, middle}, kMark - 1, row->look,
                      lookColor(themes().theme(), row->look));
            right -= wide + 8;
        }
    }
    if (scene_->curves.empty()) {
        return;
    }
    paintPins(painter);
    if (cursor && range().left() <= *cursor && *cursor <= range().right()) {
        paintCursorAt(painter, *cursor, link_.cursorIsOf(this), large_);
    }
}

void CurveChart::paintPins(QPainter& painter) const {
    for (const double pin : link_.pins()) {
        if (range().left() <= pin && pin <= range().right()) {
            paintCursorAt(painter, pin, true, true);
        }
    }
}

void CurveChart::paintCursorAt(QPainter& painter, double x, bool solid, bool named) const {
    const QRectF plot = plotRect();
    const double pixel = toPixel({x, 0}).x();
    painter.setPen(QPen(themes().color(Role::Text, solid ? 0.8 : 0.6), 1, solid ? Qt::SolidLine : Qt::DotLine));
    painter.drawLine(QPointF(pixel, plot.top()), QPointF(pixel, plot.bottom()));
    for (std::size_t i = 0; i < scene_->rows.size() && i < kMostNamed; ++i) {
        const SceneRow& row = scene_->rows[i];
        const auto index = indexAt(row.x, x);
        if (!index) {
            continue;
        }
        const double y = scene_->log_y ? std::log10(row.smooth[*index]) : row.smooth[*index];
        const QPointF at = toPixel({row.x[*index], y});
        if (std::isfinite(y) && plot.adjusted(-2, -2, 2, 2).contains(at)) {
            paintMark(painter, at, kMark, row.look, lookColor(themes().theme(), row.look));
        }
    }
    if (!named) {
        return;
    }
    const QFont font = themes().uiFont(10.5, QFont::DemiBold);
    const QString text = placeText(scene_->settings.x, link_.place(x));
    const double half = QFontMetricsF(font).horizontalAdvance(text) / 2 + 6;
    const double centre = std::clamp(pixel, half, std::max(half, width() - half));
    const QRectF box(centre - half, plot.bottom() + 2, 2 * half, 17);
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes().color(Role::Text));
    painter.drawRoundedRect(box, 4, 4);
    painter.setFont(font);
    painter.setPen(themes().color(Role::Panel));
    painter.drawText(box, Qt::AlignCenter, text);
    painter.restore();
}

QString CurveChart::rowText(const SceneRow& row, double x) const {
    const auto index = indexAt(row.x, x);
    if (!index) {
        return {};
    }
    QString line = QStringLiteral("%1 %2  %3")
                       .arg(markGlyph(row.look), row.series.isEmpty() ? row.label : row.label + u' ' + row.series,
                            valueText(row.smooth[*index]));
    if (scene_->settings.smoothing.kind != Smoothing::Off && !scene_->spec.fan) {
        line += tr("   raw %1").arg(valueText(row.raw[*index]));
    }
    if (!row.least.empty() && row.least[*index] < row.most[*index]) {
        line += tr("   %1 to %2").arg(valueText(row.least[*index]), valueText(row.most[*index]));
    }
    if (link_.pins().size() == 2) {
        const auto a = indexAt(row.x, link_.pins()[0]);
        const auto b = indexAt(row.x, link_.pins()[1]);
        if (a && b) {
            line += tr("   Δ %1").arg(signedText(row.smooth[*b] - row.smooth[*a]));
        }
    }
    return line;
}

QString CurveChart::valueAt(QPointF data) const {
    QStringList lines{QStringLiteral("%1 %2").arg(axisName(scene_->settings.x),
                                                  placeText(scene_->settings.x, link_.place(data.x())))};
    for (std::size_t i = 0; i < scene_->rows.size() && i < kMostNamed; ++i) {
        if (const QString line = rowText(scene_->rows[i], data.x()); !line.isEmpty()) {
            lines << line;
        }
    }
    if (scene_->coarse) {
        lines << tr("smoothed over means of columns; zoom in for points");
    }
    return lines.size() > 1 ? lines.join(u'\n') : QString();
}

} // namespace fulgurite
