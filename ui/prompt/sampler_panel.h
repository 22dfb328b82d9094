// SPDX-License-Identifier: GPL-3.0-or-later
// All that decides how tokens are drawn and when the answer ends, by preset and by hand, with its effect on the
// selected token.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QWidget>

#include <array>

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QScrollArea;
class QToolButton;
class QVBoxLayout;

namespace fulgurite {

class EffectChart;
class LogitBiasEditor;
class SamplerRow;
class StopStringEditor;
class WordSpinBox;

class SamplerPanel : public QWidget {
    Q_OBJECT

  public:
    explicit SamplerPanel(ThemeManager& themes, QWidget* parent = nullptr);

    // The person's own presets; what the model's makers recommend and the built-in ones always come first.
    void setPresets(const QList<SamplerPreset>& own);
    void setModelPreset(const std::optional<SamplerPreset>& recommended);
    const QList<SamplerPreset>& presets() const { return presets_; }
    void setSettings(const SamplerSettings& settings); // quiet; picks the preset that it equals, if any
    SamplerSettings settings() const;
    QString presetName() const;
    void applyPreset(int index); // of presets()
    void resetToPreset() { applyPreset(preset_); }
    void savePreset();   // asks for its name
    void deletePreset(); // the chosen one, where it is the person's own
    bool changedFromPreset() const;
    // The token whose distribution "Effect" shows; nothing when unset.
    void setToken(const std::optional<TokenView>& token);
    void setModel(const QString& model);         // whose tokens are biased
    void addBias(const LogitBias& bias);         // answers tokenLookupRequested()
    void setBiasMessage(const QString& message); // or says why it cannot be
    // Wide enough for every row: a layout that was saved with a narrower panel must not cut them off.
    QSize minimumSizeHint() const override;

  signals:
    void settingsChanged(const fulgurite::SamplerSettings& settings);
    void presetSaveRequested(const QString& name, const fulgurite::SamplerSettings& settings);
    void presetDeleteRequested(const QString& name);
    void tokenLookupRequested(const QString& text, double bias);
    void changedFromPresetChanged(bool changed); // for the dot on the tab

  private:
    void buildPresetRow(QVBoxLayout* column);
    void buildRows(QVBoxLayout* column);
    void buildLimits(QVBoxLayout* column);
    void showSettings(const SamplerSettings& settings);
    void edited();
    void refresh();
    void listPresets();

    ThemeManager& themes_;
    std::optional<SamplerPreset> recommended_;
    QList<SamplerPreset> own_;
    QList<SamplerPreset> presets_; // all of them, as listed
    int preset_ = 0;
    bool was_changed_ = false;
    QScrollArea* scroll_ = nullptr;
    QComboBox* preset_box_ = nullptr;
    QPushButton* save_ = nullptr;
    QToolButton* reset_ = nullptr;
    QToolButton* delete_ = nullptr;
    std::array<SamplerRow*, 7> rows_{};
    EffectChart* effect_ = nullptr;
    QLineEdit* seed_ = nullptr;
    WordSpinBox* answer_ = nullptr;
    WordSpinBox* thinking_ = nullptr;
    WordSpinBox* run_ = nullptr;
    WordSpinBox* run_probability_ = nullptr;
    StopStringEditor* stops_ = nullptr;
    LogitBiasEditor* biases_ = nullptr;
};

} // namespace fulgurite
