// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/line_plot.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QKeyEvent>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kTickRoom = 34; // pixels from one line of the grid to the next
constexpr double kReach = 24; // pixels from the pointer to a point that counts as under it

} // namespace

LinePlot::LinePlot(ThemeManager& themes, const QString& name, QWidget* parent) : PlotView(themes, name, parent) {
    setMargins({44, 8, 12, 34});
    setYUp(true);
    value_text_ = [](double value) { return tickText(value, 0.01); };
}

QSize LinePlot::minimumSizeHint() const {
    return {themes().scaled(160), themes().scaled(110)};
}

void LinePlot::setAxes(const QString& x, const QString& y, bool log_x) {
    x_name_ = x;
    y_name_ = y;
    log_x_ = log_x;
}

QPointF LinePlot::onAxes(QPointF data) const {
    return {log_x_ ? std::log10(std::max(data.x(), 1e-12)) : data.x(), data.y()};
}

double LinePlot::xValue(double axis) const {
    return log_x_ ? std::pow(10, axis) : axis;
}

void LinePlot::setData(std::vector<PlotLine> lines, std::vector<PlotRule> rules) {
    lines_ = std::move(lines);
    rules_ = std::move(rules);
    current_ = {-1, -1};
    double left = INFINITY;
    double right = -INFINITY;
    double top = 0;
    for (const PlotLine& line : lines_) {
        for (std::size_t i = 0; i < line.points.size(); ++i) {
            const QPointF at = onAxes(line.points[i]);
            left = std::min(left, at.x());
            right = std::max(right, at.x());
            top = std::max({top, at.y(), line.band.empty() ? 0.0 : line.band[i].second});
        }
    }
    for (const PlotRule& rule : rules_)
        top = std::max(top, rule.y);
    if (!(left < right))
        right = left + 1;
    if (std::isfinite(left))
        setFullRange({left, 0, right - left, top > 0 ? top * 1.08 : 1}, Qt::Horizontal);
    setLeastSpan({(right - left) / 200, 0});
    invalidatePlot();
}

void LinePlot::setSpot(std::optional<QPointF> spot, const QString& text) {
    spot_ = spot;
    spot_text_ = text;
    invalidatePlot();
}

void LinePlot::paintAxes(QPainter& painter) {
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    const int lines_that_fit = std::clamp(static_cast<int>(plot.height() / themes().scaled(kTickRoom)), 1, 5);
    for (const double tick : niceTicks(0, fullRange().bottom(), lines_that_fit)) {
        const double y = toPixel({0, tick}).y();
        if (y < plot.top() - 1)
            continue;
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 5, 16), Qt::AlignRight | Qt::AlignVCenter,
                         value_text_(tick));
    }
    const std::vector<double> ticks = log_x_ ? logTicks(xValue(range().left()), xValue(range().right()))
                                             : niceTicks(range().left(), range().right(), 5);
    const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
    double free_from = -1e9;
    for (const double tick : ticks) {
        const double x = toPixel(onAxes({tick, 0})).x();
        if (x < plot.left() - 1 || x > plot.right() + 1 || x < free_from)
            continue;
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
        painter.setPen(themes().color(Role::Muted));
        const QString text = log_x_ ? compactCount(static_cast<qint64>(std::llround(tick))) : tickText(tick, step);
        painter.drawText(QRectF(x - 30, plot.bottom() + 2, 60, 14), Qt::AlignCenter, text);
        free_from = x + QFontMetricsF(painter.font()).horizontalAdvance(text) + 8;
    }
    for (const PlotRule& rule : rules_) {
        const double y = toPixel({0, rule.y}).y();
        painter.setPen(QPen(themes().color(Role::Text), 1.5));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.drawText(QRectF(plot.left() + 6, y + 1, plot.width() - 8, 16), Qt::AlignLeft | Qt::AlignTop,
                         rule.text);
    }
}

