// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/int8_rows.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

std::optional<float> quantizeRow(std::span<const float> row, std::span<std::int8_t> integers) {
    constexpr float kLargest = 127;
    float largest = 0;
    bool finite = true;
    for (const float value : row) {
        finite = finite && std::isfinite(value);
        largest = std::max(largest, std::abs(value));
    }
    if (!finite) {
        return std::nullopt;
    }
    // Values so small that the scale would be zero are as good as zero.
    const float scale = largest / kLargest > 0 ? largest / kLargest : 1.0f;
    const double inverse = 1.0 / static_cast<double>(scale);
    for (std::size_t i = 0; i < row.size(); ++i) {
        const double exact = std::nearbyint(static_cast<double>(row[i]) * inverse);
        integers[i] = static_cast<std::int8_t>(std::clamp(exact, -127.0, 127.0));
    }
    return scale;
}

} // namespace fulgurite
