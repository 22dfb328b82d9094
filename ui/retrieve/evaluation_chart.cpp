// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/evaluation_chart.h"

#include "ui/charts/scales.h"
#include "ui/retrieve/strategies.h"

#include <QKeyEvent>
#include <QPainter>
#include <QPolygonF>

#include <algorithm>
#include <cmath>

namespace fulgurite {

EvaluationChart::EvaluationChart(ThemeManager& themes, EvaluationModel& model, QWidget* parent)
    : PlotView(themes, tr("Evaluation"), parent), model_(model) {
    setMargins({44, 8, 96, 20});
    setYUp(true);
    setAccessibleDescription(tr("Left and Right choose the number of aspects that the table shows."));
    connect(&model_, &QAbstractItemModel::modelReset, this, &EvaluationChart::rebuild);
    rebuild();
}

void EvaluationChart::rebuild() {
    lines_.clear();
    aspects_.clear();
    double top = 0;
    if (const client::Evaluation* evaluation = model_.evaluation()) {
        for (const client::EvaluationRow& row : evaluation->rows) {
            auto line = std::find_if(lines_.begin(), lines_.end(),
                                     [&row](const Line& each) { return each.strategy == row.strategy; });
            if (line == lines_.end()) {
                lines_.push_back({row.strategy, {}});
                line = lines_.end() - 1;
            }
            line->rows.push_back(&row);
            aspects_.push_back(static_cast<int>(row.aspects));
            if (const auto found = row.metrics.find(model_.metric().toStdString()); found != row.metrics.end()) {
                top = std::max(top, found->second.high);
            }
        }
        for (Line& line : lines_) {
            std::sort(line.rows.begin(), line.rows.end(),
                      [](const auto* a, const auto* b) { return a->aspects < b->aspects; });
        }
    }
    std::sort(aspects_.begin(), aspects_.end());
    aspects_.erase(std::unique(aspects_.begin(), aspects_.end()), aspects_.end());
    const double left = aspects_.empty() ? 0 : std::log(std::max(1, aspects_.front()));
    const double right = aspects_.empty() ? 1 : std::log(std::max(1, aspects_.back()));
    const double height = top > 0 ? std::min(1.0, std::ceil(top * 10 + 0.2) / 10) : 1;
    setFullRange({left - 0.03, 0, std::max(0.1, right - left) + 0.06, height});
    invalidatePlot();
}

int EvaluationChart::nearestAspects(double x) const {
    int best = 0;
    double away = 1e9;
    for (const int aspects : aspects_) {
        if (const double distance = std::abs(std::log(std::max(1, aspects)) - x); distance < away) {
            away = distance;
            best = aspects;
        }
    }
    return best;
}

void EvaluationChart::paintLine(QPainter& painter, const Line& line) const {
    const StrategyInfo& info = strategyInfo(QString::fromStdString(line.strategy));
    const QColor color = themes().color(info.role);
    QPolygonF mean;
    QPolygonF band;
    QPolygonF lower;
    for (const client::EvaluationRow* row : line.rows) {
        const auto found = row->metrics.find(model_.metric().toStdString());
        if (found == row->metrics.end()) {
            continue;
        }
        const double x = std::log(std::max<double>(1, static_cast<double>(row->aspects)));
        mean << toPixel({x, found->second.mean});
        band << toPixel({x, found->second.high});
        lower.prepend(toPixel({x, found->second.low}));
    }
    QColor shade = color;
    shade.setAlphaF(0.14f);
    painter.setPen(Qt::NoPen);
    painter.setBrush(shade);
    painter.drawPolygon(band + lower);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(color, 1.8, info.line));
    painter.drawPolyline(mean);
    for (const QPointF& point : std::as_const(mean)) {
        paintMark(painter, point, 6, info.mark, color);
    }
}

