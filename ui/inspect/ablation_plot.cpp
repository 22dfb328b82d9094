// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/ablation_plot.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QKeyEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

constexpr int kGap = 10;        // between the two tracks, pixels
constexpr double kLeast = 1e-3; // nats: smaller changes are drawn as small as they are

float delta(const AblationResult& result, int i) {
    return result.changedLogprob(i) - result.logprob(i);
}

} // namespace

AblationPlot::AblationPlot(ThemeManager& themes, const AblationModel& model, QWidget* parent)
    : PlotView(themes, tr("Effect on each token"), parent), model_(model) {
    setMargins({72, 8, 12, 24});
    setLeastSpan({8, 1});
    setYUp(true);
    connect(&model_, &QAbstractItemModel::modelReset, this, &AblationPlot::modelChanged);
}

int AblationPlot::tokens() const {
    return model_.result() == nullptr ? 0 : static_cast<int>(model_.result()->original.size());
}

void AblationPlot::modelChanged() {
    most_kl_ = kLeast;
    most_delta_ = kLeast;
    for (int i = 0; i < tokens(); ++i) {
        const float kl = model_.result()->kl(i);
        const float change = delta(*model_.result(), i);
        if (std::isfinite(kl) && std::isfinite(change)) {
            most_kl_ = std::max(most_kl_, static_cast<double>(kl));
            most_delta_ = std::max(most_delta_, std::abs(static_cast<double>(change)));
        }
    }
    setFullRange({0, 0, std::max(1.0, tokens() * 1.0), 1}, Qt::Horizontal);
    setAccessibleDescription(tr("%1 tokens; largest KL %2 nats, largest change of a log-probability %3")
                                 .arg(tokens())
                                 .arg(most_kl_, 0, 'f', 3)
                                 .arg(most_delta_, 0, 'f', 2));
    invalidatePlot();
}

void AblationPlot::setSelected(std::optional<std::size_t> position) {
    selected_ = position;
    update();
}

QRectF AblationPlot::upper() const {
    const QRectF plot = plotRect();
    return {plot.left(), plot.top(), plot.width(), (plot.height() - kGap) / 2};
}

QRectF AblationPlot::lower() const {
    return upper().translated(0, upper().height() + kGap);
}

int AblationPlot::tokenAt(QPointF data) const {
    const int i = static_cast<int>(std::floor(data.x()));
    return i >= 0 && i < tokens() ? i : -1;
}

void AblationPlot::paintPlot(QPainter& painter) {
    if (tokens() == 0) {
        return;
    }
    paintAxes(painter);
    painter.setRenderHint(QPainter::Antialiasing, false);
    const QRectF above = upper();
    const QRectF below = lower();
    const double middle = below.center().y();
    const AblationResult& result = *model_.result();
    const double per_token = (toPixel({1, 0}) - toPixel({0, 0})).x();
    const int first = std::max(0, static_cast<int>(std::floor(range().left())));
    const int last = std::min(tokens(), static_cast<int>(std::ceil(range().right())));
    // Bars as wide as tokens, or columns of a pixel with the largest of the tokens under them.
    const int step = std::max(1, static_cast<int>(std::ceil(1 / std::max(per_token, 1e-9))));
    painter.setClipRect(plotRect());
    for (int i = first - first % step; i < last; i += step) {
        float kl = 0;
        float change = 0;
        for (int j = i; j < std::min(i + step, tokens()); ++j) {
            kl = std::max(kl, result.kl(j));
            const float one = delta(result, j);
            change = std::abs(one) > std::abs(change) ? one : change;
        }
        const double left = std::floor(toPixel({i * 1.0, 0}).x());
        const double right = std::floor(toPixel({i * 1.0 + step, 0}).x());
        const double width = std::max(1.0, right - left - (right - left > 3 ? 1 : 0));
        const double height = above.height() * kl / most_kl_;
        painter.fillRect(QRectF(left, above.bottom() - height, width, height), themes().color(Role::Surprise));
        const double size = below.height() / 2 * std::abs(change) / most_delta_;
        painter.fillRect(QRectF(left, change < 0 ? middle : middle - size, width, size),
                         themes().color(change < 0 ? Role::Negative : Role::Positive));
    }
    painter.setClipping(false);
}

