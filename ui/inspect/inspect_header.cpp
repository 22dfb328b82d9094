// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/inspect_header.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/head_badge.h"

#include <QFrame>
#include <QHBoxLayout>
#include <QMenu>
#include <QPushButton>
#include <QTabBar>
#include <QTextDocument>
#include <QToolButton>

#include <limits>

namespace fulgurite {
namespace {

constexpr int kMostText = 14;      // characters of a token in its chip
constexpr int kRoomForNames = 780; // below this width the chips are numbers alone and the capture has no name

QString shortened(const QString& text) {
    const QString shown = readableToken(text);
    return shown.size() > kMostText ? shown.left(kMostText - 1) + u'…' : shown;
}

} // namespace

InspectHeader::InspectHeader(ThemeManager& themes, Selection& selection, QWidget* parent)
    : QWidget(parent), themes_(themes), selection_(selection) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(6);
    tabs_ = new QTabBar;
    tabs_->setDrawBase(false);
    tabs_->setExpanding(false);
    tabs_->setUsesScrollButtons(true);
    tabs_->setProperty("kind", "header");
    tabs_->setAccessibleName(tr("Views"));
    row->addWidget(tabs_, 0, Qt::AlignBottom);
    const auto step = [&](const char* icon, const QString& name) {
        auto* button = new QToolButton;
        button->setIcon(themes.icon(QLatin1String(icon)));
        button->setToolTip(name);
        button->setAccessibleName(name);
        row->addWidget(button);
        return button;
    };
    back_ = step("chevron-left", tr("Back to what was selected before (Alt+Left)"));
    forward_ = step("chevron-right", tr("Forward again (Alt+Right)"));
    chip_row_ = new QHBoxLayout;
    chip_row_->setSpacing(5);
    row->addLayout(chip_row_);
    row->addStretch(1);
    capture_ = new QPushButton;
    capture_->setAccessibleName(tr("Capture"));
    row->addWidget(capture_);
    connect(tabs_, &QTabBar::currentChanged, this, &InspectHeader::tabChosen);
    connect(back_, &QToolButton::clicked, &selection_, &Selection::back);
    connect(forward_, &QToolButton::clicked, &selection_, &Selection::forward);
    connect(&selection_, &Selection::changed, this, &InspectHeader::showSelection);
    connect(&selection_, &Selection::historyChanged, this, &InspectHeader::showHistory);
    showSelection();
    showHistory();
    setCapture({}, {});
}

// The board's title is the longest; its first word does where there is no room.
void InspectHeader::showTabTitles() {
    const bool names = width() >= kRoomForNames;
    for (int i = 0; i < tabs_->count() && i < titles_.size(); ++i) {
        tabs_->setTabText(i, names ? titles_[i] : titles_[i].section(u' ', 0, 0));
        tabs_->setTabToolTip(i, titles_[i]);
    }
    tabs_->setMinimumWidth(tabs_->sizeHint().width());
    // Their keys stay.
    back_->setVisible(names);
    forward_->setVisible(names);
}

void InspectHeader::setTabs(const QStringList& titles) {
    titles_ = titles;
    const QSignalBlocker blocker(tabs_);
    while (tabs_->count() > 0) {
        tabs_->removeTab(0);
    }
    for (const QString& title : titles) {
        tabs_->addTab(title);
    }
    showTabTitles();
}

int InspectHeader::currentTab() const {
    return tabs_->currentIndex();
}

void InspectHeader::setCurrentTab(int index) {
    tabs_->setCurrentIndex(index);
}

void InspectHeader::setTokenTexts(const QString& query, const QString& source) {
    if (query != query_text_ || source != source_text_) {
        query_text_ = query;
        source_text_ = source;
        showSelection();
    }
}

void InspectHeader::setHeadKind(LayerKind kind) {
    if (kind != kind_) {
        kind_ = kind;
        showSelection();
    }
}

void InspectHeader::setCapture(const QString& name, const QString& detail) {
    capture_name_ = name;
    capture_->setToolTip(Qt::convertFromPlainText(detail)); // markup in a name is text
    showCaptureName();
    showSelection(); // beside a longer name there is less room
}

void InspectHeader::showCaptureName() {
    const QString shown = width() < kRoomForNames && !capture_name_.isEmpty() ? tr("Capture") : capture_name_;
    const QString text = shown.isEmpty() ? tr("Open a capture…") : shown;
    // The menu's arrow stands at the right end of the button.
    capture_->setText(fontMetrics().elidedText(text, Qt::ElideMiddle, themes_.scaled(190)) +
                      QStringLiteral("    "));
    capture_->setAccessibleDescription(capture_name_);
}

