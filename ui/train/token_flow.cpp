// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/token_flow.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"

#include <QAccessible>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kPad = 4;
constexpr double kTokenGap = 3;
constexpr double kLine = 21;
constexpr double kAbove = 14; // room over each line for "9.4 → 5"
constexpr double kMostEntropy = 4;
constexpr double kLeastLogp = -8;

QString shortRatio(double value) {
    return QString::number(value, 'f', value < 10 ? (std::abs(value - std::round(value)) < 0.05 ? 0 : 1) : 0);
}

} // namespace

QColor tokenFill(const ThemeManager& themes, const AnswerToken& token, TokenColor by, double cap) {
    double share = std::nan("");
    Role hue = Role::RatioAbove;
    if (by == TokenColor::Ratio) {
        share = std::log(token.ratio) / std::log(std::max(cap, 1.01));
        hue = share < 0 ? Role::RatioBelow : Role::RatioAbove;
        share = std::abs(share);
    } else if (by == TokenColor::LogProbability) {
        share = token.logp_old / kLeastLogp;
        hue = Role::Surprise;
    } else {
        share = token.entropy / kMostEntropy;
        hue = Role::Probability;
    }
    if (std::isnan(share)) {
        return Qt::transparent;
    }
    return themes.theme().mix(Role::Panel, hue, std::clamp(share, 0.0, 1.0));
}

TokenFlow::TokenFlow(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setObjectName(QStringLiteral("token-flow"));
    setAccessibleName(tr("Tokens of the answer"));
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    connect(&themes, &ThemeManager::changed, this, [this] {
        arrange(width(), &boxes_);
        updateGeometry();
        update();
    });
}

void TokenFlow::setAnswer(const std::vector<AnswerToken>& tokens, double cap) {
    tokens_ = tokens;
    cap_ = cap;
    current_ = -1;
    arrange(width(), &boxes_);
    updateGeometry();
    update();
    emit currentChanged(-1);
}

void TokenFlow::setColor(TokenColor by) {
    by_ = by;
    update();
}

void TokenFlow::setCurrent(int token) {
    const int wanted = std::clamp(token, -1, static_cast<int>(tokens_.size()) - 1);
    if (wanted == current_) {
        return;
    }
    current_ = wanted;
    update();
    setAccessibleDescription(tokenText(current_));
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
    emit currentChanged(current_);
}

void TokenFlow::nextCapped() {
    for (int i = 1; i <= static_cast<int>(tokens_.size()); ++i) {
        const int at = (std::max(current_, 0) + i) % static_cast<int>(tokens_.size());
        if (tokens_[static_cast<std::size_t>(at)].capped) {
            setCurrent(at);
            return;
        }
    }
}

QRect TokenFlow::tokenRect(int token) const {
    return token >= 0 && token < static_cast<int>(boxes_.size()) ? boxes_[static_cast<std::size_t>(token)].toRect()
                                                                 : QRect();
}

int TokenFlow::arrange(int width, std::vector<QRectF>* boxes) const {
    const QFontMetricsF metrics(themes_.codeFont(12));
    const QFontMetricsF small(themes_.uiFont(10.5, QFont::DemiBold));
    const double line = std::max(kLine, metrics.height() + 4);
    const double above = std::max(kAbove, small.height());
    double x = 2;
    double y = above;
    if (boxes != nullptr) {
        boxes->clear();
    }
    for (const AnswerToken& token : tokens_) {
        const double wide = metrics.horizontalAdvance(readableToken(token.text)) + 2 * kPad;
        if (x + wide > width - 2 && x > 2) {
            x = 2;
            y += line + above;
        }
        if (boxes != nullptr) {
            boxes->push_back({x, y, wide, line});
        }
        x += wide + kTokenGap;
        if (token.text.contains(u'\n')) { // the answer's own lines
            x = 2;
            y += line + above;
        }
    }
    return static_cast<int>(std::ceil(y + line + 4));
}

int TokenFlow::heightForWidth(int width) const {
    return arrange(width, nullptr);
}