void LinePlot::paintLine(QPainter& painter, const PlotLine& line) {
    const QColor color = line.color(themes());
    QPainterPath path;
    for (std::size_t i = 0; i < line.points.size(); ++i) {
        const QPointF at = toPixel(onAxes(line.points[i]));
        i == 0 ? path.moveTo(at) : path.lineTo(at);
    }
    if (!line.band.empty()) {
        QPolygonF band;
        for (std::size_t i = 0; i < line.points.size(); ++i)
            band << toPixel(onAxes({line.points[i].x(), line.band[i].second}));
        for (std::size_t i = line.points.size(); i-- > 0;)
            band << toPixel(onAxes({line.points[i].x(), line.band[i].first}));
        QColor pale = color;
        pale.setAlphaF(0.16F);
        painter.setPen(Qt::NoPen);
        painter.setBrush(pale);
        painter.drawPolygon(band);
    }
    painter.setBrush(Qt::NoBrush);
    if (line.style != Qt::NoPen) {
        painter.setPen(QPen(color, line.width, line.style));
        painter.drawPath(path);
    }
    if (line.marks || line.style == Qt::NoPen || line.points.size() == 1) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(color);
        for (const QPointF& point : line.points)
            painter.drawEllipse(toPixel(onAxes(point)), 3, 3);
    }
}

