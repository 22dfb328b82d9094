// SPDX-License-Identifier: GPL-3.0-or-later
// The selected token's distribution before the samplers (wide bars) and after them (narrow), on a logarithmic axis,
// with the cut dashed. Redrawn while a slider moves.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/sampler_effect.h"

#include <QWidget>

namespace fulgurite {

class EffectChart : public QWidget {
    Q_OBJECT

  public:
    explicit EffectChart(const ThemeManager& themes, QWidget* parent = nullptr);

    void setToken(const std::optional<TokenView>& token);
    void setSettings(const SamplerSettings& settings);
    const SamplerEffect& effect() const { return effect_; }
    QString asCsv() const;
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    bool event(QEvent* event) override;

  private:
    void compute();
    QRect plot() const;

    const ThemeManager& themes_;
    std::optional<TokenView> token_;
    SamplerSettings settings_;
    SamplerEffect effect_;
};

} // namespace fulgurite
