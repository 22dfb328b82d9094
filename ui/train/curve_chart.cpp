// SPDX-License-Identifier: GPL-3.0-or-later
// Range, drawing and input; curve_chart_paint.cpp has header, axes and cursor.
#include "ui/train/curve_chart.h"

#include "ui/base/background.h"
#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QFontMetricsF>
#include <QKeyEvent>
#include <QLocale>
#include <QMenu>
#include <QMouseEvent>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>
#include <utility>

namespace fulgurite {
namespace {

constexpr double kNear = 10; // pixels from a curve that still mean it
constexpr int kPage = 10;
constexpr int kWidestLabel = 110; // of a series, at the ends of the lines

} // namespace

CurveChart::CurveChart(ThemeManager& themes, ChartLink& link, const ChartSpec& spec, QWidget* parent)
    : PlotView(themes, spec.title, parent), link_(link), spec_(spec) {
    setObjectName(QStringLiteral("chart-") + spec.id);
    setYUp(true);
    setLeastSpan({1e-9, 1e-300});
    setMinimumSize(200, 120);
    draw_timer_.setSingleShot(true);
    draw_timer_.setInterval(0);
    connect(&draw_timer_, &QTimer::timeout, this, &CurveChart::drawNow);
    arrange();
    connect(this, &PlotView::rangeChanged, this, &CurveChart::tellRange);
    connect(this, &PlotView::hovered, this, [this](std::optional<QPointF> data) {
        link_.setCursor(data ? std::optional(data->x()) : std::nullopt, this);
    });
    connect(&link, &ChartLink::rangeChanged, this, &CurveChart::followLink);
    connect(&link, &ChartLink::cursorChanged, this, [this] { update(); });
    connect(&themes, &ThemeManager::changed, this, [this] {
        arrange();
        draw();
    });
}

void CurveChart::arrange() {
    const QFontMetricsF metrics(themes().uiFont(10.5));
    const auto width = [&](const QString& label) { // at 100 percent
        return static_cast<int>(metrics.horizontalAdvance(label) / themes().fontScale());
    };
    int right = large_ ? 56 : 10;
    QStringList labels = spec_.labels; // at the ends of the lines
    for (const SceneRow& row : scene_->rows) {
        if (!row.series.isEmpty() && !labels.contains(row.series)) {
            labels << row.series;
        }
    }
    for (const QString& label : labels) {
        right = std::max(right, std::min(width(label), kWidestLabel) + 14);
    }
    int left = 40; // the same in most charts, so that they stand in line
    if (scene_ && picture_.window.y_high > picture_.window.y_low) {
        const std::vector<double> ticks = heightTicks(picture_.window.y_low, picture_.window.y_high);
        for (const double tick : ticks) {
            left = std::max(left, width(tickText(tick, scene_->log_y ? tick : tickStep(ticks))) + 9);
        }
    }
    setMargins({left, 28, right, 22});
}

void CurveChart::setLarge(bool large) {
    if (large_ != large) {
        large_ = large;
        arrange();
        draw();
    }
}

CurveChart::~CurveChart() {
    inBackground([scene = std::move(scene_), pictured = std::move(pictured_)] {});
}

void CurveChart::setScene(SceneRef scene) {
    // A thousand curves take their time to be given back, too.
    inBackground([old = std::exchange(scene_, std::move(scene))] {});
    QStringList words{spec_.title};
    for (const SceneRow& row : scene_->rows | std::views::take(kMostNamed)) {
        if (!row.x.empty()) {
            words << rowText(row, row.x.back());
        }
    }
    setAccessibleDescription(scene_->curves.empty() ? QString(scene_->missing).replace(u'\n', u' ')
                                                    : words.join(QStringLiteral(", ")));
    arrange();
    draw();
}

SceneLook CurveChart::look() const {
    return {.theme = themes().theme(), .large = large_};
}

void CurveChart::followLink() {
    applyRange();
    draw();
}

// The horizontal range of the link with the vertical one of the latest picture.
void CurveChart::applyRange() {
    applying_ = true;
    const auto [full_low, full_high] = link_.full();
    const auto [low, high] = link_.range();
    const double y = picture_.window.y_low;
    const double height = picture_.window.y_high - y;
    const double left = std::min(full_low, low);
    setFullRange({left, y, std::max(full_high, high) - left, height}, Qt::Horizontal);
    setRange({low, y, high - low, height});
    applying_ = false;
}

void CurveChart::tellRange() {
    if (!applying_) {
        link_.setRange(range().left(), range().right());
    }
}

void CurveChart::draw() {
    if (drawing_) {
        redraw_ = true;
    } else if (isVisible()) { // else drawn when it comes into sight
        draw_timer_.start();
    }
}

void CurveChart::drawNow() {
    drawing_ = true;
    redraw_ = false;
    const auto [low, high] = link_.range();
    inBackground(
        this,
        [scene = scene_, low = low, high = high, size = plotRect().size(), ratio = devicePixelRatio(),
         look = look()] { return pictureOf(*scene, low, high, size, ratio, look); },
        [this, scene = scene_](ScenePicture picture) {
            picture_ = std::move(picture);
            inBackground([old = std::exchange(pictured_, scene)] {});
            drawing_ = false;
            const QSizeF drawn_size = plotRect().size();
            arrange();
            applyRange();
            invalidatePlot();
            if (redraw_ || plotRect().size() != drawn_size) {
                draw();
            }
            emit drawn();
        });
}

void CurveChart::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    draw();
}