// At the right ends, moved apart where they would lie over each other.
void EvaluationChart::paintNames(QPainter& painter) const {
    struct Name {
        double y;
        const StrategyInfo* info;
    };
    std::vector<Name> names;
    for (const Line& line : lines_) {
        const auto found = line.rows.back()->metrics.find(model_.metric().toStdString());
        if (found != line.rows.back()->metrics.end()) {
            names.push_back(
                {toPixel({0, found->second.mean}).y(), &strategyInfo(QString::fromStdString(line.strategy))});
        }
    }
    std::sort(names.begin(), names.end(), [](const Name& a, const Name& b) { return a.y < b.y; });
    painter.setFont(themes().uiFont(10.5, QFont::DemiBold));
    const double height = QFontMetricsF(painter.font()).height();
    double least = plotRect().top() - height / 2;
    double most = plotRect().bottom() + height / 2 - height * static_cast<double>(names.size());
    for (const Name& name : names) {
        const double top = std::clamp(name.y - height / 2, least, std::max(least, most));
        painter.setPen(themes().color(name.info->role));
        painter.drawText(QRectF(plotRect().right() + 8, top, margins().right() - 8, height),
                         Qt::AlignLeft | Qt::AlignVCenter, name.info->title);
        least = top + height;
        most += height;
    }
}

void EvaluationChart::paintPlot(QPainter& painter) {
    if (lines_.empty()) {
        return;
    }
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    const double step = range().height() > 0.6 ? 0.25 : 0.1;
    for (double value = std::ceil(range().top() / step) * step; value <= range().bottom() + 1e-9; value += step) {
        const double y = toPixel({0, value}).y();
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 6, 16), Qt::AlignRight | Qt::AlignVCenter,
                         tickText(value, step / 10));
    }
    double last = -100;
    for (const int aspects : aspects_) {
        const double x = toPixel({std::log(std::max(1, aspects)), 0}).x();
        if (x < plot.left() - 1 || x > plot.right() + 1 || x - last < 18) {
            continue;
        }
        last = x;
        painter.drawText(QRectF(x - 20, plot.bottom() + 3, 40, 16), Qt::AlignHCenter | Qt::AlignTop,
                         QString::number(aspects));
    }
    painter.drawText(QRectF(plot.right() + 8, plot.bottom() + 3, margins().right(), 16),
                     Qt::AlignLeft | Qt::AlignTop, tr("aspects"));
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setClipRect(plot.adjusted(-4, -4, 4, 4));
    for (const Line& line : lines_) {
        paintLine(painter, line);
    }
    painter.restore();
    paintNames(painter);
}

void EvaluationChart::paintMarks(QPainter& painter) {
    if (model_.aspects() > 0) {
        const double x = toPixel({std::log(model_.aspects()), 0}).x();
        painter.setPen(QPen(themes().color(Role::Accent), 1, Qt::DashLine));
        painter.drawLine(QPointF(x, plotRect().top()), QPointF(x, plotRect().bottom()));
    }
}

QString EvaluationChart::valueAt(QPointF data) const {
    const int aspects = nearestAspects(data.x());
    if (aspects == 0) {
        return {};
    }
    QString text = tr("%1, %2 aspects").arg(metricTitle(model_.metric())).arg(aspects);
    for (const Line& line : lines_) {
        for (const client::EvaluationRow* row : line.rows) {
            const auto found = row->metrics.find(model_.metric().toStdString());
            if (static_cast<int>(row->aspects) == aspects && found != row->metrics.end()) {
                text += tr("\n%1 %2 (%3 to %4)")
                            .arg(strategyInfo(QString::fromStdString(line.strategy)).title)
                            .arg(found->second.mean, 0, 'f', 3)
                            .arg(found->second.low, 0, 'f', 3)
                            .arg(found->second.high, 0, 'f', 3);
            }
        }
    }
    return text;
}

void EvaluationChart::clicked(QPointF data, Qt::KeyboardModifiers) {
    if (const int aspects = nearestAspects(data.x()); aspects > 0) {
        emit aspectsChosen(aspects);
    }
}

bool EvaluationChart::walk(QKeyEvent* event) {
    const auto here = std::find(aspects_.begin(), aspects_.end(), model_.aspects());
    if (here == aspects_.end()) {
        return false;
    }
    auto next = here;
    if (event->key() == Qt::Key_Left && here != aspects_.begin()) {
        --next;
    } else if (event->key() == Qt::Key_Right && here + 1 != aspects_.end()) {
        ++next;
    } else if (event->key() == Qt::Key_Home) {
        next = aspects_.begin();
    } else if (event->key() == Qt::Key_End) {
        next = aspects_.end() - 1;
    } else {
        return event->key() == Qt::Key_Left || event->key() == Qt::Key_Right;
    }
    emit aspectsChosen(*next);
    announce(valueAt({std::log(*next), 0}));
    return true;
}

} // namespace fulgurite
