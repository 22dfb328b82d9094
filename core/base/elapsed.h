// SPDX-License-Identifier: Apache-2.0
// Wall time between two moments of one process.
#pragma once

#include <chrono>

namespace fulgurite {

using Clock = std::chrono::steady_clock; // never set back, unlike the time of day

/// Seconds from `start` until now.
inline double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

} // namespace fulgurite
