// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/decay_plot.h"

#include "ui/base/format.h"
#include "ui/inspect/head_badge.h"

#include <QKeyEvent>
#include <QLocale>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kContours[] = {64, 1000};
constexpr int kGroup = 8; // layers of a page step: one softmax layer and the lightning ones before it
constexpr int kHistogramBins = 48;

double fractionOf(DecayPlot::Reach reach) {
    return reach == DecayPlot::Reach::Half ? 0.5 : reach == DecayPlot::Reach::Tenth ? 0.1 : 0.01;
}

} // namespace

DecayPlot::DecayPlot(ThemeManager& themes, Selection& selection, QWidget* parent)
    : PlotView(themes, tr("Decay horizon"), parent), selection_(selection) {
    setMargins({32, 8, 10, 76});
    setLeastSpan({4, 4});
    connect(&selection_, &Selection::changed, this, qOverload<>(&QWidget::update));
    connect(&selection_, &Selection::tickedChanged, this, qOverload<>(&QWidget::update));
}

void DecayPlot::setMap(const capture::DecayMap& map) {
    map_ = map;
    setFullRange({0, 0, std::max(1.0, map.heads * 1.0), std::max(1.0, layers() * 1.0)});
    const auto lightning = std::count(map.layers.begin(), map.layers.end(), LayerKind::Lightning);
    setAccessibleDescription(tr("%1 layers of %2 heads, %3 layers decay. Arrow keys walk, Space ticks.")
                                 .arg(layers())
                                 .arg(map.heads)
                                 .arg(lightning));
    rescale();
}

void DecayPlot::setReach(Reach reach) {
    reach_ = reach;
    rescale();
}

double DecayPlot::reachOf(capture::HeadRef head) const {
    return capture::reach(map_.rate(head), fractionOf(reach_));
}

void DecayPlot::rescale() {
    std::vector<double> values;
    for (int layer = 0; layer < layers(); ++layer) {
        for (int head = 0; head < map_.heads && !map_.unbounded(layer); ++head) {
            values.push_back(reachOf({layer, head}));
        }
    }
    histogram_.assign(kHistogramBins, 0);
    invalidatePlot();
    if (values.empty()) {
        return;
    }
    high_ = *std::max_element(values.begin(), values.end());
    low_ = std::min(std::max(1.0, *std::min_element(values.begin(), values.end())), high_ / 2);
    below_ = static_cast<int>(std::lround(
        100.0 * static_cast<double>(std::count_if(values.begin(), values.end(), [](double v) { return v < 64; })) /
        static_cast<double>(values.size())));
    // Slopes fall with the head's number for powers of two; for other numbers of heads the published formula
    // appends a second, interleaved series, and a contour would mean nothing.
    const auto first_lightning = std::find(map_.layers.begin(), map_.layers.end(), LayerKind::Lightning);
    const int layer = static_cast<int>(first_lightning - map_.layers.begin());
    rising_ = true;
    for (int head = 0; head + 1 < map_.heads; ++head) {
        rising_ = rising_ && map_.rate({layer, head}) >= map_.rate({layer, head + 1});
    }
    for (const double value : values) {
        const double share = std::clamp(std::log(value / low_) / std::log(high_ / low_), 0.0, 1.0);
        ++histogram_[static_cast<std::size_t>(std::min(share * kHistogramBins, kHistogramBins - 1.0))];
    }
}

std::optional<capture::HeadRef> DecayPlot::headAt(QPointF data) const {
    const capture::HeadRef head{static_cast<int>(std::floor(data.y())), static_cast<int>(std::floor(data.x()))};
    const bool inside = head.layer >= 0 && head.layer < layers() && head.head >= 0 && head.head < map_.heads;
    return inside ? std::optional(head) : std::nullopt;
}

QRectF DecayPlot::cellRect(capture::HeadRef head) const {
    return {toPixel(QPointF(head.head, head.layer)), toPixel(QPointF(head.head + 1, head.layer + 1))};
}

