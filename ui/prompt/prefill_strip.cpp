// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/prefill_strip.h"

#include "ui/base/format.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

namespace fulgurite {

PrefillBar::PrefillBar(const ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setFixedHeight(8);
    connect(&themes_, &ThemeManager::changed, this, [this] { update(); });
}

void PrefillBar::setState(const PrefillState& state) {
    state_ = state;
    update();
}

void PrefillBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), themes_.color(Role::Background));
    painter.setPen(themes_.color(Role::Line));
    painter.drawRect(rect().adjusted(0, 0, -1, -1));
    if (state_.total <= 0) {
        return;
    }
    const auto pixel = [&](std::int64_t tokens) {
        return static_cast<int>(static_cast<double>(width()) * static_cast<double>(tokens) /
                                static_cast<double>(state_.total));
    };
    const QRect reused(0, 0, pixel(state_.reused), height());
    const QRect done(reused.right() + 1, 0, pixel(state_.done) - reused.width(), height());
    painter.fillRect(done, themes_.color(Role::Accent));
    painter.fillRect(reused, themes_.theme().mix(Role::Panel, Role::Lightning, 0.35));
    painter.setClipRect(reused);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(themes_.color(Role::Lightning), 2));
    for (int x = -height(); x < reused.width(); x += 8) {
        painter.drawLine(x, height(), x + height(), 0);
    }
}

PrefillStrip::PrefillStrip(ThemeManager& themes, QWidget* parent)
    : QFrame(parent),
      themes_(themes),
      title_(new QLabel(this)),
      details_(new QLabel(this)),
      button_(new QPushButton(this)),
      bar_(new PrefillBar(themes, this)) {
    setProperty("surface", "card");
    setAccessibleName(tr("Reading the prompt"));
    title_->setProperty("tone", "strong");
    details_->setProperty("tone", "muted");
    auto* words = new QHBoxLayout;
    words->setSpacing(14);
    words->addWidget(title_);
    words->addWidget(details_, 1);
    auto* left = new QVBoxLayout;
    left->setSpacing(7);
    left->addLayout(words);
    left->addWidget(bar_);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12, 8, 10, 9);
    row->setSpacing(12);
    row->addLayout(left, 1);
    row->addWidget(button_);
    connect(button_, &QPushButton::clicked, this, [this] {
        if (state_.cancelled) {
            emit continueRequested(state_.turn);
        } else {
            emit cancelRequested();
        }
    });
    hide();
}

void PrefillStrip::setState(const PrefillState& state) {
    state_ = state;
    setVisible(state.active || state.cancelled);
    bar_->setState(state);
    button_->setText(state.cancelled ? tr("Continue") : tr("Cancel"));
    button_->setToolTip(state.cancelled ? tr("Read the rest and answer")
                                        : tr("Stop reading; what you wrote stays (Esc)"));
    title_->setText(state.cancelled
                        ? tr("Stopped at %1 of %2 tokens").arg(grouped(state.done), grouped(state.total))
                        : tr("Prefill %1 of %2").arg(grouped(state.done), grouped(state.total)));
    QStringList parts;
    if (state.cancelled) {
        parts += tr("%1 tokens are kept").arg(grouped(state.done));
    } else if (state.tokens_per_second > 0) {
        parts += tr("%1 tok/s").arg(QLocale().toString(state.tokens_per_second, 'f', 0));
        const double left = static_cast<double>(state.total - state.done) / state.tokens_per_second;
        parts += tr("%1 left").arg(secondsText(left));
    }
    if (state.reused > 0) {
        parts += state.reused_from.isEmpty()
                     ? tr("%1 reused").arg(grouped(state.reused))
                     : tr("%1 reused from %2").arg(grouped(state.reused), state.reused_from);
    }
    details_->setText(parts.join(QStringLiteral("   ")));
    setAccessibleDescription(title_->text() + QStringLiteral(", ") + parts.join(QStringLiteral(", ")));
}

} // namespace fulgurite