void InspectHeader::setCaptureMenu(QMenu* menu) {
    capture_->setMenu(menu);
}

QStringList InspectHeader::chips() const {
    QStringList texts;
    for (const QPushButton* chip : chips_) {
        texts << chip->text();
    }
    return texts;
}

void InspectHeader::addChip(const QString& text, const QString& what, const InspectState& without) {
    auto* chip = new QPushButton(text + QStringLiteral("  ×"));
    chip->setProperty("kind", "chip");
    chip->setCheckable(true); // the checked look: it is in force
    chip->setChecked(true);
    chip->setAccessibleName(tr("Selected: %1. Press to remove").arg(text));
    chip->setToolTip(tr("Remove %1 from the selection").arg(what));
    // The chip goes with the click: not before its own handler is through.
    connect(
        chip, &QPushButton::clicked, this, [this, without] { selection_.set(without); }, Qt::QueuedConnection);
    chip_row_->addWidget(chip);
    chip->show(); // now, so that the row knows its size
    chips_ << chip;
}

// As many words as there is room for: a chip that is cut at both ends says less than a short one.
void InspectHeader::showSelection() {
    words_ = width() < kRoomForNames ? ChipWords::Numbers : ChipWords::Texts;
    room_for_more_ = std::numeric_limits<int>::max();
    for (;; words_ = words_ == ChipWords::Texts ? ChipWords::Names : ChipWords::Numbers) {
        makeChips();
        chip_row_->invalidate();
        layout()->invalidate();
        const int wanted = layout()->sizeHint().width();
        if (wanted <= width() || words_ == ChipWords::Numbers) {
            return;
        }
        room_for_more_ = wanted;
    }
}

void InspectHeader::makeChips() {
    for (QPushButton* chip : std::exchange(chips_, {})) {
        chip->hide();
        chip->deleteLater();
    }
    const InspectState& state = selection_.state();
    const bool names = words_ != ChipWords::Numbers;
    const auto named = [&](const QString& text, const QString& token) {
        return words_ == ChipWords::Texts && !token.isEmpty() ? text + QStringLiteral(" “%1”").arg(shortened(token))
                                                              : text;
    };
    if (state.query) {
        InspectState without = state;
        without.query.reset();
        without.source.reset();
        const QString place = grouped(static_cast<std::int64_t>(*state.query));
        addChip(names ? named(tr("query %1").arg(place), query_text_) : place, tr("the query token"), without);
    }
    if (state.head) {
        InspectState without = state;
        without.head.reset();
        addChip(headText(*state.head), tr("the head"), without);
        chips_.last()->setIcon([this] {
            QPixmap badge(QSize(14, 14) * devicePixelRatio());
            badge.setDevicePixelRatio(devicePixelRatio());
            badge.fill(Qt::transparent);
            QPainter painter(&badge);
            paintHeadBadge(painter, QRectF(0, 0, 14, 14), kind_, themes_);
            return QIcon(badge);
        }());
        chips_.last()->setIconSize({14, 14});
    }
    if (state.source) {
        InspectState without = state;
        without.source.reset();
        const QString place =
            state.query ? QStringLiteral("−") + grouped(static_cast<std::int64_t>(*state.query - *state.source))
                        : grouped(static_cast<std::int64_t>(*state.source));
        addChip(names ? named(tr("source %1").arg(place), source_text_) : place, tr("the source token"), without);
    }
    if (state.layer) {
        InspectState without = state;
        without.layer.reset();
        addChip(tr("layer %1").arg(*state.layer), tr("the layer"), without);
    }
    if (state.expert) {
        InspectState without = state;
        without.expert.reset();
        addChip(tr("expert %1").arg(*state.expert), tr("the expert"), without);
    }
}

void InspectHeader::showHistory() {
    back_->setEnabled(selection_.canGoBack());
    forward_->setEnabled(selection_.canGoForward());
}

void InspectHeader::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    const bool other = (event->oldSize().width() < kRoomForNames) != (width() < kRoomForNames);
    if (other) {
        showCaptureName();
        showTabTitles();
    }
    const bool tight = words_ != ChipWords::Numbers && layout()->sizeHint().width() > width();
    if (other || tight || width() >= room_for_more_) {
        showSelection();
    }
}

} // namespace fulgurite