bool CurveChart::event(QEvent* event) {
    if (event->type() == QEvent::Show) {
        draw();
    }
    return PlotView::event(event);
}

double CurveChart::shown(double axis_value) const {
    return scene_->log_y ? std::pow(10.0, axis_value) : axis_value;
}

qint64 CurveChart::nearest(QPointF pixel, double within) const {
    qint64 run = 0;
    double best = within;
    const double x = toData(pixel).x();
    for (const SceneCurve& curve : scene_->curves) {
        if (curve.run == 0 || curve.stroke == Stroke::Raw) {
            continue;
        }
        const auto index = indexAt(curve.x, x);
        if (!index) {
            continue;
        }
        // The neighbours' line at this place, so that sparse points can be hit between them.
        double y = curve.y[*index];
        if (*index + 1 < curve.x.size()) {
            const double share = (x - curve.x[*index]) / (curve.x[*index + 1] - curve.x[*index]);
            y += (curve.y[*index + 1] - y) * share;
        } else if (std::abs(toPixel({curve.x[*index], y}).x() - pixel.x()) > within) {
            continue;
        }
        const double distance = std::abs(toPixel({x, y}).y() - pixel.y());
        if (distance < best) {
            best = distance;
            run = curve.run;
        }
    }
    return run;
}

qint64 CurveChart::runAt(QPointF pixel) const {
    return nearest(pixel, kNear);
}

void CurveChart::clicked(QPointF data, Qt::KeyboardModifiers modifiers) {
    if (scene_->curves.empty()) {
        emit missingClicked();
    } else if (const qint64 run = runAt(toPixel(data)); run != 0) {
        emit runClicked(run, modifiers);
    }
}

void CurveChart::mouseDoubleClickEvent(QMouseEvent* event) {
    const qint64 run = event->button() == Qt::LeftButton ? runAt(event->position()) : 0;
    if (run == 0) {
        PlotView::mouseDoubleClickEvent(event);
        return;
    }
    emit rolloutsWanted(run, link_.place(toData(event->position()).x()));
}

// To the next or previous place where the first row has a point.
void CurveChart::step(int places) {
    if (scene_->rows.empty() || scene_->rows.front().x.empty()) {
        return;
    }
    const Values& x = scene_->rows.front().x;
    const auto [low, high] = link_.range();
    const double from = std::clamp(link_.cursor().value_or(high), low, high);
    const auto at = static_cast<std::ptrdiff_t>(indexAt(x, from).value_or(0));
    const std::ptrdiff_t to = std::clamp<std::ptrdiff_t>(at + places, 0, static_cast<std::ptrdiff_t>(x.size()) - 1);
    link_.setCursor(x[static_cast<std::size_t>(to)], this);
    announce(valueAt({x[static_cast<std::size_t>(to)], 0}));
}

