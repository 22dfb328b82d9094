// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/expert_load.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QKeyEvent>
#include <QLocale>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

QString percent(double share, int decimals = 1) {
    return QLocale().toString(share * 100, 'f', decimals) + QStringLiteral(" %");
}

} // namespace

LoadFigures loadFigures(const capture::RoutingSummary& summary, std::optional<int> layer) {
    const auto experts = static_cast<std::size_t>(summary.experts);
    LoadFigures figures;
    figures.times.assign(experts, 0);
    std::vector<double> weight(experts, 0);
    std::uint64_t total = 0;
    for (int l = 0; l < summary.layers; ++l) {
        if (layer && l != *layer) {
            continue;
        }
        for (std::size_t e = 0; e < experts; ++e) {
            const std::size_t index = static_cast<std::size_t>(l) * experts + e;
            figures.times[e] += summary.load[index];
            weight[e] += summary.weight[index];
            total += summary.load[index];
        }
    }
    if (experts == 0 || total == 0) {
        return figures;
    }
    figures.fair = 1.0 / static_cast<double>(experts);
    figures.most_bits = std::log2(static_cast<double>(experts));
    for (std::size_t e = 0; e < experts; ++e) {
        const auto times = static_cast<double>(figures.times[e]);
        const double share = times / static_cast<double>(total);
        figures.share.push_back(share);
        figures.mean_weight.push_back(times > 0 ? weight[e] / times : 0);
        figures.entropy_bits -= share > 0 ? share * std::log2(share) : 0;
        if (share >= kHotShare * figures.fair) {
            figures.hot.push_back(static_cast<int>(e));
        } else if (share < kDeadShare * figures.fair) {
            figures.dead.push_back(static_cast<int>(e));
        }
    }
    const auto share = [&](int e) { return figures.share[static_cast<std::size_t>(e)]; };
    std::stable_sort(figures.hot.begin(), figures.hot.end(), [&](int a, int b) { return share(a) > share(b); });
    std::stable_sort(figures.dead.begin(), figures.dead.end(), [&](int a, int b) { return share(a) < share(b); });
    return figures;
}

ExpertLoad::ExpertLoad(ThemeManager& themes, QWidget* parent)
    : PlotView(themes, tr("Load of the experts"), parent) {
    setMargins({44, 18, 8, 32});
    setYUp(true);
}

QSize ExpertLoad::sizeHint() const {
    return {themes().scaled(270), themes().scaled(200)};
}

void ExpertLoad::setFigures(const LoadFigures& figures) {
    figures_ = figures;
    const double most =
        figures_.share.empty() ? 0 : *std::max_element(figures_.share.begin(), figures_.share.end());
    setFullRange({0, 0, static_cast<double>(std::max(count(), 1)), std::max(most, 2 * figures_.fair) * 1.12 + 1e-9},
                 Qt::Orientations());
    setAccessibleDescription(summary());
    invalidatePlot();
}

void ExpertLoad::setPalette(const ExpertPalette& palette) {
    palette_ = palette;
    invalidatePlot();
}

void ExpertLoad::setExpert(std::optional<int> expert) {
    if (expert != expert_) {
        expert_ = expert;
        invalidatePlot();
    }
}

QString ExpertLoad::summary() const {
    if (figures_.share.empty()) {
        return {};
    }
    return tr("fair share %1 · entropy %2 of %3 bits · %4 hot, %5 dead")
        .arg(percent(figures_.fair), QLocale().toString(figures_.entropy_bits, 'f', 2),
             QLocale().toString(figures_.most_bits, 'g', 3))
        .arg(figures_.hot.size())
        .arg(figures_.dead.size());
}

QString ExpertLoad::describe(int expert) const {
    const auto e = static_cast<std::size_t>(expert);
    return tr("expert %1\n%2 of the choices, %3 fair shares\nchosen %4 times, mean weight %5")
        .arg(expert)
        .arg(percent(figures_.share[e], 2), QLocale().toString(figures_.share[e] / figures_.fair, 'f', 2),
             grouped(static_cast<qint64>(figures_.times[e])), QLocale().toString(figures_.mean_weight[e], 'f', 3));
}

