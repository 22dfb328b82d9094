// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/sampler_row.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMouseEvent>
#include <QPainter>
#include <QSignalBlocker>
#include <QStyle>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kSteps = 1000;

bool same(double a, double b) {
    return std::abs(a - b) < 1e-9;
}

} // namespace

WordSpinBox::WordSpinBox(QWidget* parent) : QDoubleSpinBox(parent) {
    setButtonSymbols(QAbstractSpinBox::NoButtons);
    setAlignment(Qt::AlignRight);
    setKeyboardTracking(false);
}

void WordSpinBox::setWord(std::optional<double> value, const QString& word) {
    word_value_ = value;
    word_ = word;
}

QString WordSpinBox::textFromValue(double value) const {
    return word_value_ && same(*word_value_, value) ? word_ : QDoubleSpinBox::textFromValue(value);
}

double WordSpinBox::valueFromText(const QString& text) const {
    return word_value_ && text.trimmed() == word_ ? *word_value_ : QDoubleSpinBox::valueFromText(text);
}

QValidator::State WordSpinBox::validate(QString& text, int& position) const {
    if (word_value_ && word_.startsWith(text.trimmed())) {
        return text.trimmed() == word_ ? QValidator::Acceptable : QValidator::Intermediate;
    }
    return QDoubleSpinBox::validate(text, position);
}

PresetSlider::PresetSlider(const ThemeManager& themes, QWidget* parent)
    : QSlider(Qt::Horizontal, parent), themes_(themes) {
    setRange(0, kSteps);
    setPageStep(kSteps / 10);
    setSingleStep(kSteps / 100);
}

void PresetSlider::setMark(int position) {
    mark_ = position;
    update();
}

void PresetSlider::paintEvent(QPaintEvent* event) {
    if (mark_ >= 0) {
        QPainter painter(this);
        const int x = QStyle::sliderPositionFromValue(minimum(), maximum(), mark_, width() - 14) + 7;
        painter.fillRect(QRect(x, height() / 2 - 6, 1, 12), themes_.color(Role::Muted));
    }
    QSlider::paintEvent(event);
}

void PresetSlider::wheelEvent(QWheelEvent* event) {
    event->ignore(); // scrolls the panel; a value must not change in passing
}

SamplerRow::SamplerRow(const ThemeManager& themes, SamplerRowSpec spec, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      spec_(std::move(spec)),
      label_(new QLabel(spec_.label, this)),
      slider_(new PresetSlider(themes, this)),
      field_(new WordSpinBox(this)) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    label_->setFixedWidth(themes.scaled(96));
    label_->setToolTip(spec_.tooltip + u'\n' + tr("Double-click: back to the preset's value."));
    label_->installEventFilter(this);
    label_->setBuddy(field_);
    field_->setWord(spec_.off, spec_.off_text.isEmpty() ? tr("off") : spec_.off_text);
    field_->setDecimals(spec_.decimals);
    field_->setRange(spec_.least, spec_.most);
    field_->setSingleStep(spec_.step);
    field_->setFixedWidth(themes.scaled(64));
    field_->setAccessibleName(spec_.label);
    field_->setToolTip(spec_.tooltip);
    slider_->setAccessibleName(spec_.label);
    slider_->setToolTip(spec_.tooltip);
    row->addWidget(label_);
    row->addWidget(slider_, 1);
    row->addWidget(field_);
    connect(slider_, &QSlider::valueChanged, this, [this](int position) {
        const QSignalBlocker quiet(field_);
        field_->setValue(valueAt(position));
        refresh();
        emit changed();
    });
    connect(field_, &QDoubleSpinBox::valueChanged, this, [this](double value) {
        const QSignalBlocker quiet(slider_);
        slider_->setValue(positionOf(value));
        refresh();
        emit changed();
    });
    refresh();
}

int SamplerRow::positionOf(double value) const {
    const double share = std::clamp((value - spec_.least) / (spec_.most - spec_.least), 0.0, 1.0);
    return static_cast<int>(std::lround(std::pow(share, 1 / spec_.power) * kSteps));
}

double SamplerRow::valueAt(int position) const {
    const double share = std::pow(static_cast<double>(position) / kSteps, spec_.power);
    const double value = spec_.least + share * (spec_.most - spec_.least);
    return std::round(value / spec_.step) * spec_.step;
}

void SamplerRow::setValue(double value) {
    const QSignalBlocker quiet_field(field_);
    const QSignalBlocker quiet_slider(slider_);
    field_->setValue(value);
    slider_->setValue(positionOf(value));
    refresh();
}

void SamplerRow::setPreset(double value) {
    preset_ = value;
    slider_->setMark(positionOf(value));
    refresh();
}

bool SamplerRow::differs() const {
    return !same(preset_, field_->value());
}

void SamplerRow::refresh() {
    const bool off = spec_.off && same(*spec_.off, field_->value());
    label_->setProperty("tone", off ? "muted" : "");
    label_->style()->polish(label_);
    field_->setAccessibleDescription(differs() ? tr("changed from the preset") : QString());
    update();
}

bool SamplerRow::eventFilter(QObject* watched, QEvent* event) {
    if (watched == label_ && event->type() == QEvent::MouseButtonDblClick) {
        field_->setValue(preset_);
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

void SamplerRow::paintEvent(QPaintEvent*) {
    if (differs()) {
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(themes_.color(Role::Accent));
        const int x = label_->x() + QFontMetrics(label_->font()).horizontalAdvance(spec_.label) + 8;
        painter.drawEllipse(QPointF(x, height() / 2.0), 3, 3);
    }
}

} // namespace fulgurite
