// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/reconnect_notice.h"

#include "ui/base/theme_manager.h"
#include "ui/engine/node_link.h"
#include "ui/engine/retry_clock.h"

#include <QAccessible>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace fulgurite {

CountdownRing::CountdownRing(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(&themes, &ThemeManager::changed, this, [this] { updateGeometry(); });
}

QSize CountdownRing::sizeHint() const {
    return {themes_.scaled(34), themes_.scaled(34)};
}

void CountdownRing::setSeconds(int left, int of) {
    left_ = left;
    of_ = std::max(1, of);
    setAccessibleName(left > 0 ? tr("%n second(s) until the next try", nullptr, left) : tr("Trying now"));
    update();
}

void CountdownRing::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF ring = QRectF(rect()).adjusted(3, 3, -3, -3);
    painter.setPen(QPen(themes_.color(Role::Line), 3));
    painter.drawEllipse(ring);
    painter.setPen(QPen(themes_.color(Role::Warn), 3, Qt::SolidLine, Qt::FlatCap));
    painter.drawArc(ring, 90 * 16, -360 * 16 * std::min(left_, of_) / of_);
    painter.setPen(themes_.color(Role::Text));
    painter.setFont(themes_.uiFont(12, QFont::DemiBold));
    painter.drawText(rect(), Qt::AlignCenter, left_ > 0 ? QString::number(left_) : QStringLiteral("…"));
}

ReconnectNotice::ReconnectNotice(ThemeManager& themes, QWidget* parent)
    : QFrame(parent),
      themes_(themes),
      ring_(new CountdownRing(themes)),
      title_(new QLabel),
      cause_(new QLabel),
      text_(new QLabel),
      now_(new QPushButton(tr("Try now"))),
      move_(new QPushButton),
      stop_(new QPushButton(tr("Stop"))) {
    setProperty("surface", "notice");
    setObjectName(QStringLiteral("reconnect"));
    title_->setProperty("tone", "heading");
    cause_->setProperty("tone", "small");
    cause_->setWordWrap(true);
    text_->setWordWrap(true);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12, 8, 10, 8);
    row->setSpacing(10);
    row->addWidget(ring_, 0, Qt::AlignTop);
    auto* words = new QVBoxLayout;
    words->setSpacing(2);
    words->addWidget(title_);
    words->addWidget(cause_);
    words->addWidget(text_);
    auto* buttons = new QHBoxLayout;
    for (QPushButton* button : {now_, move_, stop_}) {
        button->setAccessibleName(button->text());
        buttons->addWidget(button);
    }
    move_->setAccessibleName(tr("Go on with another node")); // its text names the node, once there is one
    buttons->addStretch(1);
    words->addLayout(buttons);
    row->addLayout(words, 1);
    connect(now_, &QPushButton::clicked, this, [this] {
        if (lost())
            link_->connectNow();
        else
            emit nowWanted();
    });
    connect(move_, &QPushButton::clicked, this, &ReconnectNotice::moveWanted);
    connect(stop_, &QPushButton::clicked, this, [this] {
        if (lost()) // a node that is there stays connected
            link_->stopTrying();
        emit stopped();
        refresh();
    });
    setOther({});
    hide();
}

void ReconnectNotice::watch(NodeLink* link, const QString& name) {
    if (link_)
        link_->disconnect(this);
    link_ = link;
    name_ = name;
    announced_.clear();
    if (link)
        connect(link, &NodeLink::stateChanged, this, &ReconnectNotice::refresh);
    refresh();
}

void ReconnectNotice::setPaused(const QString& paused) {
    paused_ = paused;
    refresh();
}

void ReconnectNotice::setOther(const QString& name) {
    move_->setVisible(!name.isEmpty());
    move_->setText(tr("Move to %1").arg(name));
    move_->setAccessibleName(move_->text());
}

void ReconnectNotice::setWait(int left, int of, int tries, const QString& why) {
    wait_ = {left, of, tries, why};
    refresh();
}

bool ReconnectNotice::trying() const {
    return link_ && link_->tries() > 0 &&
           (link_->state() == LinkState::Connecting || link_->state() == LinkState::Loading);
}

bool ReconnectNotice::lost() const {
    return trying() || (link_ && link_->state() == LinkState::Waiting);
}

void ReconnectNotice::showLost() {
    ring_->setSeconds(trying() ? 0 : link_->secondsLeft(), RetryClock::secondsAfter(link_->tries()));
    title_->setText(tr("Reconnecting to %1").arg(name_));
    cause_->setText(link_->message().isEmpty() ? tr("try %1").arg(link_->tries())
                                               : tr("try %1: %2").arg(link_->tries()).arg(link_->message()));
    text_->setText(paused_.isEmpty() ? tr("What you are writing is kept; what you send waits.")
                                     : paused_ + QLatin1Char(' ') + tr("What you are writing is kept."));
    now_->setEnabled(!trying());
    setAccessibleName(title_->text() + QStringLiteral(". ") + link_->message());
}

void ReconnectNotice::showWait() {
    ring_->setSeconds(wait_.left, wait_.of);
    title_->setText(tr("Waiting for a place at %1").arg(name_));
    cause_->setText(tr("try %1: %2").arg(wait_.tries).arg(wait_.why));
    text_->setText(paused_ + QLatin1Char(' ') + tr("What you send in its conversation waits behind it."));
    now_->setEnabled(true);
    setAccessibleName(title_->text() + QStringLiteral(". ") + wait_.why);
}

// Told to assistive technology once for each loss, not each second.
void ReconnectNotice::refresh() {
    const bool shown = lost() || wait_.left > 0;
    if (shown) {
        lost() ? showLost() : showWait();
        const QString spoken = accessibleName();
        if (std::exchange(announced_, spoken) != spoken) {
            QAccessibleEvent alert(this, QAccessible::Alert);
            QAccessible::updateAccessibility(&alert);
        }
    }
    if (shown != isVisibleTo(parentWidget())) {
        setVisible(shown);
        emit shownChanged();
    }
}

} // namespace fulgurite