void DecayPlot::paintPlot(QPainter& painter) {
    if (layers() == 0) {
        return;
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    paintCells(painter);
    painter.setRenderHint(QPainter::Antialiasing);
    for (const double tokens : kContours) {
        paintContour(painter, tokens);
    }
    paintAxes(painter);
    paintRamp(painter);
}

void DecayPlot::paintCells(QPainter& painter) const {
    const ColorScale scale = ColorScale::ramp(themes().theme(), Role::Lightning, low_, high_);
    QImage image(map_.heads, layers(), QImage::Format_RGB32);
    for (int layer = 0; layer < layers(); ++layer) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(layer));
        for (int head = 0; head < map_.heads; ++head) {
            line[head] =
                map_.unbounded(layer) ? themes().color(Role::Panel).rgb() : scale.at(reachOf({layer, head}));
        }
    }
    const QRectF plot = plotRect();
    painter.save();
    painter.setClipRect(plot);
    painter.drawImage(QRectF(toPixel({0, 0}), toPixel(QPointF(map_.heads, layers()))), image);
    // Nearly as thin as a cell in the large map: the line is what says "no half-life here".
    for (int layer = 0; layer < layers(); ++layer) {
        if (map_.unbounded(layer)) {
            const double y = std::round(toPixel({0, layer + 0.5}).y());
            painter.fillRect(QRectF(plot.left(), y - 1, plot.width(), 2), themes().color(Role::Softmax));
        }
    }
    painter.restore();
}

// Where heads pass `tokens` of reach, from layer to layer; only where reach rises with the head's number, as it
// does for powers of two.
void DecayPlot::paintContour(QPainter& painter, double tokens) const {
    if (!rising_) {
        return;
    }
    QPainterPath path;
    bool open = false;
    QPointF last;
    for (int layer = 0; layer < layers(); ++layer) {
        if (map_.unbounded(layer)) {
            continue;
        }
        std::optional<double> x;
        for (int head = 0; head + 1 < map_.heads && !x; ++head) {
            const double a = std::log(reachOf({layer, head}) / tokens);
            const double b = std::log(reachOf({layer, head + 1}) / tokens);
            if (a <= 0 && b > 0) {
                x = head + 0.5 + a / (a - b);
            }
        }
        if (!x) {
            open = false;
            continue;
        }
        last = toPixel({*x, layer + 0.5});
        if (open) {
            path.lineTo(last);
        } else {
            path.moveTo(last);
        }
        open = true;
    }
    if (path.elementCount() < 2) {
        return;
    }
    const QRectF plot = plotRect();
    painter.save();
    painter.setClipRect(plot);
    painter.setPen(QPen(themes().color(Role::Text, 0.75), 1));
    painter.drawPath(path);
    const QString text = tr("%1 tok").arg(grouped(static_cast<std::int64_t>(tokens)));
    const QFont font = themes().uiFont(10.5, QFont::DemiBold);
    const QPointF at = path.pointAtPercent(0.5);
    QRectF box = QFontMetricsF(font).boundingRect(text).adjusted(-4, -1, 4, 1);
    box.moveCenter(
        {std::clamp(at.x(), plot.left() + box.width() / 2 + 2, plot.right() - box.width() / 2 - 2), at.y()});
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes().color(Role::Panel, 0.85));
    painter.drawRoundedRect(box, 3, 3);
    painter.setFont(font);
    painter.setPen(themes().color(Role::Text));
    painter.drawText(box, Qt::AlignCenter, text);
    painter.restore();
}

void DecayPlot::paintAxes(QPainter& painter) const {
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(10.5);
    const QFontMetricsF metrics(font);
    painter.setFont(font);
    const double line = metrics.height();
    double free_from = plot.top() - line;
    for (int layer = 0; layer < layers(); ++layer) {
        const double y = toPixel({0, layer + 0.5}).y();
        const bool room = y - line / 2 >= free_from && y >= plot.top() - 1 && y <= plot.bottom() + 1;
        // With many layers the softmax ones and the first carry names; with few all do.
        const bool named = map_.unbounded(layer) || layer == 0 || range().height() * line < plot.height();
        if (room && named) {
            painter.setPen(themes().color(map_.unbounded(layer) ? Role::Softmax : Role::Muted));
            painter.drawText(QRectF(0, y - line / 2, plot.left() - 5, line), Qt::AlignRight | Qt::AlignVCenter,
                             QStringLiteral("L%1").arg(layer));
            free_from = y + line / 2;
        }
    }
    const double column = metrics.horizontalAdvance(QStringLiteral("H000"));
    int step = 1;
    while (step * plot.width() / range().width() < column + 6) {
        step *= 2;
    }
    painter.setPen(themes().color(Role::Muted));
    for (int head = 0; head < map_.heads; head += step) {
        const double x = toPixel({head + 0.5, 0}).x();
        if (x >= plot.left() && x <= plot.right()) {
            painter.drawText(QRectF(x - column, plot.bottom() + 2, 2 * column, line),
                             Qt::AlignHCenter | Qt::AlignTop,
                             (head == 0 ? QStringLiteral("H%1") : QStringLiteral("%1")).arg(head));
        }
    }
}

