// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/head_worth_chart.h"

#include "ui/charts/scales.h"

#include <QKeyEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kBar = 0.36; // half of a bar's width, of the room for one head
constexpr double kLeastReach = 1e-4;
constexpr int kLabelRoom = 26; // pixels between two numbers of heads

QString changeText(double value) {
    return (value < 0 ? QStringLiteral("−") : QStringLiteral("+")) + QString::number(std::abs(value), 'f', 4);
}

} // namespace

HeadWorthChart::HeadWorthChart(ThemeManager& themes, QWidget* parent)
    : PlotView(themes, tr("Without each head"), parent) {
    setMargins({62, 8, 12, 20});
    setYUp(true);
    setAccessibleDescription(tr("Left and Right choose the head."));
    setEvaluation(nullptr);
}

void HeadWorthChart::setEvaluation(std::shared_ptr<const client::Evaluation> evaluation) {
    evaluation_ = std::move(evaluation);
    double low = -kLeastReach;
    double high = kLeastReach;
    for (int head = 0; head < heads(); ++head) {
        low = std::min(low, change(head).low);
        high = std::max(high, change(head).high);
    }
    const double room = 0.06 * (high - low);
    setFullRange({-0.5, low - room, std::max(1.0, static_cast<double>(heads())), high - low + 2 * room});
    invalidatePlot();
}

void HeadWorthChart::setHead(int head) {
    head_ = head;
    update();
}

int HeadWorthChart::headAt(double x) const {
    const int head = static_cast<int>(std::lround(x));
    return head >= 0 && head < heads() ? head : -1;
}

void HeadWorthChart::paintAxes(QPainter& painter) const {
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    for (const double value : {range().top(), 0.0, range().bottom()}) {
        const double y = toPixel({0, value}).y();
        painter.setPen(QPen(themes().color(value == 0 ? Role::Line : Role::Grid), 1));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 6, 16), Qt::AlignRight | Qt::AlignVCenter,
                         value == 0 ? QStringLiteral("0") : changeText(value));
    }
    double last = -1e9;
    for (int head = 0; head < heads(); ++head) {
        const double x = toPixel({static_cast<double>(head), 0}).x();
        if (x < plot.left() - 1 || x > plot.right() + 1 || x - last < kLabelRoom) {
            continue;
        }
        last = x;
        painter.drawText(QRectF(x - 20, plot.bottom() + 3, 40, 16), Qt::AlignHCenter | Qt::AlignTop,
                         QString::number(head));
    }
}

void HeadWorthChart::paintPlot(QPainter& painter) {
    if (heads() == 0) {
        return;
    }
    paintAxes(painter);
    painter.save();
    painter.setClipRect(plotRect().adjusted(0, -2, 0, 2));
    painter.setRenderHint(QPainter::Antialiasing);
    for (int head = 0; head < heads(); ++head) {
        const client::Interval& each = change(head);
        const bool sure = each.low > 0 || each.high < 0; // the interval leaves zero out
        QColor color = themes().color(each.mean < 0 ? Role::Lightning : Role::Negative);
        color.setAlphaF(sure ? 1.0f : 0.4f);
        painter.setPen(Qt::NoPen);
        painter.setBrush(color);
        painter.drawRect(QRectF(toPixel({head - kBar, 0}), toPixel({head + kBar, each.mean})).normalized());
        painter.setPen(QPen(themes().color(Role::Text), 1));
        const QPointF low = toPixel({static_cast<double>(head), each.low});
        const QPointF high = toPixel({static_cast<double>(head), each.high});
        painter.drawLine(low, high);
        for (const QPointF& end : {low, high}) {
            painter.drawLine(end - QPointF(3, 0), end + QPointF(3, 0));
        }
    }
    painter.restore();
}

void HeadWorthChart::paintMarks(QPainter& painter) {
    if (head_ < 0 || head_ >= heads()) {
        return;
    }
    const QRectF column(toPixel({head_ - 0.5, range().top()}), toPixel({head_ + 0.5, range().bottom()}));
    painter.setPen(QPen(themes().color(Role::Focus), 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(column.normalized().intersected(plotRect()).adjusted(0.5, 0.5, -0.5, -0.5));
}

QString HeadWorthChart::valueAt(QPointF data) const {
    const int head = headAt(data.x());
    if (head < 0) {
        return {};
    }
    const client::Interval& each = change(head);
    const QString verdict = each.high < 0  ? tr("it is missed")
                            : each.low > 0 ? tr("the ranking is better without it")
                                           : tr("no clear effect");
    return tr("Without head %1\n%2 (%3 to %4)\n%5")
        .arg(head)
        .arg(changeText(each.mean), changeText(each.low), changeText(each.high), verdict);
}

void HeadWorthChart::clicked(QPointF data, Qt::KeyboardModifiers) {
    if (const int head = headAt(data.x()); head >= 0) {
        emit headChosen(head);
    }
}

bool HeadWorthChart::walk(QKeyEvent* event) {
    const int last = heads() - 1;
    if (last < 0) {
        return false;
    }
    int next = head_;
    switch (event->key()) {
    case Qt::Key_Left:
        next = std::max(0, head_ - 1);
        break;
    case Qt::Key_Right:
        next = std::min(last, head_ + 1);
        break;
    case Qt::Key_Home:
        next = 0;
        break;
    case Qt::Key_End:
        next = last;
        break;
    default:
        return false;
    }
    emit headChosen(next);
    announce(valueAt({static_cast<double>(next), 0}));
    return true;
}

TableTwin HeadWorthChart::table() const {
    return {.title = tr("Without each head"),
            .columns = {tr("head"), tr("change of the weighted ratio"), tr("low"), tr("high")},
            .rows = heads(),
            .cell = [evaluation = evaluation_](int row, int column) -> QVariant {
                const client::Interval& each = evaluation->without_head[static_cast<std::size_t>(row)];
                switch (column) {
                case 0:
                    return row;
                case 1:
                    return each.mean;
                case 2:
                    return each.low;
                default:
                    return each.high;
                }
            },
            .current = head_};
}

} // namespace fulgurite
