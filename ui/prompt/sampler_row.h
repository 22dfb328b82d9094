// SPDX-License-Identifier: GPL-3.0-or-later
// One number of the sampler: label with a dot when it differs from the preset, slider with the preset's mark,
// field.
#pragma once

#include "ui/base/theme_manager.h"

#include <QDoubleSpinBox>
#include <QSlider>
#include <QWidget>

#include <optional>

class QLabel;

namespace fulgurite {

struct SamplerRowSpec {
    QString label;
    QString tooltip;
    double least = 0;
    double most = 1;
    double step = 0.01;
    int decimals = 2;
    std::optional<double> off; // shown as "off" (or `off_text`), with a muted label
    QString off_text{};
    double power = 1; // of the slider: 2 gives small values more room
};

// A spin box without arrows that writes one of its values as a word.
class WordSpinBox : public QDoubleSpinBox {
    Q_OBJECT

  public:
    explicit WordSpinBox(QWidget* parent = nullptr);
    void setWord(std::optional<double> value, const QString& word);

    QString textFromValue(double value) const override;
    double valueFromText(const QString& text) const override;
    QValidator::State validate(QString& text, int& position) const override;

  private:
    std::optional<double> word_value_;
    QString word_;
};

class PresetSlider : public QSlider {
    Q_OBJECT

  public:
    PresetSlider(const ThemeManager& themes, QWidget* parent);
    void setMark(int position);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;

  private:
    const ThemeManager& themes_;
    int mark_ = -1;
};

class SamplerRow : public QWidget {
    Q_OBJECT

  public:
    SamplerRow(const ThemeManager& themes, SamplerRowSpec spec, QWidget* parent);
    double value() const { return field_->value(); }
    void setValue(double value); // quiet
    void setPreset(double value);
    bool differs() const;

  signals:
    void changed();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

  private:
    int positionOf(double value) const;
    double valueAt(int position) const;
    void refresh();

    const ThemeManager& themes_;
    SamplerRowSpec spec_;
    QLabel* label_;
    PresetSlider* slider_;
    WordSpinBox* field_;
    double preset_ = 0;
};

} // namespace fulgurite
