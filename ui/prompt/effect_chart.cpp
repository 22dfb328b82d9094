// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/effect_chart.h"

#include "ui/base/csv.h"
#include "ui/base/format.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHelpEvent>
#include <QLocale>
#include <QMenu>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kLeast = 3e-4; // where the axis ends

double heightOf(double probability) {
    return std::clamp(1 - std::log10(std::max(probability, kLeast)) / std::log10(kLeast), 0.0, 1.0);
}

} // namespace

EffectChart::EffectChart(const ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setAccessibleName(tr("Effect of the sampler"));
    setFocusPolicy(Qt::TabFocus);
    connect(&themes_, &ThemeManager::changed, this, [this] { updateGeometry(); });
    compute();
}

QSize EffectChart::sizeHint() const {
    return {themes_.scaled(300), themes_.scaled(132)};
}

void EffectChart::setToken(const std::optional<TokenView>& token) {
    token_ = token;
    compute();
}

void EffectChart::setSettings(const SamplerSettings& settings) {
    settings_ = settings;
    compute();
}

void EffectChart::compute() {
    effect_ = token_ ? samplerEffect(*token_, settings_) : SamplerEffect{};
    setAccessibleDescription(effect_.bars.isEmpty() ? tr("No token is selected")
                                                    : tr("At %1: %2 of %3 known tokens kept, mass %4")
                                                          .arg(readableToken(token_->text))
                                                          .arg(effect_.kept)
                                                          .arg(effect_.bars.size())
                                                          .arg(QLocale().toString(effect_.kept_mass, 'f', 3)));
    update();
}

QString EffectChart::asCsv() const {
    QString csv = csvLine({QStringLiteral("token"), QStringLiteral("id"), QStringLiteral("before"),
                           QStringLiteral("after"), QStringLiteral("cut")});
    for (const EffectBar& bar : effect_.bars) {
        csv += csvLine({bar.choice.text, QString::number(bar.choice.id), csvNumber(bar.before),
                        csvNumber(bar.after), bar.cut ? QStringLiteral("1") : QStringLiteral("0")});
    }
    return csv;
}

QRect EffectChart::plot() const {
    return rect().adjusted(themes_.scaled(34), themes_.scaled(26), -2, -themes_.scaled(4));
}