void AblationPlot::paintAxes(QPainter& painter) const {
    painter.setFont(themes().uiFont(11));
    const auto line = [&](double y, const QString& text) {
        painter.setPen(themes().color(Role::Grid));
        painter.drawLine(QPointF(plotRect().left(), y), QPointF(plotRect().right(), y));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - 9, plotRect().left() - 6, 18), Qt::AlignRight | Qt::AlignVCenter, text);
    };
    line(upper().top(), QStringLiteral("KL %1").arg(tickText(most_kl_, most_kl_ / 10)));
    line(upper().bottom(), QStringLiteral("0"));
    line(lower().top(), QStringLiteral("Δ %1").arg(signedText(most_delta_)));
    line(lower().center().y(), QStringLiteral("0"));
    line(lower().bottom(), signedText(-most_delta_));
    const std::size_t first = model_.result()->first;
    for (const double tick : niceTicks(range().left(), range().right(), 8)) {
        const double x = toPixel({tick, 0}).x();
        painter.drawText(QRectF(x - 40, plotRect().bottom() + 3, 80, 18), Qt::AlignHCenter | Qt::AlignTop,
                         grouped(static_cast<std::int64_t>(first) + static_cast<std::int64_t>(tick)));
    }
}

void AblationPlot::paintMarks(QPainter& painter) {
    const std::optional<QPointF> point = walkPoint();
    if (point && range().left() <= point->x() && point->x() <= range().right()) {
        painter.fillRect(QRectF(std::round(toPixel(*point).x()), plotRect().top(), 1, plotRect().height()),
                         themes().color(Role::Accent));
    }
}

std::optional<QPointF> AblationPlot::walkPoint() const {
    if (!selected_ || tokens() == 0 || *selected_ < model_.result()->first ||
        *selected_ >= model_.result()->first + model_.result()->original.size()) {
        return {};
    }
    return QPointF(static_cast<double>(*selected_ - model_.result()->first) + 0.5, 0.5);
}

QString AblationPlot::valueAt(QPointF data) const {
    const int i = tokenAt(data);
    if (i < 0) {
        return {};
    }
    const AblationResult& result = *model_.result();
    const std::string& bytes = result.original[static_cast<std::size_t>(i)].text;
    const QString text = readableToken(QString::fromUtf8(bytes.data(), static_cast<qsizetype>(bytes.size())));
    if (!std::isfinite(result.kl(i))) {
        return tr("%1\nnot judged").arg(text);
    }
    return tr("%1\ntoken %2\nKL %3 nats\nlog p %4 → %5")
        .arg(text)
        .arg(result.first + static_cast<std::size_t>(i))
        .arg(static_cast<double>(result.kl(i)), 0, 'f', 3)
        .arg(static_cast<double>(result.logprob(i)), 0, 'f', 2)
        .arg(static_cast<double>(result.changedLogprob(i)), 0, 'f', 2);
}

void AblationPlot::clicked(QPointF data, Qt::KeyboardModifiers) {
    const int i = tokenAt(data);
    if (i >= 0) {
        emit chosen(model_.result()->first + static_cast<std::size_t>(i));
    }
}

bool AblationPlot::walk(QKeyEvent* event) {
    if (tokens() == 0) {
        return false;
    }
    const int now = walkPoint() ? static_cast<int>(std::floor(walkPoint()->x())) : -1;
    int next = now;
    switch (event->key()) {
    case Qt::Key_Left:
        next = std::max(0, now - 1);
        break;
    case Qt::Key_Right:
        next = std::min(tokens() - 1, now + 1);
        break;
    case Qt::Key_Home:
        next = 0;
        break;
    case Qt::Key_End:
        next = tokens() - 1;
        break;
    default:
        return false;
    }
    emit chosen(model_.result()->first + static_cast<std::size_t>(next));
    announce(valueAt({next + 0.5, 0.5}));
    return true;
}

} // namespace fulgurite
