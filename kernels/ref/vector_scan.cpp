// SPDX-License-Identifier: Apache-2.0
// The scalar truth of kernels/vector_scan.h.
#include "kernels/vector_scan.h"

#include <cstring>

namespace fulgurite::kernels {

namespace {

template <class T>
T elementAt(const void* data, std::size_t index) {
    T value;
    std::memcpy(&value, static_cast<const char*>(data) + index * sizeof(T), sizeof(T));
    return value;
}

double valueAt(const VectorRows& rows, std::size_t index) {
    switch (rows.dtype) {
    case DType::F16:
        return f16ToFloat(elementAt<std::uint16_t>(rows.data, index));
    case DType::BF16:
        return bf16ToFloat(elementAt<std::uint16_t>(rows.data, index));
    case DType::I8:
        return elementAt<std::int8_t>(rows.data, index);
    default:
        return elementAt<float>(rows.data, index);
    }
}

void dots(const VectorRows& rows, std::size_t first, std::size_t count, const ScanQueries& queries, float* scores,
          std::size_t score_stride) {
    for (std::size_t q = 0; q < queries.count; ++q) {
        const float* query = queries.data + q * queries.stride;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t row = first + i;
            double sum = 0;
            for (std::size_t d = 0; d < rows.width; ++d) {
                sum += static_cast<double>(query[d]) * valueAt(rows, row * rows.stride + d);
            }
            const double scale = rows.dtype == DType::I8 ? static_cast<double>(rows.scales[row]) : 1.0;
            scores[q * score_stride + i] = static_cast<float>(scale * sum);
        }
    }
}

} // namespace

const ScanTable& referenceScan() {
    static constexpr ScanTable kTable{.name = "reference", .dots = dots};
    return kTable;
}

} // namespace fulgurite::kernels