void ExpertLoad::paintPlot(QPainter& painter) {
    if (figures_.share.empty()) {
        return;
    }
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    for (const double tick : niceTicks(0, range().bottom(), 4)) {
        const double y = toPixel({0, tick}).y();
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 5, 16), Qt::AlignRight | Qt::AlignVCenter,
                         percent(tick, range().bottom() < 0.04 ? 1 : 0));
    }
    const double step = plot.width() / count();
    const double gap = step >= 4 ? std::max(1.0, step * 0.2) : 0;
    for (int e = 0; e < count(); ++e) {
        const QPointF top = toPixel({static_cast<double>(e), figures_.share[static_cast<std::size_t>(e)]});
        // Nearly nothing still shows as a line.
        const double height =
            std::max(plot.bottom() - top.y(), figures_.times[static_cast<std::size_t>(e)] > 0 ? 1.0 : 0.0);
        const QColor color = expert_ && e != *expert_ ? QColor::fromRgb(palette_.grey(0.5F)) : palette_.color(e);
        painter.fillRect(QRectF(top.x() + gap / 2, plot.bottom() - height, std::max(step - gap, 1.0), height),
                         color);
        if (e == expert_) {
            painter.fillRect(QRectF(top.x() + gap / 2, plot.bottom() + 2, std::max(step - gap, 1.0), 2),
                             themes().color(Role::Accent));
        }
    }
    const double fair = toPixel({0, figures_.fair}).y();
    painter.setPen(QPen(themes().color(Role::Text), 1, Qt::DashLine));
    painter.drawLine(QPointF(plot.left(), fair), QPointF(plot.right(), fair));
    paintNames(painter);
    painter.setPen(themes().color(Role::Muted));
    const int line = themes().scaled(14);
    const int every = std::max(1, static_cast<int>(std::ceil(themes().scaled(26) / step)));
    const int nice = every <= 1 ? 1 : every <= 2 ? 2 : every <= 4 ? 4 : (every + 7) / 8 * 8;
    for (int e = 0; e < count(); e += nice) {
        painter.drawText(QRectF(toPixel({e + 0.5, 0}).x() - 20, plot.bottom() + 4, 40, line), Qt::AlignCenter,
                         QString::number(e));
    }
    painter.drawText(QRectF(plot.left(), plot.bottom() + line + 3, plot.width(), line), Qt::AlignCenter,
                     tr("expert"));
}

// The hottest and the deadest by name, where their bars stand.
void ExpertLoad::paintNames(QPainter& painter) {
    painter.setFont(themes().uiFont(10.5, QFont::DemiBold));
    const QFontMetricsF metrics(painter.font());
    QRectF taken;
    const auto name = [&](int expert, const QString& kind, double lift) {
        const double share = figures_.share[static_cast<std::size_t>(expert)];
        const QPointF top = toPixel({expert + 0.5, share});
        const QString text = tr("%1 %2 %3").arg(expert).arg(kind, percent(share));
        const double width = metrics.horizontalAdvance(text) + 2;
        double left = std::clamp(top.x() - width / 2, plotRect().left(),
                                 std::max(plotRect().left(), plotRect().right() - width));
        QRectF box(left, top.y() - lift - metrics.height() - 2, width, metrics.height());
        box.moveTop(std::max(box.top(), 1.0));
        if (box.intersects(taken)) {
            box.moveBottom(taken.top() - 1);
            if (box.top() < 0) {
                return;
            }
        }
        taken = box;
        painter.setPen(themes().color(Role::Muted));
        if (lift > 0) {
            painter.drawLine(QPointF(top.x(), box.bottom()), top);
        }
        painter.setPen(themes().color(Role::Text));
        painter.drawText(box, Qt::AlignCenter, text);
    };
    if (!figures_.hot.empty()) {
        name(figures_.hot.front(), tr("hot"), 0);
    }
    if (!figures_.dead.empty()) {
        name(figures_.dead.front(), tr("dead"), plotRect().height() * 0.62);
    }
}

QString ExpertLoad::valueAt(QPointF at) const {
    const int expert = static_cast<int>(std::floor(at.x()));
    return expert >= 0 && expert < count() ? describe(expert) : QString();
}

void ExpertLoad::clicked(QPointF at, Qt::KeyboardModifiers) {
    const int expert = static_cast<int>(std::floor(at.x()));
    if (expert >= 0 && expert < count()) {
        emit expertChosen(expert == expert_ ? std::nullopt : std::optional(expert));
    }
}

bool ExpertLoad::walk(QKeyEvent* event) {
    if (count() == 0) {
        return false;
    }
    int expert = expert_.value_or(event->key() == Qt::Key_Left ? count() : -1);
    switch (event->key()) {
    case Qt::Key_Left:
        --expert;
        break;
    case Qt::Key_Right:
        ++expert;
        break;
    case Qt::Key_Home:
        expert = 0;
        break;
    case Qt::Key_End:
        expert = count() - 1;
        break;
    case Qt::Key_Escape:
        if (expert_) {
            emit expertChosen({});
            return true;
        }
        return false;
    default:
        return false;
    }
    expert = std::clamp(expert, 0, count() - 1);
    emit expertChosen(expert);
    announce(describe(expert));
    return true;
}

TableTwin ExpertLoad::table() const {
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("expert"), tr("times chosen"), tr("share"), tr("fair shares"), tr("mean weight")};
    twin.rows = count();
    twin.current = expert_.value_or(-1);
    twin.cell = [figures = figures_](int row, int column) -> QVariant {
        const auto e = static_cast<std::size_t>(row);
        switch (column) {
        case 0:
            return row;
        case 1:
            return static_cast<qint64>(figures.times[e]);
        case 2:
            return figures.share[e];
        case 3:
            return figures.share[e] / figures.fair;
        default:
            return figures.times[e] > 0 ? QVariant(figures.mean_weight[e]) : QVariant();
        }
    };
    return twin;
}

} // namespace fulgurite