void DecayPlot::paintRamp(QPainter& painter) const {
    const ColorScale scale = ColorScale::ramp(themes().theme(), Role::Lightning, low_, high_);
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(10.5);
    const double line = QFontMetricsF(font).height();
    // What the words beside the ramp leave of it.
    const double words = QFontMetricsF(font).horizontalAdvance(tr("%1 % below 64").arg(100)) + 14;
    const double width = std::max(40.0, std::round(plot.width() - words));
    const double top = plot.bottom() + line + 5;
    const double ramp_top = top + themes().scaled(20) + 2;
    const double ramp_height = themes().scaled(9);
    const int most = *std::max_element(histogram_.begin(), histogram_.end());
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (std::size_t bin = 0; bin < histogram_.size() && most > 0; ++bin) {
        const double left = std::round(plot.left() + width * static_cast<double>(bin) / kHistogramBins);
        const double right = std::round(plot.left() + width * static_cast<double>(bin + 1) / kHistogramBins);
        const double height = std::ceil(themes().scaled(20) * static_cast<double>(histogram_[bin]) / most);
        painter.fillRect(QRectF(left, ramp_top - 2 - height, right - left - 1, height),
                         themes().color(Role::Faint));
    }
    for (double x = 0; x < width; ++x) {
        painter.fillRect(QRectF(plot.left() + x, ramp_top, 1, ramp_height),
                         QColor(scale.at(scale.valueAt(x / width))));
    }
    painter.setFont(font);
    painter.setPen(themes().color(Role::Muted));
    double free_from = plot.left() - line;
    std::vector<double> ticks = logTicks(low_, high_);
    for (const double tick : ticks) {
        const QString text = distanceText(tick).section(QLocale().decimalPoint(), 0, 0);
        const QString shown = tick >= 1000 ? compactCount(static_cast<std::int64_t>(tick)) : text;
        const double x = plot.left() + width * scale.share(tick);
        const double half = QFontMetricsF(font).horizontalAdvance(shown) / 2;
        if (x - half >= free_from && x + half <= plot.left() + width + 14) {
            painter.drawText(QRectF(x - half, ramp_top + ramp_height + 1, 2 * half + 2, line), Qt::AlignCenter,
                             shown);
            free_from = x + half + 5;
        }
    }
    const QRectF side(plot.left() + width + 12, top, plot.right() - plot.left() - width - 10, line);
    painter.drawText(side, Qt::AlignLeft | Qt::AlignVCenter, tr("%1 % below 64").arg(below_));
    if (std::find(map_.layers.begin(), map_.layers.end(), LayerKind::Softmax) != map_.layers.end()) {
        const double y = std::round(ramp_top + ramp_height / 2);
        painter.fillRect(QRectF(side.left(), y - 1, 14, 2), themes().color(Role::Softmax));
        painter.drawText(QRectF(side.left() + 19, y - line / 2, side.width(), line),
                         Qt::AlignLeft | Qt::AlignVCenter, tr("unbounded"));
    }
    painter.drawText(QRectF(side.left(), ramp_top + ramp_height + 1, side.width(), line),
                     Qt::AlignLeft | Qt::AlignVCenter, tr("tokens back"));
}

