// SPDX-License-Identifier: Apache-2.0
// Bounds derived from float32 rounding, and a comparison that reports the worst element.
#pragma once

#include <cmath>
#include <cstddef>
#include <gtest/gtest.h>
#include <limits>
#include <span>

namespace fulgurite::test {

inline constexpr double kUnitRoundoff = 0x1p-24;

// Error bound of a sum of n products in float32, for a sum whose absolute values add up to `magnitude`: n rounding
// errors in the worst order; four more for the operations around it (scale, exponential, store).
inline double sumTolerance(std::size_t n, double magnitude) {
    return (static_cast<double>(n) + 4.0) * kUnitRoundoff * magnitude;
}

struct Worst {
    std::size_t index = 0;
    double difference = 0;
};

inline Worst worstElement(std::span<const float> actual, std::span<const float> expected) {
    Worst worst;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double difference = std::isfinite(actual[i]) == std::isfinite(expected[i])
                                      ? std::abs(static_cast<double>(actual[i]) - expected[i])
                                      : std::numeric_limits<double>::infinity();
        if (!(difference <= worst.difference)) {
            worst = {i, difference};
        }
    }
    return worst;
}

inline void expectClose(std::span<const float> actual, std::span<const float> expected, double tolerance) {
    ASSERT_EQ(actual.size(), expected.size());
    const Worst worst = worstElement(actual, expected);
    EXPECT_LE(worst.difference, tolerance) << "element " << worst.index << ": " << actual[worst.index] << " found, "
                                           << expected[worst.index] << " expected";
}

} // namespace fulgurite::test
