// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/context_meter.h"

#include "ui/base/format.h"

#include <QPainter>

#include <algorithm>

namespace fulgurite {

ContextMeter::ContextMeter(const ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setAccessibleName(tr("Context"));
    connect(&themes_, &ThemeManager::changed, this, [this] { updateGeometry(); });
}

QSize ContextMeter::sizeHint() const {
    return {themes_.scaled(560), themes_.scaled(26)};
}

bool ContextMeter::tight(const ContextState& state) {
    const std::int64_t used = state.kv_bytes + state.state_bytes;
    const std::int64_t total = used + state.free_bytes;
    return total > 0 && (used * 10 > total * 9 || state.needed_bytes > state.free_bytes);
}

void ContextMeter::setState(const ContextState& state) {
    state_ = state;
    const QString words = tr("%1 of %2 tokens; keys and values %3; state %4, fixed; %5 free")
                              .arg(grouped(state.tokens), grouped(state.limit), bytesText(state.kv_bytes),
                                   bytesText(state.state_bytes), bytesText(state.free_bytes));
    setAccessibleDescription(words);
    setToolTip(
        words + u'\n' +
        tr("The state of the lightning layers has one size at any length; keys and values grow with each token."));
    update();
}

void ContextMeter::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QFont plain = themes_.uiFont(11.5);
    const QFont strong = themes_.uiFont(11.5, QFont::DemiBold);
    const bool tight_now = tight(state_);
    int x = themes_.scaled(2);
    const auto word = [&](const QString& text, const QFont& font, Role role) {
        painter.setFont(font);
        painter.setPen(themes_.color(role));
        painter.drawText(QRect(x, 0, width() - x, height()), Qt::AlignLeft | Qt::AlignVCenter, text);
        x += QFontMetrics(font).horizontalAdvance(text);
    };
    word(tr("Context"), plain, Role::Muted);
    x += themes_.scaled(10);
    const QRect bar(x, height() / 2 - 4, themes_.scaled(width() > themes_.scaled(520) ? 110 : 60), 8);
    painter.fillRect(bar, themes_.color(Role::Background));
    const double total =
        static_cast<double>(std::max<std::int64_t>(state_.kv_bytes + state_.state_bytes + state_.free_bytes, 1));
    const int state_width = static_cast<int>(bar.width() * static_cast<double>(state_.state_bytes) / total);
    const int kv_width = static_cast<int>(bar.width() * static_cast<double>(state_.kv_bytes) / total);
    const int shown_state = state_.state_bytes > 0 ? std::max(state_width, 2) : 0;
    const int shown_kv = state_.kv_bytes > 0 ? std::max(kv_width, 2) : 0;
    painter.fillRect(QRect(bar.left(), bar.top(), shown_kv, bar.height()), themes_.color(Role::Softmax));
    painter.fillRect(QRect(bar.left() + shown_kv, bar.top(), shown_state, bar.height()),
                     themes_.color(Role::Lightning));
    painter.setPen(themes_.color(Role::Line));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(QRectF(bar).adjusted(0.5, 0.5, -0.5, -0.5));
    for (int tick = 1; tick < 4; ++tick) {
        painter.drawLine(bar.left() + bar.width() * tick / 4, bar.bottom() - 2, bar.left() + bar.width() * tick / 4,
                         bar.bottom());
    }
    x = bar.right() + themes_.scaled(10);
    if (tight_now && state_.needed_bytes > state_.free_bytes) {
        word(tr("needs %1, %2 free").arg(bytesText(state_.needed_bytes), bytesText(state_.free_bytes)), strong,
             Role::Bad);
        return;
    }
    word(grouped(state_.tokens), strong, tight_now ? Role::Bad : Role::Text);
    word(tr(" of %1 tokens").arg(grouped(state_.limit)), plain, tight_now ? Role::Bad : Role::Muted);
    x += themes_.scaled(16);
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes_.color(Role::Softmax)); // round: softmax
    painter.drawEllipse(QPointF(x + 4, height() / 2.0), 4, 4);
    x += themes_.scaled(13);
    word(tr("keys/values "), plain, Role::Muted);
    word(bytesText(state_.kv_bytes), strong, tight_now ? Role::Bad : Role::Text);
    x += themes_.scaled(12);
    painter.fillRect(QRectF(x, height() / 2.0 - 4, 8, 8), themes_.color(Role::Lightning)); // square: lightning
    x += themes_.scaled(13);
    word(tr("state "), plain, Role::Muted);
    word(bytesText(state_.state_bytes), strong, Role::Text);
    word(tr(" fixed"), plain, Role::Muted);
    const QString free = bytesText(state_.free_bytes);
    const int needed =
        QFontMetrics(plain).horizontalAdvance(tr("free ")) + QFontMetrics(strong).horizontalAdvance(free);
    if (x + needed + themes_.scaled(10) < width()) {
        x = width() - needed - themes_.scaled(2);
        word(tr("free "), plain, Role::Muted);
        word(free, strong, tight_now ? Role::Bad : Role::Text);
    }
}

} // namespace fulgurite
