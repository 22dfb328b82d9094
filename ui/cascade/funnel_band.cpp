// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/funnel_band.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/stage_colors.h"

#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>
#include <random>

namespace fulgurite {
namespace {

constexpr int kBandHeight = 76;
constexpr std::size_t kMostGrains = 400;
constexpr double kLeastBand = 14; // pixels: a handful of images still is a band

QString counted(std::size_t count) {
    return grouped(static_cast<qint64>(count));
}

} // namespace

FunnelBand::FunnelBand(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setFixedHeight(std::max(kBandHeight, themes.scaled(kBandHeight)));
    connect(&themes_, &ThemeManager::changed, this, [this] {
        setFixedHeight(std::max(kBandHeight, themes_.scaled(kBandHeight)));
        update();
    });
}

QSize FunnelBand::sizeHint() const {
    return {600, kBandHeight};
}

void FunnelBand::setAnswer(std::shared_ptr<const client::CascadeAnswer> answer) {
    answer_ = std::move(answer);
    QStringList words;
    if (answer_) {
        for (std::size_t i = 0; i < answer_->stages.size(); ++i)
            words << tr("stage %1, %2: %3 in, %4 out")
                         .arg(i + 1)
                         .arg(QString::fromStdString(answer_->stages[i].encoder), counted(answer_->stages[i].in),
                              counted(answer_->stages[i].out));
    }
    setAccessibleName(tr("Funnel"));
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    update();
}

void FunnelBand::setLogHeight(bool log) {
    log_ = log;
    update();
}

double FunnelBand::share(std::size_t count) const {
    const double all = std::max<double>(1, static_cast<double>(answer_->stages.front().in));
    return log_ ? std::log1p(static_cast<double>(count)) / std::log1p(all) : static_cast<double>(count) / all;
}

// At most one grain an image, at places that never change: nothing flickers when the window is repainted.
void FunnelBand::paintGrains(QPainter& painter, const QRectF& box, double from, double to,
                             std::size_t stage) const {
    const client::CascadeStageReport& report = answer_->stages[stage];
    const std::size_t grains = std::min(report.in - report.out, kMostGrains);
    std::mt19937 random(static_cast<unsigned>(stage + 1)); // decoration: the seed is fixed on purpose
    std::uniform_real_distribution<double> uniform(0, 1);
    painter.setPen(Qt::NoPen);
    painter.setBrush(stageColor(themes_, stage, answer_->stages.size()));
    for (std::size_t i = 0; i < grains; ++i) {
        const double x = 0.62 + 0.38 * uniform(random);
        const double bend = (x - 0.62) / 0.38;
        const double edge = from + (to - from) * bend * bend * (3 - 2 * bend);
        const double fall = std::pow(uniform(random), 1.7);
        const double y = edge + (box.height() - edge) * fall * (0.35 + 0.65 * bend);
        const double size = 1 + 1.4 * uniform(random);
        painter.setOpacity(0.35 + 0.5 * (1 - fall));
        painter.drawEllipse(QRectF(box.left() + x * box.width(), box.top() + y, size, size));
    }
    painter.setOpacity(1);
}

void FunnelBand::paintStage(QPainter& painter, const QRectF& box, std::size_t stage) const {
    const client::CascadeStageReport& report = answer_->stages[stage];
    const std::size_t stages = answer_->stages.size();
    const double full = box.height() - 8;
    const double from = std::max(kLeastBand, full * share(report.in));
    const double to = std::max(kLeastBand, full * share(report.out));
    const double bend = box.left() + 0.62 * box.width();
    QPainterPath band(box.topLeft());
    band.lineTo(box.right(), box.top());
    band.lineTo(box.right(), box.top() + to);
    band.cubicTo(QPointF(box.right() - 0.19 * box.width(), box.top() + to),
                 QPointF(bend + 0.19 * box.width(), box.top() + from), QPointF(bend, box.top() + from));
    band.lineTo(box.left(), box.top() + from);
    band.closeSubpath();
    const QColor color = stageColor(themes_, stage, stages);
    painter.setPen(Qt::NoPen);
    painter.setBrush(color);
    painter.drawPath(band);
    if (report.out < report.in)
        paintGrains(painter, box, from, to, stage);
    const bool on_band = from > themes_.scaled(44);
    const QColor ink = contrastRatio(QColor(0x1d, 0x22, 0x28), color) > contrastRatio(Qt::white, color)
                           ? QColor(0x1d, 0x22, 0x28)
                           : QColor(Qt::white);
    painter.setPen(on_band ? ink : themes_.color(Role::Text));
    const double left = box.left() + 12;
    const double top = on_band ? box.top() + 6 : box.top() + from + 4;
    painter.setFont(themes_.uiFont(on_band ? 20 : 13, QFont::DemiBold));
    const QRectF first(left, top, box.width() * 0.6, themes_.scaled(on_band ? 26 : 18));
    painter.drawText(first, Qt::AlignLeft | Qt::AlignVCenter, counted(report.in));
    const double beside = QFontMetricsF(painter.font()).horizontalAdvance(counted(report.in)) + 8;
    painter.setFont(themes_.uiFont(11));
    QString words = stage == 0 ? tr("images, each encoded once when it is read")
                               : tr("scored again, %1 from the cache").arg(counted(report.cached));
    if (stage + 1 == stages && stages > 1)
        words += tr("; the order of the first %1 is final").arg(counted(report.out));
    const QRectF second = on_band ? QRectF(left, first.bottom(), box.width() * 0.6, themes_.scaled(30))
                                  : QRectF(left + beside, top, box.width() - beside - 20, themes_.scaled(34));
    painter.drawText(second, Qt::AlignLeft | (on_band ? Qt::AlignTop : Qt::AlignTop) | Qt::TextWordWrap, words);
    if (report.out < report.in) {
        painter.setPen(themes_.color(Role::Text));
        painter.setFont(themes_.uiFont(11, QFont::DemiBold));
        painter.drawText(box.adjusted(0, 0, -10, -3), Qt::AlignRight | Qt::AlignBottom,
                         tr("%1 fell").arg(counted(report.in - report.out)));
    }
}

void FunnelBand::paintEvent(QPaintEvent*) {
    if (!answer_ || answer_->stages.empty())
        return;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const double width = this->width() / static_cast<double>(answer_->stages.size());
    for (std::size_t i = 0; i < answer_->stages.size(); ++i) {
        const QRectF box(width * static_cast<double>(i), 4, width, this->height() - 5);
        painter.save();
        painter.setClipRect(box);
        paintStage(painter, box, i);
        painter.restore();
        if (i > 0) {
            painter.setPen(themes_.color(Role::Line));
            painter.drawLine(QPointF(box.left(), 0), QPointF(box.left(), this->height()));
        }
    }
}

} // namespace fulgurite
