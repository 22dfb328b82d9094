// SPDX-License-Identifier: Apache-2.0
// A named shape over bytes that somebody else owns (usually a mapped checkpoint), row-major and contiguous.
#pragma once

#include "kernels/dtype.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fulgurite {

using Shape = std::vector<std::int64_t>;

// "[24576, 6144]"
std::string toString(const Shape& shape);

// Product of the dimensions; 1 for a scalar. Dimensions must have been checked against overflow.
std::int64_t elementCount(const Shape& shape);

// Elements times element size, or false when that exceeds 63 bits or a dimension is negative.
bool byteCount(const Shape& shape, DType dtype, std::uint64_t& bytes);

struct TensorView {
    DType dtype = DType::F32;
    Shape shape;
    const std::byte* data = nullptr;

    std::int64_t elements() const { return elementCount(shape); }
    std::size_t bytes() const { return static_cast<std::size_t>(elements()) * sizeOf(dtype); }
};

// Converts F32, BF16 or F16 elements to float. The address needs no alignment. Throws Error{Unsupported} otherwise.
std::vector<float> toFloats(const TensorView& tensor);

} // namespace fulgurite
