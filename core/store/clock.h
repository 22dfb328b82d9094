// SPDX-License-Identifier: Apache-2.0
// Wall clock in the unit of every time column.
#pragma once

#include "core/store/conversation_types.h"

#include <chrono>

namespace fulgurite {

inline Milliseconds nowMilliseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

} // namespace fulgurite
