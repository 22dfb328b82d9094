// SPDX-License-Identifier: GPL-3.0-or-later
// The colour of a stage: one ramp from the coarse sieve to the fine one, whatever the number of stages.
#pragma once

#include "ui/base/theme_manager.h"

namespace fulgurite {

inline QColor stageColor(const ThemeManager& themes, std::size_t stage, std::size_t stages) {
    const double place = stages < 2 ? 1.0 : 2.0 * static_cast<double>(stage) / static_cast<double>(stages - 1);
    return place <= 1 ? themes.theme().mix(Role::Stage1, Role::Stage2, place)
                      : themes.theme().mix(Role::Stage2, Role::Stage3, place - 1);
}

} // namespace fulgurite
