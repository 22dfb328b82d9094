// SPDX-License-Identifier: Apache-2.0
// Small dense products inside attention. Kernel body: included once per instruction set after math.inl.

namespace {

// An operand whose elements are broadcast one by one: element (i, k) lies at data[i * row + k * col].
struct Broadcast {
    const float* data;
    std::size_t row;
    std::size_t col;
};

// c[kRows, one or two vectors] += a[kRows, depth] b[depth, ...]. Each element of c is one chain of fused multiply-adds
// in the order of depth, so the result does not depend on how rows are grouped into tiles.
template <std::size_t kRows, std::size_t kVectors>
inline void productTile(Broadcast a, const float* b, std::size_t b_stride, float* c, std::size_t c_stride,
                        std::size_t depth) {
    V acc[kRows][kVectors];
#pragma GCC unroll 12
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
        for (std::size_t j = 0; j < kVectors; ++j) {
            acc[i][j] = Simd::load(c + i * c_stride + j * kW);
        }
    }
    for (std::size_t k = 0; k < depth; ++k) {
        V right[kVectors];
#pragma GCC unroll 2
        for (std::size_t j = 0; j < kVectors; ++j) {
            right[j] = Simd::load(b + k * b_stride + j * kW);
        }
#pragma GCC unroll 12
        for (std::size_t i = 0; i < kRows; ++i) {
            const V left = Simd::set1(a.data[i * a.row + k * a.col]);
#pragma GCC unroll 2
            for (std::size_t j = 0; j < kVectors; ++j) {
                acc[i][j] = Simd::fma(left, right[j], acc[i][j]);
            }
        }
    }
#pragma GCC unroll 12
    for (std::size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
        for (std::size_t j = 0; j < kVectors; ++j) {
            Simd::store(c + i * c_stride + j * kW, acc[i][j]);
        }
    }
}

// The last, partial vector of columns, one row at a time.
inline void productEdge(Broadcast a, const float* b, std::size_t b_stride, float* c, std::size_t c_stride,
                        std::size_t rows, std::size_t lanes, std::size_t depth) {
    for (std::size_t i = 0; i < rows; ++i) {
        V acc = Simd::loadPart(c + i * c_stride, lanes);
        for (std::size_t k = 0; k < depth; ++k) {
            acc = Simd::fma(Simd::set1(a.data[i * a.row + k * a.col]), Simd::loadPart(b + k * b_stride, lanes), acc);
        }
        Simd::storePart(c + i * c_stride, acc, lanes);
    }
}

template <std::size_t kRows>
inline void productRows(Broadcast a, const float* b, std::size_t b_stride, float* c, std::size_t c_stride,
                        std::size_t columns, std::size_t depth) {
    std::size_t j = 0;
    for (; j + 2 * kW <= columns; j += 2 * kW) {
        productTile<kRows, 2>(a, b + j, b_stride, c + j, c_stride, depth);
    }
    for (; j + kW <= columns; j += kW) {
        productTile<kRows, 1>(a, b + j, b_stride, c + j, c_stride, depth);
    }
    if (j < columns) {
        productEdge(a, b + j, b_stride, c + j, c_stride, kRows, columns - j, depth);
    }
}

// c[rows, columns] += a[rows, depth] b[depth, columns].
void addProduct(Broadcast a, const float* b, std::size_t b_stride, float* c, std::size_t c_stride, std::size_t rows,
                std::size_t columns, std::size_t depth) {
    std::size_t i = 0;
    const auto at = [&](std::size_t row) { return Broadcast{a.data + row * a.row, a.row, a.col}; };
    for (; i + Simd::kTileColumns <= rows; i += Simd::kTileColumns) {
        productRows<Simd::kTileColumns>(at(i), b, b_stride, c + i * c_stride, c_stride, columns, depth);
    }
    for (; i + 4 <= rows; i += 4) {
        productRows<4>(at(i), b, b_stride, c + i * c_stride, c_stride, columns, depth);
    }
    for (; i < rows; ++i) {
        productRows<1>(at(i), b, b_stride, c + i * c_stride, c_stride, columns, depth);
    }
}

inline void fillZero(float* p, std::size_t count) { __builtin_memset(p, 0, count * sizeof(float)); }

} // namespace
