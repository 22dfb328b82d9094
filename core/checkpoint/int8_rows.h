// SPDX-License-Identifier: Apache-2.0
// Weight-only int8: integers of one byte with one float32 scale for each output, as docs/formats/int8.md says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace fulgurite {

// The name of the scales of a matrix: "w1.weight" has "w1.weight_scale".
inline std::string scaleName(const std::string& weight) {
    return weight + "_scale";
}

// Symmetric: returns scale = max|row| / 127 and writes the nearest integers to row / scale, ties to even. A row of
// zeros has scale 1. Nothing when the row has a value that is not finite.
std::optional<float> quantizeRow(std::span<const float> row, std::span<std::int8_t> integers);

} // namespace fulgurite