void EffectChart::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setFont(themes_.uiFont(11, QFont::DemiBold));
    painter.setPen(themes_.color(Role::Muted));
    const QRect title(0, 0, width(), themes_.scaled(20));
    if (effect_.bars.isEmpty()) {
        painter.drawText(title, Qt::AlignLeft | Qt::AlignVCenter, tr("Effect"));
        painter.setFont(themes_.uiFont(12));
        painter.drawText(
            plot().adjusted(-themes_.scaled(30), 0, 0, 0), Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap,
            tr("Select a token of an answer to see what these settings would leave of its alternatives."));
        return;
    }
    const QString mass = tr("mass kept %1").arg(QLocale().toString(effect_.kept_mass, 'f', 3));
    const int mass_width = QFontMetrics(themes_.uiFont(11)).horizontalAdvance(mass) + 8;
    painter.drawText(title.adjusted(0, 0, -mass_width, 0), Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetrics(painter.font())
                         .elidedText(tr("Effect at “%1”").arg(readableToken(token_->text)), Qt::ElideRight,
                                     title.width() - mass_width));
    painter.setFont(themes_.uiFont(11));
    painter.drawText(title, Qt::AlignRight | Qt::AlignVCenter, mass);

    const QRect area = plot();
    for (const double tick : {1.0, 0.1, 0.01, 0.001}) {
        const int y = area.bottom() - static_cast<int>(heightOf(tick) * area.height());
        painter.setPen(themes_.color(Role::Grid));
        painter.drawLine(area.left(), y, area.right(), y);
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(QRect(0, y - 8, area.left() - 6, 16), Qt::AlignRight | Qt::AlignVCenter,
                         tick < 0.005 ? QStringLiteral("1e-3") : QString::number(tick));
    }
    const double step =
        static_cast<double>(area.width()) / static_cast<double>(std::max<qsizetype>(effect_.bars.size(), 8));
    const QColor wide = themes_.theme().mix(Role::Panel, Role::Probability, 0.45);
    const QColor cut = themes_.theme().mix(Role::Panel, Role::Probability, 0.32);
    int last_kept = -1;
    for (int i = 0; i < effect_.bars.size(); ++i) {
        const EffectBar& bar = effect_.bars[i];
        const double x = area.left() + i * step;
        const auto column = [&](double share, double width, const QColor& color) {
            const double height = heightOf(share) * area.height();
            painter.fillRect(QRectF(x + (step - width) / 2, area.bottom() + 1 - height, width, height), color);
        };
        column(bar.before, step * 0.78, bar.cut ? cut : wide);
        if (!bar.cut) {
            column(bar.after, std::max(2.0, step * 0.3), themes_.color(Role::Probability));
            last_kept = std::max(last_kept, i);
        }
        if (bar.sampled) {
            painter.setRenderHint(QPainter::Antialiasing);
            painter.setPen(Qt::NoPen);
            painter.setBrush(themes_.color(Role::Accent));
            const double top = area.bottom() - heightOf(std::max(bar.before, bar.after)) * area.height();
            painter.drawEllipse(QPointF(x + step / 2, std::max<double>(top - 6, area.top() - 4)), 3, 3);
            painter.setRenderHint(QPainter::Antialiasing, false);
        }
    }
    if (last_kept >= 0 && last_kept + 1 < effect_.bars.size()) {
        const int x = area.left() + static_cast<int>((last_kept + 1) * step);
        painter.setPen(QPen(themes_.color(Role::Text), 1, Qt::DashLine));
        painter.drawLine(x, area.top() - 4, x, area.bottom());
        painter.setPen(themes_.color(Role::Muted));
        const QString note = tr("cut");
        const bool right = x + themes_.scaled(160) < area.right();
        const QRect place(right ? x + 5 : x - themes_.scaled(165), area.top() - 4, themes_.scaled(160),
                          themes_.scaled(30));
        painter.drawText(place, (right ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignTop,
                         note + u'\n' + tr("wide before, narrow after"));
    }
    if (hasFocus()) {
        painter.setPen(QPen(themes_.color(Role::Focus), 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(rect().adjusted(0, 0, -1, -1));
    }
}

void EffectChart::contextMenuEvent(QContextMenuEvent* event) {
    QMenu menu(this);
    menu.addAction(tr("Copy numbers"), this, [this] { QApplication::clipboard()->setText(asCsv()); });
    menu.addAction(tr("Copy picture"), this, [this] { QApplication::clipboard()->setPixmap(grab()); });
    menu.addAction(tr("Save numbers as CSV…"), this,
                   [this] { saveCsv(this, QStringLiteral("sampler-effect.csv"), asCsv()); });
    for (QAction* action : menu.actions()) {
        action->setEnabled(!effect_.bars.isEmpty());
    }
    menu.exec(event->globalPos());
}

bool EffectChart::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip && !effect_.bars.isEmpty()) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QRect area = plot();
        const double step =
            static_cast<double>(area.width()) / static_cast<double>(std::max<qsizetype>(effect_.bars.size(), 8));
        const int index = static_cast<int>((help->pos().x() - area.left()) / step);
        if (area.contains(help->pos()) && index >= 0 && index < effect_.bars.size()) {
            const EffectBar& bar = effect_.bars[index];
            QToolTip::showText(
                help->globalPos(),
                tr("%1: %2 before, %3 after\nWorked out from the %4 alternatives that the engine sent; "
                   "penalties are not part of it.")
                    .arg(readableToken(bar.choice.text), QLocale().toString(bar.before, 'g', 3),
                         bar.cut ? tr("cut") : QLocale().toString(bar.after, 'g', 3))
                    .arg(effect_.bars.size()),
                this);
            return true;
        }
    }
    return QWidget::event(event);
}

} // namespace fulgurite
