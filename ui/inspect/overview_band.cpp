// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/overview_band.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"
#include "ui/inspect/head_badge.h"

#include <QFontMetricsF>
#include <QKeyEvent>
#include <QLocale>
#include <QPainter>

#include <algorithm>
#include <array>
#include <cmath>

namespace fulgurite {
namespace {

constexpr std::array<double, 3> kReaches{0.01, 0.1, 0.5}; // widest first, so that the nearer ones lie on top
constexpr double kLeastMark = 3;                          // pixels of a mark, however long the text

QString count(std::size_t value) {
    return grouped(static_cast<std::int64_t>(value));
}

} // namespace

OverviewBand::OverviewBand(ThemeManager& themes, Selection& selection, QWidget* parent)
    : PlotView(themes, tr("Whole text and reach"), parent), selection_(selection) {
    setMargins({8, 3, 8, 17});
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(&selection_, &Selection::changed, this, &OverviewBand::invalidatePlot);
    const auto fit = [this] { setFixedHeight(std::max(38, this->themes().scaled(38))); };
    connect(&themes, &ThemeManager::changed, this, fit);
    fit();
}

void OverviewBand::setText(std::size_t tokens, std::optional<std::pair<std::size_t, std::size_t>> fact) {
    tokens_ = tokens;
    fact_ = fact;
    setFullRange({0, 0, std::max(1.0, static_cast<double>(tokens)), 1}, Qt::Horizontal);
    setLeastSpan({32, 1});
    invalidatePlot();
}

void OverviewBand::setDecay(const capture::DecayMap& map) {
    map_ = map;
    invalidatePlot();
}

void OverviewBand::setVisibleTokens(std::pair<std::size_t, std::size_t> visible) {
    if (visible != visible_) {
        visible_ = visible;
        update();
    }
}

double OverviewBand::rate() const {
    const auto head = selection_.state().head;
    const bool known = head && head->layer < static_cast<int>(map_.layers.size()) && head->head < map_.heads;
    return known ? map_.rate(*head) : 0;
}

QString OverviewBand::reachText() const {
    const auto head = selection_.state().head;
    if (!head) {
        return tr("no head selected");
    }
    if (rate() <= 0) {
        return tr("%1 is softmax: reach unbounded").arg(headText(*head));
    }
    return tr("50 / 10 / 1 % at %1 / %2 / %3 back")
        .arg(distanceText(capture::reach(rate(), 0.5)), distanceText(capture::reach(rate(), 0.1)),
             distanceText(capture::reach(rate(), 0.01)));
}

// How much of a token so far back any head can still hold.
QString OverviewBand::distanceNote() const {
    const InspectState& state = selection_.state();
    const bool to_fact = fact_ && state.query && fact_->first <= *state.query;
    if (!state.query || (!to_fact && !state.source) || map_.layers.empty()) {
        return {};
    }
    // A source that was chosen says more than the mark.
    const std::size_t place = state.source ? *state.source : fact_->first;
    const std::size_t distance = *state.query - std::min(place, *state.query);
    QString note = state.source ? tr("source %1 back").arg(count(distance))
                                : tr("marked fact at %1, %2 back").arg(count(place), count(distance));
    if (rate() > 0) {
        note += tr(": this head keeps %1 of it")
                    .arg(QLocale().toString(capture::weightAt(rate(), static_cast<double>(distance)), 'g', 2));
    }
    std::size_t reaching = 0;
    std::size_t lightning = 0;
    std::size_t softmax_layers = 0;
    for (int layer = 0; layer < static_cast<int>(map_.layers.size()); ++layer) {
        if (map_.unbounded(layer)) {
            ++softmax_layers;
            continue;
        }
        for (int head = 0; head < map_.heads; ++head) {
            ++lightning;
            reaching += capture::weightAt(map_.rate({layer, head}), static_cast<double>(distance)) >= 0.01 ? 1 : 0;
        }
    }
    return note + tr(". Within 1 % reach: %1 of %2 lightning heads and the %3")
                      .arg(count(reaching), count(lightning),
                           softmax_layers == 1 ? tr("softmax layer") : tr("%1 softmax layers").arg(softmax_layers));
}

void OverviewBand::paintReach(QPainter& painter) const {
    const auto query = selection_.state().query;
    if (!query || rate() <= 0) {
        return;
    }
    const QRectF plot = plotRect();
    const double right = toPixel({static_cast<double>(*query) + 1, 0}).x();
    for (std::size_t i = 0; i < kReaches.size(); ++i) {
        const double left = toPixel({static_cast<double>(*query) + 1 - capture::reach(rate(), kReaches[i]), 0}).x();
        painter.fillRect(QRectF(std::max(plot.left(), left), plot.top() + 1,
                                std::max(0.0, right - std::max(plot.left(), left)), plot.height() - 2),
                         themes().color(Role::Lightning, 0.25 + 0.2 * static_cast<double>(i)));
    }
}

void OverviewBand::paintAxis(QPainter& painter) const {
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(10.5);
    const QFontMetricsF metrics(font);
    const QString total = tr("%1 tokens").arg(count(tokens_));
    const QFont strong = themes().uiFont(10.5, QFont::DemiBold);
    const QString reach = reachText();
    const double total_width = metrics.horizontalAdvance(total);
    const double reach_width = QFontMetricsF(strong).horizontalAdvance(reach);
    const double top = plot.bottom() + 2;
    const double line = metrics.height();
    const double reach_left = plot.right() - total_width - 14 - reach_width;
    painter.setFont(font);
    painter.setPen(themes().color(Role::Muted));
    painter.drawText(QRectF(plot.right() - total_width - 1, top, total_width + 2, line), Qt::AlignRight, total);
    double free_from = plot.left() - 1;
    for (const double tick : niceTicks(range().left(), range().right(), 6)) {
        const QString text = count(static_cast<std::size_t>(std::max(0.0, tick)));
        const double half = metrics.horizontalAdvance(text) / 2;
        const double x = std::max(toPixel({tick, 0}).x(), plot.left() + half);
        if (x - half >= free_from && x + half + 10 < reach_left) {
            painter.drawText(QRectF(x - half, top, 2 * half + 2, line), Qt::AlignHCenter, text);
            free_from = x + half + 8;
        }
    }
    painter.setFont(strong);
    painter.setPen(themes().color(rate() > 0 ? Role::Lightning : Role::Muted));
    painter.drawText(QRectF(reach_left, top, reach_width + 2, line), Qt::AlignLeft, reach);
}

void OverviewBand::paintNote(QPainter& painter) const {
    const QString note = distanceNote();
    if (note.isEmpty()) {
        return;
    }
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(11);
    const double width = QFontMetricsF(font).horizontalAdvance(note) + 14;
    // Over the part of the band that the query and its reach leave free.
    double left = plot.left() + 4;
    if (fact_) {
        left = std::max(left, toPixel({static_cast<double>(fact_->second), 0}).x() + 6);
    }
    left = std::max(plot.left() + 2, std::min(left, plot.right() - width - 2));
    const QRectF box(left, plot.top() + 1, std::min(width, plot.right() - left), plot.height() - 2);
    painter.fillRect(box, themes().color(Role::Panel, 0.85));
    painter.setFont(font);
    painter.setPen(themes().color(Role::Text));
    painter.drawText(box.adjusted(6, 0, -4, 0), Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(font).elidedText(note, Qt::ElideRight, box.width() - 10));
}

void OverviewBand::paintPlot(QPainter& painter) {
    if (tokens_ == 0) {
        return;
    }
    const QRectF plot = plotRect();
    painter.fillRect(plot, themes().color(Role::Background));
    painter.save();
    painter.setClipRect(plot);
    paintReach(painter);
    if (fact_) {
        const double left = toPixel({static_cast<double>(fact_->first), 0}).x();
        const double right = toPixel({static_cast<double>(fact_->second), 0}).x();
        painter.fillRect(QRectF(left, plot.top(), std::max(kLeastMark, right - left), plot.height()),
                         themes().color(Role::Accent));
    }
    paintNote(painter);
    painter.restore();
    painter.setPen(themes().color(Role::Line));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(plot.adjusted(-0.5, -0.5, 0.5, 0.5));
    paintAxis(painter);
}

void OverviewBand::paintMarks(QPainter& painter) {
    if (tokens_ == 0) {
        return;
    }
    const QRectF plot = plotRect();
    painter.save();
    painter.setClipRect(plot.adjusted(-1, -1, 1, 1));
    const auto mark = [&](std::size_t token, Role role) {
        const double x = toPixel({static_cast<double>(token) + 0.5, 0}).x();
        painter.fillRect(QRectF(std::round(x) - 1, plot.top(), 2, plot.height()), themes().color(role));
    };
    const InspectState& state = selection_.state();
    if (state.source) {
        mark(*state.source, Role::Focus);
    }
    if (state.query) {
        mark(*state.query, Role::Accent);
    }
    const double left = toPixel({static_cast<double>(visible_.first), 0}).x();
    const double right = toPixel({static_cast<double>(visible_.second) + 1, 0}).x();
    painter.setPen(QPen(themes().color(Role::Text, 0.8), 1));
    painter.setBrush(themes().color(Role::Text, 0.07));
    painter.drawRect(QRectF(left, plot.top(), std::max(4.0, right - left), plot.height() - 1));
    painter.restore();
}

QString OverviewBand::valueAt(QPointF data) const {
    if (tokens_ == 0) {
        return {};
    }
    const auto token = static_cast<std::size_t>(std::clamp(data.x(), 0.0, static_cast<double>(tokens_ - 1)));
    QString value = tr("token %1").arg(count(token));
    const auto query = selection_.state().query;
    if (query && token <= *query) {
        value += u'\n' + tr("%1 back").arg(count(*query - token));
        if (rate() > 0) {
            value += tr(", decay leaves %1 %")
                         .arg(QLocale().toString(
                             100 * capture::weightAt(rate(), static_cast<double>(*query - token)), 'g', 3));
        }
    }
    return value;
}

void OverviewBand::clicked(QPointF data, Qt::KeyboardModifiers modifiers) {
    if (tokens_ == 0) {
        return;
    }
    const auto token = static_cast<std::size_t>(std::clamp(data.x(), 0.0, static_cast<double>(tokens_ - 1)));
    if (modifiers.testFlag(Qt::ControlModifier)) {
        selection_.setQuery(token);
    } else {
        emit placeWanted(token);
    }
}

bool OverviewBand::walk(QKeyEvent* event) {
    const auto page = static_cast<std::ptrdiff_t>(visible_.second - visible_.first);
    const auto middle = static_cast<std::ptrdiff_t>((visible_.first + visible_.second) / 2);
    std::ptrdiff_t to = middle;
    switch (event->key()) {
    case Qt::Key_Left:
    case Qt::Key_PageUp:
        to -= page;
        break;
    case Qt::Key_Right:
    case Qt::Key_PageDown:
        to += page;
        break;
    case Qt::Key_Home:
        to = 0;
        break;
    case Qt::Key_End:
        to = static_cast<std::ptrdiff_t>(tokens_);
        break;
    default:
        return false;
    }
    if (tokens_ > 0) {
        emit placeWanted(
            static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(to, 0, static_cast<std::ptrdiff_t>(tokens_) - 1)));
    }
    return true;
}

TableTwin OverviewBand::table() const {
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("Left of a weight, %"), tr("Tokens back"), tr("From token")};
    const double rate_now = rate();
    const auto query = selection_.state().query;
    twin.rows = rate_now > 0 ? static_cast<int>(kReaches.size()) : 0;
    twin.cell = [rate_now, query](int row, int column) -> QVariant {
        const double fraction = kReaches[kReaches.size() - 1 - static_cast<std::size_t>(row)];
        const double back = capture::reach(rate_now, fraction);
        switch (column) {
        case 0:
            return 100 * fraction;
        case 1:
            return back;
        default:
            return query ? QVariant(std::max(0.0, static_cast<double>(*query) - back)) : QVariant();
        }
    };
    return twin;
}

} // namespace fulgurite