// Below the axis: a sample of each line and its name, as far as there is room.
void LinePlot::paintLegend(QPainter& painter) {
    painter.setFont(themes().uiFont(10.5));
    const QFontMetricsF metrics(painter.font());
    double x = plotRect().left();
    const double y = height() - themes().scaled(9);
    for (const PlotLine& line : lines_) {
        const double need = 22 + metrics.horizontalAdvance(line.name) + 10;
        if (line.name.isEmpty() || x + need > width())
            continue;
        painter.setPen(QPen(line.color(themes()), 2, line.style == Qt::NoPen ? Qt::SolidLine : line.style));
        if (line.style == Qt::NoPen)
            painter.drawEllipse(QPointF(x + 8, y), 2, 2);
        else
            painter.drawLine(QPointF(x, y), QPointF(x + 16, y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(x + 21, y - 8, need, 16), Qt::AlignLeft | Qt::AlignVCenter, line.name);
        x += need;
    }
    painter.setPen(themes().color(Role::Muted));
    const double room = metrics.horizontalAdvance(x_name_);
    if (x + room + 6 < plotRect().right())
        painter.drawText(QRectF(plotRect().right() - room - 2, y - 8, room + 2, 16),
                         Qt::AlignRight | Qt::AlignVCenter, x_name_);
}

void LinePlot::paintPlot(QPainter& painter) {
    painter.setRenderHint(QPainter::Antialiasing);
    paintAxes(painter);
    painter.save();
    painter.setClipRect(plotRect().adjusted(-4, -4, 4, 2));
    for (const PlotLine& line : lines_)
        paintLine(painter, line);
    if (spot_) {
        const QPointF at = toPixel(onAxes(*spot_));
        painter.setPen(QPen(themes().color(Role::Text), 1.5));
        painter.setBrush(themes().color(Role::Panel));
        painter.drawPolygon(
            QPolygonF({at + QPointF(0, -6), at + QPointF(6, 0), at + QPointF(0, 6), at + QPointF(-6, 0)}));
        painter.setFont(themes().uiFont(10.5));
        const bool left = at.x() > plotRect().center().x();
        painter.drawText(QRectF(left ? at.x() - 170 : at.x() + 10, at.y() + 6, 160, 16),
                         (left ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter, spot_text_);
    }
    painter.restore();
    paintLegend(painter);
}

std::pair<int, int> LinePlot::nearest(QPointF pixel) const {
    std::pair<int, int> best{-1, -1};
    double least = kReach;
    for (std::size_t l = 0; l < lines_.size(); ++l) {
        for (std::size_t p = 0; p < lines_[l].points.size(); ++p) {
            const QPointF away = toPixel(onAxes(lines_[l].points[p])) - pixel;
            if (const double distance = std::hypot(away.x(), away.y()); distance < least) {
                least = distance;
                best = {static_cast<int>(l), static_cast<int>(p)};
            }
        }
    }
    return best;
}

QString LinePlot::describe(int line, int point) const {
    const PlotLine& which = lines_[static_cast<std::size_t>(line)];
    const QPointF at = which.points[static_cast<std::size_t>(point)];
    QString text = which.name + u'\n' + x_name_ + u' ' + tickText(at.x(), at.x() == std::round(at.x()) ? 1 : 0.01) +
                   u'\n' + value_text_(at.y());
    if (!which.band.empty()) {
        const auto [low, high] = which.band[static_cast<std::size_t>(point)];
        text += tr(" (%1 to %2)").arg(value_text_(low), value_text_(high));
    }
    return text;
}

QString LinePlot::valueAt(QPointF at) const {
    const auto [line, point] = nearest(toPixel(at));
    return line < 0 ? QString() : describe(line, point);
}

void LinePlot::paintMarks(QPainter& painter) {
    std::pair<int, int> shown = current_;
    if (pointer())
        shown = nearest(*pointer());
    if (shown.first < 0)
        return;
    const QPointF at = toPixel(
        onAxes(lines_[static_cast<std::size_t>(shown.first)].points[static_cast<std::size_t>(shown.second)]));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(themes().color(Role::Focus), 2));
    painter.setBrush(Qt::NoBrush);
    painter.drawEllipse(at, 5, 5);
}

void LinePlot::clicked(QPointF at, Qt::KeyboardModifiers) {
    const auto [line, point] = nearest(toPixel(at));
    current_ = {line, point};
    update();
    if (line >= 0)
        emit pointChosen(line, point);
}

std::optional<QPointF> LinePlot::walkPoint() const {
    if (current_.first < 0)
        return {};
    return onAxes(
        lines_[static_cast<std::size_t>(current_.first)].points[static_cast<std::size_t>(current_.second)]);
}

bool LinePlot::walk(QKeyEvent* event) {
    if (lines_.empty() || event->modifiers() != Qt::NoModifier)
        return false;
    auto [line, point] = current_;
    switch (event->key()) {
    case Qt::Key_Left:
        --point;
        break;
    case Qt::Key_Right:
        ++point;
        break;
    case Qt::Key_Up:
        --line;
        break;
    case Qt::Key_Down:
        ++line;
        break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (line >= 0)
            emit pointChosen(line, point);
        return line >= 0;
    default:
        return false;
    }
    line = std::clamp(line, 0, static_cast<int>(lines_.size()) - 1);
    const int last = static_cast<int>(lines_[static_cast<std::size_t>(line)].points.size()) - 1;
    if (last < 0)
        return true;
    current_ = {line, std::clamp(point, 0, last)};
    announce(describe(current_.first, current_.second));
    update();
    return true;
}

TableTwin LinePlot::table() const {
    struct Row {
        QString line;
        QPointF at;
        std::optional<std::pair<double, double>> band;
    };
    auto rows = std::make_shared<std::vector<Row>>();
    for (const PlotLine& line : lines_) {
        for (std::size_t i = 0; i < line.points.size(); ++i)
            rows->push_back(
                {line.name, line.points[i], line.band.empty() ? std::nullopt : std::optional(line.band[i])});
    }
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("line"), x_name_, y_name_, tr("low"), tr("high")};
    twin.rows = static_cast<int>(rows->size());
    twin.cell = [rows](int row, int column) -> QVariant {
        const Row& each = (*rows)[static_cast<std::size_t>(row)];
        switch (column) {
        case 0:
            return each.line;
        case 1:
            return each.at.x();
        case 2:
            return each.at.y();
        default:
            return each.band ? QVariant(column == 3 ? each.band->first : each.band->second) : QVariant();
        }
    };
    return twin;
}

} // namespace fulgurite
