// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/train_toolbar.h"

#include "ui/base/theme_manager.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScopedValueRollback>
#include <QSlider>
#include <QTimer>

namespace fulgurite {
namespace {

constexpr int kMostThousandths = 999; // thousandths

QLabel* word(const QString& text) {
    auto* label = new QLabel(text);
    label->setProperty("tone", "muted");
    return label;
}

} // namespace

TrainToolbar::TrainToolbar(ThemeManager& themes, RunBoard& board, QWidget* parent)
    : QWidget(parent), themes_(themes), board_(board) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(7);
    row->setSizeConstraint(QLayout::SetNoConstraint);
    auto* smooth_word = word(tr("Smooth"));
    row->addWidget(smooth_word);
    smoothing_ = addSegments(row, {tr("Off"), tr("EMA"), tr("Time EMA"), tr("Median")}, true, tr("Smoothing"));
    weight_ = new QSlider(Qt::Horizontal);
    weight_->setRange(0, kMostThousandths);
    weight_->setPageStep(100);
    weight_->setFixedWidth(themes.scaled(76));
    weight_->setAccessibleName(tr("Weight of smoothing"));
    weight_text_ = new QLabel;
    row->addWidget(weight_);
    row->addWidget(weight_text_);
    row->addSpacing(4);
    auto* axis_word = word(tr("X"));
    row->addWidget(axis_word);
    axis_ = addSegments(row, {tr("Step"), tr("Tokens"), tr("Elapsed"), tr("Clock")}, true, tr("Horizontal axis"));
    auto* log_word = word(tr("Log"));
    row->addWidget(log_word);
    logs_ = addSegments(row, {tr("x"), tr("y")}, false, tr("Logarithmic axis"));
    auto* band_word = word(tr("Band"));
    row->addWidget(band_word);
    band_ = new QComboBox;
    band_->setAccessibleName(tr("Band of a group"));
    band_->addItems({tr("min to max"), tr("deviation"), tr("none")});
    row->addWidget(band_);
    members_ = new QCheckBox(tr("Seeds"));
    members_->setToolTip(tr("Each run of a group as a thin line"));
    row->addWidget(members_);
    paper_ = new QCheckBox(tr("Paper"));
    paper_->setToolTip(tr("Figures of the MiniMax-M1 report, dashed. Another task and another model."));
    row->addWidget(paper_);
    figure_ = new QComboBox;
    figure_->setAccessibleName(tr("Figure of the paper"));
    figure_->addItem(tr("Fig. 2"), 2);
    figure_->addItem(tr("Fig. 4"), 4);
    row->addWidget(figure_);
    row->addStretch(1);
    add_ = new QPushButton(themes.icon(QStringLiteral("plus")), tr("Chart"));
    add_->setToolTip(tr("A chart of any series"));
    row->addWidget(add_);
    foldable_ = {smooth_word, axis_word,        weight_text_,     weight_,  band_word, band_,
                 log_word,    logs_->button(0), logs_->button(1), members_, figure_,   paper_};

    connect(smoothing_, &QButtonGroup::idClicked, this, &TrainToolbar::take);
    connect(axis_, &QButtonGroup::idClicked, this, &TrainToolbar::take);
    connect(logs_, &QButtonGroup::idToggled, this, &TrainToolbar::take);
    connect(weight_, &QSlider::valueChanged, this, &TrainToolbar::take);
    connect(band_, &QComboBox::currentIndexChanged, this, &TrainToolbar::take);
    connect(members_, &QCheckBox::toggled, this, &TrainToolbar::take);
    connect(paper_, &QCheckBox::toggled, this, &TrainToolbar::take);
    connect(figure_, &QComboBox::currentIndexChanged, this,
            [this] { emit paperFigureChosen(figure_->currentData().toInt()); });
    connect(add_, &QPushButton::clicked, this, &TrainToolbar::chartWanted);
    connect(&board, &RunBoard::settingsChanged, this, &TrainToolbar::showSettings);
    showSettings();
}

QButtonGroup* TrainToolbar::addSegments(QHBoxLayout* row, const QStringList& names, bool exclusive,
                                        const QString& what) {
    auto* group = new QButtonGroup(this);
    group->setExclusive(exclusive);
    auto* segments = new QHBoxLayout;
    segments->setSpacing(0);
    for (qsizetype i = 0; i < names.size(); ++i) {
        auto* button = new QPushButton(names[i]);
        button->setProperty("kind", "segment");
        button->setProperty("segment", i == 0 ? "first" : i + 1 == names.size() ? "last" : "middle");
        button->setCheckable(true);
        button->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed); // never narrower than its word
        button->setAccessibleName(what + u' ' + names[i]);
        group->addButton(button, static_cast<int>(i));
        segments->addWidget(button);
    }
    row->addLayout(segments);
    return group;
}

void TrainToolbar::take() {
    if (showing_) {
        return;
    }
    ChartSettings settings = board_.settings();
    settings.smoothing = {static_cast<Smoothing>(smoothing_->checkedId()), weight_->value() / 1000.0};
    settings.x = static_cast<XAxis>(axis_->checkedId());
    settings.log_x = logs_->button(0)->isChecked();
    settings.log_y = logs_->button(1)->isChecked();
    settings.band = static_cast<BandKind>(band_->currentIndex());
    settings.members = members_->isChecked();
    settings.paper = paper_->isChecked();
    board_.setSettings(settings);
}

void TrainToolbar::showSettings() {
    showing_ = true;
    const ChartSettings& settings = board_.settings();
    smoothing_->button(static_cast<int>(settings.smoothing.kind))->setChecked(true);
    weight_->setValue(static_cast<int>(settings.smoothing.weight * 1000 + 0.5));
    weight_->setEnabled(settings.smoothing.kind != Smoothing::Off);
    axis_->button(static_cast<int>(settings.x))->setChecked(true);
    logs_->button(0)->setChecked(settings.log_x);
    logs_->button(1)->setChecked(settings.log_y);
    band_->setCurrentIndex(static_cast<int>(settings.band));
    members_->setChecked(settings.members);
    paper_->setChecked(settings.paper);
    figure_->setEnabled(settings.paper);
    weight_text_->setText(settings.smoothing.kind == Smoothing::Median
                              ? tr("%1 pt").arg(2 * medianHalf(settings.smoothing.weight) + 1)
                              : QString::number(settings.smoothing.weight, 'f', 2));
    showing_ = false;
}

QSize TrainToolbar::minimumSizeHint() const {
    return {themes_.scaled(200), QWidget::minimumSizeHint().height()};
}

void TrainToolbar::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fold();
}

// The controls get the sizes that a style gives them after this widget has heard of it.
void TrainToolbar::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::StyleChange || event->type() == QEvent::FontChange) {
        QTimer::singleShot(0, this, &TrainToolbar::fold);
    }
}

void TrainToolbar::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    QTimer::singleShot(0, this, &TrainToolbar::fold);
}

// What does not fit goes away from the least needed on; every one of them is an action too.
void TrainToolbar::fold() {
    if (folding_) {
        return; // what is shown or hidden below can change the bar's own size for a moment, which leads here again
    }
    const QScopedValueRollback folding(folding_, true);
    const int room = width();
    for (QWidget* each : foldable_) {
        each->setVisible(true);
    }
    for (auto each = foldable_.rbegin(); each != foldable_.rend() && layout()->sizeHint().width() > room;
         ++each) {
        (*each)->setVisible(false);
        layout()->invalidate();
    }
}

} // namespace fulgurite
