// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/score_histogram.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kGrab = 6; // pixels around the line
constexpr int kPillHeight = 18;

QString axisScoreText(double score) {
    return QLocale().toString(score, 'f', 3);
}

} // namespace

ScoreHistogram::ScoreHistogram(ThemeManager& themes, const QString& name, QWidget* parent)
    : PlotView(themes, name, parent) {
    setMargins({34, 22, 10, 18});
    setYUp(true);
    setMinimumHeight(themes.scaled(96));
    setAccessibleDescription(
        tr("Left and Right move the cut by one image, Page Up and Page Down by ten, Escape takes it back"));
}

double ScoreHistogram::height(std::size_t count) const {
    return log_ ? std::log10(1.0 + static_cast<double>(count)) : static_cast<double>(count);
}

void ScoreHistogram::setReport(const client::CascadeStageReport* report, const QColor& color, bool log_counts) {
    report_ = report ? *report : client::CascadeStageReport{};
    color_ = color;
    log_ = log_counts;
    keep_ = chosen_ = report_.out;
    dragging_ = false;
    double most = 1;
    for (const std::size_t count : report_.histogram.counts)
        most = std::max(most, height(count));
    const double low = report_.histogram.low;
    const double span = std::max(report_.histogram.high - low, 1e-6);
    setFullRange({low, 0, span, most * 1.05}, Qt::Horizontal);
    setLeastSpan({span / 50, 0});
    invalidatePlot();
}

void ScoreHistogram::setMark(std::optional<double> score, bool fell) {
    mark_ = score;
    mark_fell_ = fell;
    update();
}

void ScoreHistogram::setKeep(std::size_t keep) {
    keep_ = std::clamp<std::size_t>(keep, 1, std::max<std::size_t>(report_.in, 1));
    invalidatePlot();
}

// Exact while the count is among the best that the node told; below them the histogram's bins are counted down.
std::optional<double> ScoreHistogram::scoreOf(std::size_t keep) const {
    if (keep == 0 || report_.in == 0)
        return {};
    if (keep <= report_.top_scores.size())
        return report_.top_scores[keep - 1];
    const auto& counts = report_.histogram.counts;
    const double width = (report_.histogram.high - report_.histogram.low) / std::max<double>(1, counts.size());
    std::size_t above = 0;
    for (std::size_t i = counts.size(); i-- > 0;) {
        above += counts[i];
        if (above >= keep)
            return report_.histogram.low + width * static_cast<double>(i);
    }
    return report_.histogram.low;
}

std::size_t ScoreHistogram::keepAt(double score) const {
    const auto& top = report_.top_scores;
    if (!top.empty() && score >= top.back()) {
        const auto below =
            std::partition_point(top.begin(), top.end(), [score](double each) { return each >= score; });
        return std::max<std::size_t>(1, static_cast<std::size_t>(below - top.begin()));
    }
    const auto& counts = report_.histogram.counts;
    const double width = (report_.histogram.high - report_.histogram.low) / std::max<double>(1, counts.size());
    std::size_t above = 0;
    for (std::size_t i = counts.size(); i-- > 0;) {
        if (report_.histogram.low + width * static_cast<double>(i + 1) <= score)
            break;
        above += counts[i];
    }
    return std::clamp<std::size_t>(above, 1, std::max<std::size_t>(report_.in, 1));
}

double ScoreHistogram::cutPixel() const {
    return toPixel({scoreOf(keep_).value_or(range().right()), 0}).x();
}

bool ScoreHistogram::nearCut(QPointF at) const {
    return cuts() && std::abs(at.x() - cutPixel()) <= kGrab;
}

void ScoreHistogram::paintPlot(QPainter& painter) {
    const QRectF plot = plotRect();
    const double cut = scoreOf(keep_).value_or(range().left());
    if (cuts())
        painter.fillRect(QRectF(QPointF(std::max(plot.left(), toPixel({cut, 0}).x()), plot.top()),
                                QPointF(plot.right(), plot.bottom())),
                         themes().color(Role::Selection, 0.45));
    painter.setPen(themes().color(Role::Grid));
    painter.drawLine(plot.bottomLeft(), plot.bottomRight());
    painter.setFont(themes().uiFont(10.5));
    const double top = fullRange().height();
    for (const double tick : niceTicks(0, top, log_ ? 3 : 2)) {
        if (tick > top || (log_ && tick != std::floor(tick)))
            continue;
        const double y = toPixel({0, tick}).y();
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 5, 16), Qt::AlignRight | Qt::AlignVCenter,
                         log_ ? compactCount(static_cast<qint64>(std::pow(10, tick))) : tickText(tick));
    }
    for (const double tick : niceTicks(range().left(), range().right(), 4)) {
        const double x = toPixel({tick, 0}).x();
        if (x < plot.left() - 1 || x > plot.right() + 1)
            continue;
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(x - 30, plot.bottom() + 2, 60, 15), Qt::AlignHCenter | Qt::AlignTop,
                         tickText(tick, 0.01));
    }
    painter.save();
    painter.setClipRect(plot);
    const auto& counts = report_.histogram.counts;
    const double width = (report_.histogram.high - report_.histogram.low) / std::max<double>(1, counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0)
            continue;
        const double low = report_.histogram.low + width * static_cast<double>(i);
        const double left = toPixel({low, 0}).x();
        const double right = toPixel({low + width, 0}).x();
        const double up = toPixel({0, height(counts[i])}).y();
        const double gap = right - left > 4 ? 1 : 0;
        const double at = std::clamp(toPixel({cut, 0}).x(), left, right);
        const bool all_kept = !cuts();
        // The bin that the cut runs through shows both colours.
        if (!all_kept && at > left)
            painter.fillRect(QRectF(QPointF(left, up), QPointF(at - (at == right ? gap : 0), plot.bottom())),
                             themes().color(Role::Fell));
        if (all_kept || at < right)
            painter.fillRect(QRectF(QPointF(all_kept ? left : at, up), QPointF(right - gap, plot.bottom())),
                             color_);
    }
    painter.restore();
}

