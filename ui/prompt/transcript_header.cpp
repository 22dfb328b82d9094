// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/transcript_header.h"

#include "ui/prompt/tint.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QResizeEvent>
#include <QToolButton>

namespace fulgurite {

TintLegend::TintLegend(const ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(&themes_, &ThemeManager::changed, this, [this] { updateGeometry(); });
}

void TintLegend::setMode(TintMode mode) {
    mode_ = mode;
    setVisible(mode != TintMode::Off);
    setAccessibleName(mode == TintMode::Probability ? tr("Tint from probability 0, pale, to 1, strong")
                      : mode == TintMode::Surprise  ? tr("Tint from 0 to 8 bits of surprise, underlined from 4")
                                                    : tr("Tint from 0 to 8 bits of entropy, underlined from 4"));
    setToolTip(accessibleName());
    updateGeometry();
    update();
}

QSize TintLegend::sizeHint() const {
    return {themes_.scaled(mode_ == TintMode::Probability ? 96 : 132), themes_.scaled(20)};
}

void TintLegend::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setFont(themes_.uiFont(11.5));
    painter.setPen(themes_.color(Role::Muted));
    const int digit = themes_.scaled(12);
    const int length = themes_.scaled(64);
    const QRect ramp(digit, height() / 2 - 5, length, 10);
    painter.drawText(QRect(0, 0, digit, height()), Qt::AlignLeft | Qt::AlignVCenter, QStringLiteral("0"));
    for (int x = 0; x < ramp.width(); ++x) {
        const double share = (x + 1.0) / ramp.width();
        painter.fillRect(QRect(ramp.left() + x, ramp.top(), 1, ramp.height()), tintColor(share, mode_, themes_));
    }
    if (mode_ != TintMode::Probability) {
        const int from = static_cast<int>(ramp.width() * kUnderlineBits / kFullTintBits);
        painter.fillRect(QRect(ramp.left() + from, ramp.bottom(), ramp.width() - from, 2),
                         themes_.color(tintRole(mode_)));
    }
    painter.setBrush(Qt::NoBrush);
    painter.setPen(themes_.color(Role::Line));
    painter.drawRect(ramp.adjusted(-1, -1, 0, 0));
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(QRect(ramp.right() + themes_.scaled(6), 0, width(), height()),
                     Qt::AlignLeft | Qt::AlignVCenter,
                     mode_ == TintMode::Probability ? QStringLiteral("1") : tr("8+ bits"));
}

TranscriptHeader::TranscriptHeader(ThemeManager& themes, QWidget* parent)
    : QFrame(parent),
      themes_(themes),
      row_(new QHBoxLayout(this)),
      title_(new QLabel(this)),
      branch_(new QLabel(this)),
      legend_(new TintLegend(themes, this)),
      next_(new QToolButton(this)) {
    setProperty("surface", "header");
    setFixedHeight(themes.scaled(metrics::kHeader));
    row_->setContentsMargins(16, 0, 10, 0);
    row_->setSpacing(8);
    title_->setProperty("tone", "title");
    title_->setMinimumWidth(60);
    title_->installEventFilter(this);
    branch_->setProperty("tone", "chip");
    row_->addWidget(title_);
    row_->addWidget(branch_, 0, Qt::AlignVCenter);
    row_->addStretch(1);
    auto* group = new QButtonGroup(this);
    auto* segments = new QHBoxLayout;
    segments->setSpacing(0);
    const std::array<std::pair<QString, QString>, 4> names{{{tr("Off"), tr("No tint")},
                                                            {tr("Probability"), tr("Tint by probability")},
                                                            {tr("Surprise"), tr("Tint by surprise")},
                                                            {tr("Entropy"), tr("Tint by entropy")}}};
    for (std::size_t i = 0; i < modes_.size(); ++i) {
        auto* button = new QPushButton(names[i].first, this);
        button->setCheckable(true);
        button->setProperty("kind", "segment");
        button->setProperty("segment", i == 0 ? "first" : i + 1 == modes_.size() ? "last" : "middle");
        button->setAccessibleName(names[i].second);
        group->addButton(button, static_cast<int>(i));
        segments->addWidget(button);
        modes_[i] = button;
    }
    row_->addLayout(segments);
    row_->addWidget(legend_);
    next_->setIcon(themes.icon(QStringLiteral("next")));
    next_->setToolTip(tr("Next uncertain token (N)"));
    next_->setAccessibleName(tr("Next uncertain token"));
    row_->addWidget(next_);
    connect(group, &QButtonGroup::idClicked, this, [this](int id) {
        setTint(static_cast<TintMode>(id));
        emit tintChanged(tint_);
    });
    connect(next_, &QToolButton::clicked, this, &TranscriptHeader::nextUncertainRequested);
    connect(&themes_, &ThemeManager::changed, this, [this] {
        setFixedHeight(themes_.scaled(metrics::kHeader));
        elide();
    });
    setTint(TintMode::Off);
    setTitle({}, {});
}

void TranscriptHeader::setTitle(const QString& title, const QString& branch) {
    full_title_ = title;
    title_->setVisible(!title.isEmpty());
    title_->setToolTip(full_title_);
    title_->setAccessibleName(full_title_);
    branch_->setText(branch);
    branch_->setVisible(!branch.isEmpty());
    elide();
}

void TranscriptHeader::setTint(TintMode mode) {
    tint_ = mode;
    modes_[static_cast<std::size_t>(mode)]->setChecked(true);
    legend_->setMode(mode);
    elide();
}

void TranscriptHeader::addLeading(QWidget* widget) {
    row_->insertWidget(leading_++, widget);
}

void TranscriptHeader::addTrailing(QWidget* widget) {
    row_->addWidget(widget);
}

// The title takes what the rest leaves; below that the branch goes first, then the legend.
void TranscriptHeader::elide() {
    const QFontMetrics font(themes_.uiFont(15, QFont::DemiBold));
    int rest = 40;
    for (int i = 0; i < row_->count(); ++i) {
        if (QLayoutItem* item = row_->itemAt(i);
            item->widget() != title_ && (item->widget() == nullptr || item->widget()->isVisibleTo(this))) {
            rest += item->sizeHint().width() + row_->spacing();
        }
    }
    const int available = std::max(80, width() - rest);
    title_->setText(font.elidedText(full_title_, Qt::ElideRight, available));
}

void TranscriptHeader::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    legend_->setVisible(tint_ != TintMode::Off && width() > themes_.scaled(620));
    elide();
}

bool TranscriptHeader::eventFilter(QObject* watched, QEvent* event) {
    if (watched == title_ && event->type() == QEvent::MouseButtonDblClick) {
        emit renameRequested();
        return true;
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace fulgurite