bool CurveChart::walk(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Left:
        step(-1);
        return true;
    case Qt::Key_Right:
        step(1);
        return true;
    case Qt::Key_PageUp:
        step(-kPage);
        return true;
    case Qt::Key_PageDown:
        step(kPage);
        return true;
    case Qt::Key_Space:
        if (link_.cursor()) {
            link_.togglePin(*link_.cursor());
        }
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        emit enlargeWanted();
        return true;
    case Qt::Key_O:
        if (link_.cursor()) {
            emit rolloutsWanted(0, link_.place(*link_.cursor()));
        }
        return true;
    case Qt::Key_Escape:
        if (!link_.pins().empty()) {
            link_.clearPins();
            return true;
        }
        return false;
    default:
        return false;
    }
}

std::optional<QPointF> CurveChart::walkPoint() const {
    if (!link_.cursor()) {
        return {};
    }
    return QPointF(*link_.cursor(), range().center().y());
}

void CurveChart::addToMenu(QMenu& menu) {
    menu.addAction(themes().icon(QStringLiteral("window")), tr("Enlarge") + QStringLiteral("\tEnter"), this,
                   &CurveChart::enlargeWanted);
    emit menuWanted(menu);
}

QString CurveChart::valueText(double value) {
    if (!std::isfinite(value)) {
        return std::isnan(value) ? QStringLiteral("NaN") : value > 0 ? QStringLiteral("+∞") : QStringLiteral("−∞");
    }
    const double size = std::abs(value);
    if (size >= 1e4) {
        return tickText(value);
    }
    const int digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return size != 0 && size < 1e-3 ? QLocale().toString(value, 'e', 1).replace(u'-', QChar(u'\u2212'))
                                    : QLocale().toString(value, 'f', digits).replace(u'-', QChar(u'\u2212'));
}

// Everything that is drawn as lines, at the places of all rows together: what a person sees is what is saved.
TableTwin CurveChart::table() const {
    struct Shared {
        SceneRef scene;
        std::vector<double> x;
    };
    auto shared = std::make_shared<Shared>();
    shared->scene = scene_;
    for (const SceneRow& row : scene_->rows) {
        std::vector<double> both;
        std::set_union(shared->x.begin(), shared->x.end(), row.x.begin(), row.x.end(), std::back_inserter(both));
        shared->x.swap(both);
    }
    TableTwin twin{.title = spec_.title, .columns = {axisName(scene_->settings.x)}, .rows = 0, .cell = {}};
    for (const SceneRow& row : scene_->rows) {
        const QString name = row.series.isEmpty() ? row.label : row.label + u' ' + row.series;
        twin.columns << name + tr(" smooth") << name + tr(" raw") << name + tr(" least") << name + tr(" most");
    }
    twin.rows = static_cast<int>(shared->x.size());
    if (link_.cursor()) {
        twin.current = static_cast<int>(indexAt(shared->x, *link_.cursor()).value_or(0));
    }
    twin.cell = [shared](int row, int column) -> QVariant {
        const bool log_x = shared->scene->settings.log_x;
        const double x = shared->x[static_cast<std::size_t>(row)];
        if (column == 0) {
            return log_x ? std::pow(10.0, x) : x;
        }
        const SceneRow& line = shared->scene->rows[static_cast<std::size_t>((column - 1) / 4)];
        const auto found = std::lower_bound(line.x.begin(), line.x.end(), x);
        if (found == line.x.end() || *found != x) {
            return {};
        }
        const Values* values[]{&line.smooth, &line.raw, &line.least, &line.most};
        const Values& of = *values[(column - 1) % 4];
        return of.empty() ? QVariant() : QVariant(of[static_cast<std::size_t>(found - line.x.begin())]);
    };
    return twin;
}

} // namespace fulgurite