void ScoreHistogram::paintMarks(QPainter& painter) {
    const QRectF plot = plotRect();
    if (mark_) {
        const double x = toPixel({*mark_, 0}).x();
        painter.setPen(QPen(themes().color(mark_fell_ ? Role::Muted : Role::Focus), 1.5,
                            mark_fell_ ? Qt::DashLine : Qt::SolidLine));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
    }
    if (!cuts())
        return;
    const double x = std::clamp(cutPixel(), plot.left(), plot.right());
    painter.setPen(QPen(themes().color(Role::Focus), 1.5));
    painter.drawLine(QPointF(x, plot.top() - 2), QPointF(x, plot.bottom()));
    const QString text = tr("keep %1").arg(grouped(static_cast<qint64>(keep_)));
    painter.setFont(themes().uiFont(11, QFont::DemiBold));
    const double width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 16;
    QRectF pill(x - width / 2, 1, width, themes().scaled(kPillHeight));
    pill.moveLeft(std::clamp(pill.left(), 1.0, this->width() - width - 1));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes().color(Role::Focus));
    painter.drawRoundedRect(pill, 4, 4);
    painter.setPen(themes().color(Role::Background));
    painter.drawText(pill, Qt::AlignCenter, text);
    if (hasFocus()) {
        painter.setPen(QPen(themes().color(Role::Focus), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(pill.adjusted(-2.5, -2.5, 2.5, 2.5), 6, 6);
    }
}

QString ScoreHistogram::valueAt(QPointF at) const {
    if (report_.in == 0)
        return {};
    const std::size_t above = keepAt(at.x());
    return axisScoreText(at.x()) + u'\n' +
           tr("%1 of %2 images score at least this")
               .arg(grouped(static_cast<qint64>(above)), grouped(static_cast<qint64>(report_.in)));
}

bool ScoreHistogram::walk(QKeyEvent* event) {
    if (!cuts())
        return false;
    const auto step = [this](std::ptrdiff_t by) {
        const auto wanted = static_cast<std::ptrdiff_t>(keep_) + by;
        setKeep(static_cast<std::size_t>(std::max<std::ptrdiff_t>(1, wanted)));
        emit keepMoved(keep_);
        announce(tr("keep %1").arg(keep_));
    };
    switch (event->key()) {
    case Qt::Key_Left: // further left on the axis: lower scores, more images
        step(1);
        return true;
    case Qt::Key_Right:
        step(-1);
        return true;
    case Qt::Key_PageDown:
        step(10);
        return true;
    case Qt::Key_PageUp:
        step(-10);
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (keep_ != chosen_)
            emit keepChosen(keep_);
        return true;
    case Qt::Key_Escape:
        setKeep(chosen_);
        emit keepMoved(keep_);
        return true;
    default:
        return false;
    }
}

void ScoreHistogram::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && nearCut(event->position())) {
        dragging_ = true;
        return;
    }
    PlotView::mousePressEvent(event);
}

void ScoreHistogram::mouseMoveEvent(QMouseEvent* event) {
    if (dragging_) {
        setKeep(keepAt(toData(event->position()).x()));
        emit keepMoved(keep_);
        return;
    }
    setCursor(nearCut(event->position()) ? Qt::SizeHorCursor : Qt::ArrowCursor);
    PlotView::mouseMoveEvent(event);
}

void ScoreHistogram::mouseReleaseEvent(QMouseEvent* event) {
    if (dragging_) {
        dragging_ = false;
        if (keep_ != chosen_)
            emit keepChosen(keep_);
        return;
    }
    PlotView::mouseReleaseEvent(event);
}

TableTwin ScoreHistogram::table() const {
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("score from"), tr("to"), tr("images")};
    const client::ScoreHistogram histogram = report_.histogram;
    twin.rows = static_cast<int>(histogram.counts.size());
    twin.cell = [histogram](int row, int column) -> QVariant {
        const double width =
            (histogram.high - histogram.low) / std::max<double>(1, static_cast<double>(histogram.counts.size()));
        if (column == 2)
            return static_cast<qint64>(histogram.counts[static_cast<std::size_t>(row)]);
        return histogram.low + width * (row + column);
    };
    return twin;
}

} // namespace fulgurite
