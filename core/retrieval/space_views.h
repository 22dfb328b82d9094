// SPDX-License-Identifier: Apache-2.0
// Pure functions over the unit vectors of one space: what it tells apart, and its two directions of largest
// variance.
#pragma once

#include "core/retrieval/collection_types.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite::retrieval {

// For each label the area under the ROC curve of "similarity to the mean of the label's unit vectors, the document
// itself left out of it" as a score for having the label. units: [documents, width]; labels: of each document, -1
// without one. `label` and `standard_auc` of the results are left to the caller.
std::vector<Separation> separationsOf(std::span<const float> units, std::size_t width,
                                      std::span<const std::int32_t> labels, std::size_t label_count);

// Principal components by power iteration from a fixed start: the same for the same rows.
struct PrincipalPlane {
    std::vector<double> mean;                // [width]
    std::array<std::vector<double>, 2> axes; // of length 1 and orthogonal; zero where there is no variance left
    std::array<double, 2> explained{};       // shares of the variance

    std::array<float, 2> project(std::span<const float> row) const;
};

// rows: [count, width].
PrincipalPlane principalPlane(std::span<const float> rows, std::size_t width);

} // namespace fulgurite::retrieval
