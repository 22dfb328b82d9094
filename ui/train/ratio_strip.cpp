// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/ratio_strip.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QKeyEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {

RatioStrip::RatioStrip(ThemeManager& themes, QWidget* parent)
    : PlotView(themes, tr("Ratio of each token"), parent) {
    setObjectName(QStringLiteral("ratio-strip"));
    setYUp(true);
    setMargins({30, 4, 8, 4});
    setMinimumHeight(56);
    setLeastSpan({8, 1e-6});
}

void RatioStrip::setAnswer(const std::vector<AnswerToken>& tokens, double cap) {
    tokens_ = std::make_shared<const std::vector<AnswerToken>>(tokens);
    cap_ = cap;
    current_ = -1;
    double reach = std::log10(std::max(cap, 1.2)) * 1.15;
    for (const AnswerToken& token : tokens) {
        if (token.ratio > 0) {
            reach = std::max(reach, std::min(std::abs(std::log10(token.ratio)), 2.0));
        }
    }
    setFullRange({0, -reach, std::max(1.0, static_cast<double>(tokens.size())), 2 * reach}, Qt::Horizontal);
    invalidatePlot();
}

void RatioStrip::setCurrent(int token) {
    current_ = token;
    update();
}

void RatioStrip::paintPlot(QPainter& painter) {
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(10.5);
    painter.setFont(font);
    const double cap = std::log10(cap_);
    for (const double tick : {cap, 0.0, -cap}) {
        const double y = toPixel({0, tick}).y();
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 8, plot.left() - 4, 16), Qt::AlignRight | Qt::AlignVCenter,
                         QString::number(std::pow(10.0, tick), 'g', 2));
    }
    painter.setClipRect(plot.adjusted(-1, 0, 1, 0));
    const double base = toPixel({0, 0}).y();
    painter.setPen(themes().color(Role::Faint));
    painter.drawLine(QPointF(plot.left(), base), QPointF(plot.right(), base));
    for (std::size_t i = 0; i < tokens_->size(); ++i) {
        const double ratio = (*tokens_)[i].ratio;
        if (!(ratio > 0)) {
            continue;
        }
        const double value = std::log10(ratio);
        const double left = toPixel({static_cast<double>(i) + 0.1, 0}).x();
        const double width = std::max(1.0, toPixel({static_cast<double>(i) + 0.9, 0}).x() - left);
        const double end = toPixel({0, std::min(value, cap)}).y();
        painter.fillRect(QRectF(left, std::min(base, end), width, std::abs(end - base)),
                         themes().color(value < 0 ? Role::RatioBelow : Role::RatioAbove));
        if (value > cap) {
            painter.setPen(QPen(themes().color(Role::RatioAbove), 1, Qt::DotLine));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(QRectF(left, toPixel({0, value}).y(), width - 1, end - toPixel({0, value}).y()));
        }
    }
    QPen dash(themes().color(Role::Capped), 1);
    dash.setDashPattern({4, 3});
    painter.setPen(dash);
    painter.drawLine(QPointF(plot.left(), toPixel({0, cap}).y()), QPointF(plot.right(), toPixel({0, cap}).y()));
}

void RatioStrip::paintMarks(QPainter& painter) {
    if (current_ < 0) {
        return;
    }
    const QRectF plot = plotRect();
    const double left = toPixel({static_cast<double>(current_), 0}).x();
    const double right = toPixel({static_cast<double>(current_) + 1, 0}).x();
    painter.fillRect(QRectF(left, plot.top(), std::max(2.0, right - left), plot.height()),
                     themes().color(Role::Focus, 0.22));
}

QString RatioStrip::valueAt(QPointF data) const {
    const auto i = static_cast<std::size_t>(std::max(0.0, data.x()));
    if (i >= tokens_->size()) {
        return {};
    }
    const AnswerToken& token = (*tokens_)[i];
    return tr("token %1 %2\nratio %3\nweight %4")
        .arg(i + 1)
        .arg(readableToken(token.text), QString::number(token.ratio, 'g', 4),
             QString::number(token.weight, 'g', 4));
}

void RatioStrip::clicked(QPointF data, Qt::KeyboardModifiers) {
    emit tokenChosen(static_cast<int>(data.x()));
}

bool RatioStrip::walk(QKeyEvent* event) {
    if (event->key() != Qt::Key_Left && event->key() != Qt::Key_Right) {
        return false;
    }
    const int to = std::clamp(current_ + (event->key() == Qt::Key_Left ? -1 : 1), 0,
                              std::max(0, static_cast<int>(tokens_->size()) - 1));
    emit tokenChosen(to);
    return true;
}

TableTwin RatioStrip::table() const {
    TableTwin twin{.title = name(),
                   .columns = {tr("token"), tr("text"), tr("logp_old"), tr("logp"), tr("ratio"), tr("weight"),
                               tr("capped"), tr("entropy")},
                   .rows = static_cast<int>(tokens_->size()),
                   .cell = {},
                   .current = current_};
    twin.cell = [tokens = tokens_](int row, int column) -> QVariant {
        const AnswerToken& token = (*tokens)[static_cast<std::size_t>(row)];
        const double values[]{token.logp_old,           token.logp,   token.ratio, token.weight,
                              token.capped ? 1.0 : 0.0, token.entropy};
        if (column < 2) {
            return column == 0 ? QVariant(row + 1) : QVariant(token.text);
        }
        const double value = values[column - 2];
        return std::isnan(value) ? QVariant() : QVariant(value);
    };
    return twin;
}

} // namespace fulgurite