void TokenFlow::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    arrange(width(), &boxes_);
}

void TokenFlow::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QFont plain = themes_.codeFont(12);
    const QFont bold = themes_.codeFont(12, QFont::DemiBold);
    const QFont small = themes_.uiFont(10.5, QFont::DemiBold);
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
        const QRectF& box = boxes_[i];
        if (!event->rect().adjusted(0, -20, 0, 20).intersects(box.toAlignedRect())) {
            continue;
        }
        const AnswerToken& token = tokens_[i];
        const QColor fill = tokenFill(themes_, token, by_, cap_);
        if (fill.alpha() > 0) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(fill);
            painter.drawRoundedRect(box, 3, 3);
        }
        const bool on_fill = fill.alpha() > 0 && contrastRatio(fill, themes_.color(Role::Text)) < 4.5;
        if (token.capped) {
            painter.fillRect(QRectF(box.left(), box.top() - 2, box.width(), 2), themes_.color(Role::Capped));
            painter.setFont(small);
            painter.setPen(themes_.color(Role::Capped));
            const QString text = QStringLiteral("%1 → %2").arg(shortRatio(token.ratio), shortRatio(token.weight));
            const double half = QFontMetricsF(small).horizontalAdvance(text) / 2;
            const double centre = std::clamp(box.center().x(), half, std::max(half, width() - half));
            painter.drawText(QPointF(centre - half, box.top() - 4), text);
        }
        painter.setFont(token.capped ? bold : plain);
        painter.setPen(themes_.color(on_fill ? Role::OnCapped : Role::Text));
        painter.drawText(box, Qt::AlignCenter, readableToken(token.text));
        if (static_cast<int>(i) == current_) {
            painter.setBrush(Qt::NoBrush);
            painter.setPen(QPen(themes_.color(Role::Focus), 2));
            painter.drawRoundedRect(box.adjusted(-1, -1, 1, 1), 4, 4);
        }
    }
    if (hasFocus() && current_ < 0) {
        painter.setPen(QPen(themes_.color(Role::Focus), 1, Qt::DotLine));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(rect().adjusted(1, 1, -2, -2));
    }
}

int TokenFlow::tokenAt(QPointF at) const {
    const auto found = std::find_if(boxes_.begin(), boxes_.end(), [at](const QRectF& box) {
        return box.adjusted(-kTokenGap / 2, -kAbove, kTokenGap / 2, 0).contains(at);
    });
    return found == boxes_.end() ? -1 : static_cast<int>(found - boxes_.begin());
}

void TokenFlow::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) {
        setFocus(Qt::MouseFocusReason);
        setCurrent(tokenAt(event->position()));
    }
}

void TokenFlow::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Left:
        setCurrent(std::max(0, current_ - 1));
        break;
    case Qt::Key_Right:
        setCurrent(current_ + 1);
        break;
    case Qt::Key_Home:
        setCurrent(0);
        break;
    case Qt::Key_End:
        setCurrent(static_cast<int>(tokens_.size()) - 1);
        break;
    case Qt::Key_N:
        nextCapped();
        break;
    default:
        QWidget::keyPressEvent(event);
    }
}

QString TokenFlow::tokenText(int token) const {
    if (token < 0) {
        return {};
    }
    const AnswerToken& at = tokens_[static_cast<std::size_t>(token)];
    QString text = tr("token %1 %2: ratio %3, weight %4")
                       .arg(token + 1)
                       .arg(readableToken(at.text))
                       .arg(at.ratio, 0, 'g', 4)
                       .arg(at.weight, 0, 'g', 4);
    return at.capped ? text + tr(", capped") : text;
}

bool TokenFlow::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int token = tokenAt(help->pos());
        if (token >= 0) {
            QToolTip::showText(help->globalPos(), tokenText(token), this, tokenRect(token));
        } else {
            QToolTip::hideText();
        }
        return true;
    }
    return QWidget::event(event);
}

} // namespace fulgurite
