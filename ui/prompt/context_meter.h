// SPDX-License-Identifier: GPL-3.0-or-later
// What the conversation holds: tokens of the limit, keys and values (they grow), state (fixed), what is free.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QWidget>

namespace fulgurite {

class ContextMeter : public QWidget {
    Q_OBJECT

  public:
    explicit ContextMeter(const ThemeManager& themes, QWidget* parent = nullptr);
    void setState(const ContextState& state);
    // Over 90 % of the memory, or more than is left: the text then says what would not fit.
    static bool tight(const ContextState& state);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {200, sizeHint().height()}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    const ThemeManager& themes_;
    ContextState state_;
};

} // namespace fulgurite
