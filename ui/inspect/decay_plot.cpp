// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/decay_plot.h"

#include "ui/inspect/head_badge.h"

#include <QKeyEvent>
#include <QLocale>
#include <QMenu>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kGroup = 8; // layers of a page step: one softmax layer and the lightning ones before it

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
    figure_ = nullptr; // its table was that of another model
    table_ = nullptr;
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

void DecayPlot::setFigure(const HeadColumn* figure, std::shared_ptr<const capture::HeadTable> table) {
    const bool fits = table && table->heads.size() == map_.rates.size();
    figure_ = fits ? figure : nullptr;
    table_ = fits ? std::move(table) : nullptr;
    rescale();
}

double DecayPlot::valueOf(capture::HeadRef head) const {
    return grid_.values[static_cast<std::size_t>(head.layer * map_.heads + head.head)];
}

void DecayPlot::rescale() {
    if (figure_) {
        grid_ = figureGrid(*figure_, *table_);
        invalidatePlot();
        return;
    }
    const QString titles[] = {tr("Half-life"), tr("10 % reach"), tr("1 % reach")};
    grid_ = reachGrid(map_, fractionOf(reach_), titles[static_cast<std::size_t>(reach_)]);
    invalidatePlot();
    if (grid_.count == 0) {
        return;
    }
    below_ =
        static_cast<int>(std::lround(100.0 *
                                     static_cast<double>(std::count_if(grid_.values.begin(), grid_.values.end(),
                                                                       [](double v) { return v < 64; })) /
                                     static_cast<double>(grid_.count)));
    // Slopes fall with the head's number for powers of two; for other numbers of heads the published formula
    // appends a second, interleaved series, and a contour would mean nothing.
    const auto first_lightning = std::find(map_.layers.begin(), map_.layers.end(), LayerKind::Lightning);
    const int layer = static_cast<int>(first_lightning - map_.layers.begin());
    rising_ = true;
    for (int head = 0; head + 1 < map_.heads; ++head) {
        rising_ = rising_ && map_.rate({layer, head}) >= map_.rate({layer, head + 1});
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

QString DecayPlot::headValue(capture::HeadRef head) const {
    const QString name =
        headText(head) + QStringLiteral("  ") + kindName(map_.layers[static_cast<std::size_t>(head.layer)]);
    if (!byReach()) {
        return name + u'\n' + grid_.title + u' ' + grid_.text(valueOf(head)) + u'\n' +
               (map_.unbounded(head.layer)
                    ? tr("unbounded")
                    : tr("half-life %1 tokens").arg(distanceText(capture::reach(map_.rate(head), 0.5))));
    }
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
    case Qt::Key_C:
        emit figureStepped(event->modifiers() & Qt::ShiftModifier ? -1 : 1);
        return true;
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
    menu.addAction(tr("Colour by the next figure\tC"), this, [this] { emit figureStepped(1); });
    menu.addAction(tr("Colour by the figure before\tShift+C"), this, [this] { emit figureStepped(-1); });
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
    twin.title = byReach() ? name() : grid_.title;
    twin.columns = {tr("Layer"),      tr("Head"),      tr("Kind"), tr("Half-life"),
                    tr("10 % reach"), tr("1 % reach"), tr("λ"),    tr("Rate")};
    if (!byReach()) {
        twin.columns << grid_.title; // behind the others: those stand where they always do
    }
    twin.rows = layers() * map_.heads;
    twin.cell = [map = map_, values = grid_.values](int row, int column) -> QVariant {
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
        case 7:
            return rate;
        default:
            return values[static_cast<std::size_t>(row)];
        }
    };
    if (const auto head = selection_.state().head) {
        twin.current = head->layer * map_.heads + head->head;
    }
    return twin;
}

} // namespace fulgurite
