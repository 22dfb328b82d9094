// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/tensor.h"

#include "core/base/error.h"

#include <cstring>
#include <fmt/ranges.h>
#include <limits>

namespace fulgurite {

std::string toString(const Shape& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::int64_t elementCount(const Shape& shape) {
    std::int64_t count = 1;
    for (const std::int64_t dim : shape) {
        count *= dim;
    }
    return count;
}

bool byteCount(const Shape& shape, DType dtype, std::uint64_t& bytes) {
    constexpr auto kLimit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    bytes = sizeOf(dtype);
    for (const std::int64_t dim : shape) {
        if (dim < 0) {
            return false;
        }
        if (dim != 0 && bytes > kLimit / static_cast<std::uint64_t>(dim)) {
            return false;
        }
        bytes *= static_cast<std::uint64_t>(dim);
    }
    return true;
}

std::vector<float> toFloats(const TensorView& tensor) {
    const auto count = static_cast<std::size_t>(tensor.elements());
    std::vector<float> result(count);
    if (tensor.dtype == DType::F32) {
        if (count != 0) {
            std::memcpy(result.data(), tensor.data, count * sizeof(float));
        }
        return result;
    }
    if (tensor.dtype != DType::BF16 && tensor.dtype != DType::F16) {
        fail(ErrorKind::Unsupported, "a tensor of type {} cannot be used as floating-point weights",
             nameOf(tensor.dtype));
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, tensor.data + i * sizeof(bits), sizeof(bits));
        result[i] = tensor.dtype == DType::BF16 ? bf16ToFloat(bits) : f16ToFloat(bits);
    }
    return result;
}

} // namespace fulgurite
