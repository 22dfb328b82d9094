// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/stage_head.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/stage_colors.h"

#include <QLocale>
#include <QPainter>

#include <algorithm>
#include <array>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kHeight = 78;

} // namespace

QString flopsText(double flops) {
    constexpr std::array<const char*, 7> units{"", " K", " M", " G", " T", " P", " E"};
    std::size_t unit = 0;
    while (flops >= 999.5 && unit + 1 < units.size()) {
        flops /= 1000;
        ++unit;
    }
    const int decimals = flops >= 99.95 || unit == 0 ? 0 : flops >= 9.995 ? 1 : 2;
    return QLocale().toString(flops, 'f', decimals) + QLatin1String(units[unit]);
}

StageHead::StageHead(ThemeManager& themes, std::size_t stage, QWidget* parent)
    : QWidget(parent), themes_(themes), stage_(stage) {
    const auto fit = [this] {
        setFixedHeight(themes_.scaled(kHeight));
        update();
    };
    connect(&themes_, &ThemeManager::changed, this, fit);
    fit();
}

QSize StageHead::sizeHint() const {
    return {300, themes_.scaled(kHeight)};
}

void StageHead::setReport(const client::CascadeStageReport& report, std::size_t stages,
                          const std::optional<client::ImageEncoder>& encoder) {
    report_ = report;
    stages_ = stages;
    encoder_ = encoder;
    const auto count = [](std::size_t value) { return grouped(static_cast<qint64>(value)); };
    setAccessibleName(tr("Stage %1: %2, %3 images in, %4 out, %5, %6 operations, %7 encoded now, %8 from the cache")
                          .arg(stage_ + 1)
                          .arg(QString::fromStdString(report.encoder), count(report.in), count(report.out),
                               secondsText(report.seconds), flopsText(report.flops), count(report.encoded),
                               count(report.cached)));
    setToolTip(tr("Time of the stage with encoding; operations of the images encoded for this query.\nWith nothing "
                  "cached it would take %1.")
                   .arg(secondsText(report.cold_seconds)));
    update();
}

void StageHead::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor color = stageColor(themes_, stage_, stages_);
    const double line = themes_.scaled(24);
    const QRectF badge(0, line / 2 - 9, 18, 18);
    painter.setPen(Qt::NoPen);
    painter.setBrush(color);
    painter.drawRoundedRect(badge, 4, 4);
    const QColor dark(0x1d, 0x22, 0x28);
    painter.setPen(contrastRatio(dark, color) > contrastRatio(Qt::white, color) ? dark : QColor(Qt::white));
    painter.setFont(themes_.uiFont(11, QFont::Bold));
    painter.drawText(badge, Qt::AlignCenter, QString::number(stage_ + 1));
    painter.setPen(themes_.color(Role::Text));
    painter.setFont(themes_.uiFont(13, QFont::DemiBold));
    const QString name = QString::fromStdString(report_.encoder);
    const QString flow = QStringLiteral("%1 → %2").arg(grouped(static_cast<qint64>(report_.in)),
                                                       grouped(static_cast<qint64>(report_.out)));
    const double flow_width = QFontMetricsF(painter.font()).horizontalAdvance(flow) + 6;
    const QRectF title(26, 0, width() - 26 - flow_width, line);
    painter.drawText(title, Qt::AlignLeft | Qt::AlignVCenter, name);
    painter.drawText(QRectF(0, 0, width(), line), Qt::AlignRight | Qt::AlignVCenter, flow);
    if (encoder_) {
        const double beside = 26 + QFontMetricsF(painter.font()).horizontalAdvance(name) + 8;
        painter.setFont(themes_.uiFont(11));
        painter.setPen(themes_.color(Role::Muted));
        const QString facts =
            tr("patch %1 · %2 px · width %3").arg(encoder_->patch).arg(encoder_->image_size).arg(encoder_->width);
        const QRectF place(beside, 0, width() - flow_width - beside, line);
        painter.drawText(place, Qt::AlignLeft | Qt::AlignVCenter,
                         QFontMetricsF(painter.font()).elidedText(facts, Qt::ElideRight, place.width()));
    }
    const std::array<std::pair<QString, QString>, 4> figures{
        {{tr("time"), secondsText(report_.seconds)},
         {tr("FLOPs"), flopsText(report_.flops)},
         {tr("encoded now"), grouped(static_cast<qint64>(report_.encoded))},
         {tr("cache hits"),
          report_.cached == report_.in
              ? tr("all %1").arg(grouped(static_cast<qint64>(report_.in)))
              : tr("%1 of %2")
                    .arg(grouped(static_cast<qint64>(report_.cached)), grouped(static_cast<qint64>(report_.in)))}}};
    const std::array<double, 5> edges{0, 0.18, 0.36, 0.66, 1};
    for (std::size_t i = 0; i < figures.size(); ++i) {
        const QRectF cell(width() * edges[i], line + 4, width() * (edges[i + 1] - edges[i]) - 6, line);
        painter.setFont(themes_.uiFont(11));
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(cell, Qt::AlignLeft | Qt::AlignTop, figures[i].first);
        painter.setFont(themes_.uiFont(12));
        painter.setPen(themes_.color(Role::Text));
        painter.drawText(cell.translated(0, themes_.scaled(16)), Qt::AlignLeft | Qt::AlignTop, figures[i].second);
    }
    const QRectF bar(width() * edges[3], height() - 7, width() * (1 - edges[3]) - 6, 4);
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes_.color(Role::Line));
    painter.drawRoundedRect(bar, 2, 2);
    const double hit = report_.in == 0 ? 0 : static_cast<double>(report_.cached) / static_cast<double>(report_.in);
    painter.setBrush(color);
    painter.drawRoundedRect(QRectF(bar.left(), bar.top(), bar.width() * hit, bar.height()), 2, 2);
}

} // namespace fulgurite
