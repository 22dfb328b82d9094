// SPDX-License-Identifier: Apache-2.0
#include "app/engine/duration.h"

#include <fmt/core.h>

namespace fulgurite::app {

std::string durationText(double seconds) {
    constexpr double kHour = 3600;
    constexpr double kDay = 24 * kHour;
    return seconds < 10          ? fmt::format("{:.1f} s", seconds)
           : seconds < 120       ? fmt::format("{:.0f} s", seconds)
           : seconds < 2 * kHour ? fmt::format("{:.0f} min", seconds / 60)
           : seconds < 2 * kDay  ? fmt::format("{:.1f} h", seconds / kHour)
                                 : fmt::format("{:.1f} days", seconds / kDay);
}

} // namespace fulgurite::app