void DecayPlot::paintMarks(QPainter& painter) {
    if (layers() == 0) {
        return;
    }
    painter.save();
    painter.setClipRect(plotRect().adjusted(-1, -1, 1, 1));
    painter.setRenderHint(QPainter::Antialiasing, false);
    const auto square = [this](capture::HeadRef head) {
        const QRectF cell = cellRect(head);
        QRectF mark(0, 0, std::clamp(cell.width(), 8.0, 16.0), std::clamp(cell.height(), 8.0, 14.0));
        mark.moveCenter(cell.center());
        return mark;
    };
    for (const capture::HeadRef head : selection_.ticked()) {
        painter.setPen(QPen(themes().color(Role::Panel), 1));
        painter.setBrush(themes().color(Role::Accent));
        painter.drawRect(square(head).adjusted(-1, -1, 0, 0));
    }
    const std::optional<capture::HeadRef> head = selection_.state().head;
    if (head && headAt(QPointF(head->head, head->layer))) {
        const QPointF centre = cellRect(*head).center();
        const QRectF plot = plotRect();
        painter.setPen(QPen(themes().color(Role::Text, 0.8), 1, Qt::DashLine));
        painter.drawLine(QPointF(centre.x(), plot.top()), QPointF(centre.x(), plot.bottom()));
        painter.drawLine(QPointF(plot.left(), centre.y()), QPointF(plot.right(), centre.y()));
        painter.setPen(QPen(themes().color(Role::Accent), 2));
        painter.setBrush(themes().color(Role::Background, 0.6));
        painter.drawRect(square(*head));
    } else if (const std::optional<int> layer = selection_.state().layer; layer && *layer < layers()) {
        const QRectF row(toPixel({0, *layer * 1.0}), toPixel({map_.heads * 1.0, *layer + 1.0}));
        painter.setPen(QPen(themes().color(Role::Accent), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(row);
    }
    painter.restore();
}

QString DecayPlot::headValue(capture::HeadRef head) const {
    const QString name =
        headText(head) + QStringLiteral("  ") + kindName(map_.layers[static_cast<std::size_t>(head.layer)]);
    if (map_.unbounded(head.layer)) {
        return name + u'\n' + tr("unbounded: softmax has no half-life");
    }
    const double rate = map_.rate(head);
    return name + u'\n' +
           tr("50 % %1   10 % %2   1 % %3 tokens")
               .arg(distanceText(capture::reach(rate, 0.5)), distanceText(capture::reach(rate, 0.1)),
                    distanceText(capture::reach(rate, 0.01))) +
           u'\n' + tr("λ %1 per token").arg(QLocale().toString(std::exp(-rate), 'f', 5));
}

QString DecayPlot::valueAt(QPointF data) const {
    const auto head = headAt(data);
    return head ? headValue(*head) : QString();
}

void DecayPlot::clicked(QPointF data, Qt::KeyboardModifiers modifiers) {
    if (const auto head = headAt(data)) {
        if (modifiers.testFlag(Qt::ControlModifier)) {
            selection_.toggleTicked(*head);
        } else {
            selection_.setHead(head);
        }
    }
}

std::optional<QPointF> DecayPlot::walkPoint() const {
    const auto head = selection_.state().head;
    return head ? std::optional(QPointF(head->head + 0.5, head->layer + 0.5)) : std::nullopt;
}

bool DecayPlot::walk(QKeyEvent* event) {
    if (layers() == 0 || event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)) {
        return false;
    }
    capture::HeadRef head = selection_.state().head.value_or(capture::HeadRef{});
    switch (event->key()) {
    case Qt::Key_Left:
    case Qt::Key_Right:
        head.head += event->key() == Qt::Key_Left ? -1 : 1;
        break;
    case Qt::Key_Up:
    case Qt::Key_Down:
        head.layer += event->key() == Qt::Key_Up ? -1 : 1;
        break;
    case Qt::Key_PageUp:
    case Qt::Key_PageDown:
        head.layer += event->key() == Qt::Key_PageUp ? -kGroup : kGroup;
        break;
    case Qt::Key_Home:
        head.head = 0;
        break;
    case Qt::Key_End:
        head.head = map_.heads - 1;
        break;
    case Qt::Key_Space:
        selection_.toggleTicked(head);
        announce(selection_.isTicked(head) ? tr("%1 ticked").arg(headText(head))
                                           : tr("%1 not ticked").arg(headText(head)));
        return true;
    default:
        return false;
    }
    head.layer = std::clamp(head.layer, 0, layers() - 1);
    head.head = std::clamp(head.head, 0, map_.heads - 1);
    selection_.setHead(head, true);
    if (const QPointF at(head.head + 0.5, head.layer + 0.5); !range().contains(at)) {
        panBy(at - range().center());
    }
    announce(headValue(head));
    return true;
}

void DecayPlot::addToMenu(QMenu& menu) {
    const auto pointed = pointer() ? headAt(toData(*pointer())) : selection_.state().head;
    if (!pointed) {
        return;
    }
    menu.addAction(tr("Choose %1").arg(headText(*pointed)), this, [this, pointed] { selection_.setHead(pointed); });
    menu.addAction(selection_.isTicked(*pointed) ? tr("Untick %1").arg(headText(*pointed))
                                                 : tr("Tick %1").arg(headText(*pointed)),
                   this, [this, pointed] { selection_.toggleTicked(*pointed); });
}

TableTwin DecayPlot::table() const {
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("Layer"),      tr("Head"),      tr("Kind"), tr("Half-life"),
                    tr("10 % reach"), tr("1 % reach"), tr("λ"),    tr("Rate")};
    twin.rows = layers() * map_.heads;
    twin.cell = [map = map_](int row, int column) -> QVariant {
        const capture::HeadRef head{row / map.heads, row % map.heads};
        const double rate = map.rate(head);
        switch (column) {
        case 0:
            return head.layer;
        case 1:
            return head.head;
        case 2:
            return kindName(map.layers[static_cast<std::size_t>(head.layer)]);
        case 3:
            return capture::reach(rate, 0.5);
        case 4:
            return capture::reach(rate, 0.1);
        case 5:
            return capture::reach(rate, 0.01);
        case 6:
            return std::exp(-rate);
        default:
            return rate;
        }
    };
    if (const auto head = selection_.state().head) {
        twin.current = head->layer * map_.heads + head->head;
    }
    return twin;
}

} // namespace fulgurite
