// SPDX-License-Identifier: Apache-2.0
// c (+)= a b for the gradients of linear layers. Kernel body: included once per instruction set after gemm.inl.
//
// b lies with its columns fastest, so packing copies whole vectors; a is broadcast from a small buffer. c is
// written where it belongs.

namespace {

void packB(const float* b, std::size_t b_stride, std::size_t depth, std::size_t cols, std::size_t begin,
           std::size_t end, float* packed) {
    const std::size_t panels = (cols + kPanel - 1) / kPanel;
    for (std::size_t d0 = 0; d0 < depth; d0 += kKBlock) {
        const std::size_t length = depth - d0 < kKBlock ? depth - d0 : kKBlock;
        for (std::size_t panel = begin; panel < end; ++panel) {
            float* out = packed + (d0 * panels + panel * length) * kPanel;
            const std::size_t width = cols - panel * kPanel < kPanel ? cols - panel * kPanel : kPanel;
            const std::size_t low = width < kW ? width : kW;
            for (std::size_t d = 0; d < length; ++d, out += kPanel) {
                const float* row = b + (d0 + d) * b_stride + panel * kPanel;
                Simd::store(out, loadUpTo(row, low));
                Simd::store(out + kW, width > kW ? loadUpTo(row + kW, width - kW) : Simd::zero());
            }
        }
    }
}

// How the operand to be broadcast lies in its buffer: as it lies in memory, so that filling the buffer copies
// vectors. By rows: element (n, d) at n * kWeightStride + d. By columns: the rows of a tile side by side, at d *
// kCols + n.
struct ByRows {
    static constexpr std::size_t kTileFloats = kCols * kWeightStride;
    static std::size_t at(std::size_t n, std::size_t d) { return n * kWeightStride + d; }
};
struct ByColumns {
    static constexpr std::size_t kTileFloats = kCols * kKBlock;
    static std::size_t at(std::size_t n, std::size_t d) { return d * kCols + n; }
};

// Fills the buffer with depth [d0, d0 + length); rows beyond the block are zero.
inline void loadRows(const ProductBlock& p, std::size_t d0, std::size_t length) {
    const std::size_t tiled = (p.rows + kCols - 1) / kCols * kCols;
    for (std::size_t i = 0; i < tiled; ++i) {
        float* out = p.a_buffer + i * kWeightStride;
        if (i < p.rows) {
            __builtin_memcpy(out, p.a + i * p.a_row + d0, length * sizeof(float));
        } else {
            __builtin_memset(out, 0, length * sizeof(float));
        }
    }
}

inline void loadColumns(const ProductBlock& p, std::size_t d0, std::size_t length) {
    for (std::size_t i = 0; i < p.rows; i += kCols) {
        float* out = p.a_buffer + i * kKBlock;
        const std::size_t rows = p.rows - i < kCols ? p.rows - i : kCols;
        const float* a = p.a + i + d0 * p.a_col;
        for (std::size_t d = 0; d < length; ++d) { // a vector writes beyond its row; the next row follows
            Simd::store(out + d * kCols, Simd::loadPart(a + d * p.a_col, rows));
        }
    }
}

// c[kCols, kPanel] (+)= a tile times one panel of b. Each element is one chain in the order of depth.
template <class Layout>
inline void productGradTile(const float* a, const float* b, std::size_t length, float* c, std::size_t c_stride,
                            std::size_t rows, std::size_t cols, bool add) {
    const std::size_t low = cols < kW ? cols : kW;
    const std::size_t high = cols - low;
    V acc[kCols][2];
#pragma GCC unroll 12
    for (std::size_t n = 0; n < kCols; ++n) {
        acc[n][0] = Simd::zero();
        acc[n][1] = Simd::zero();
    }
    if (add) {
#pragma GCC unroll 12
        for (std::size_t n = 0; n < kCols; ++n) {
            if (n < rows) {
                acc[n][0] = loadUpTo(c + n * c_stride, low);
                acc[n][1] = high == 0 ? Simd::zero() : loadUpTo(c + n * c_stride + kW, high);
            }
        }
    }
    for (std::size_t d = 0; d < length; ++d) {
        const V b0 = Simd::load(b + d * kPanel);
        const V b1 = Simd::load(b + d * kPanel + kW);
#pragma GCC unroll 12
        for (std::size_t n = 0; n < kCols; ++n) {
            const V left = Simd::set1(a[Layout::at(n, d)]);
            acc[n][0] = Simd::fma(left, b0, acc[n][0]);
            acc[n][1] = Simd::fma(left, b1, acc[n][1]);
        }
    }
#pragma GCC unroll 12
    for (std::size_t n = 0; n < kCols; ++n) {
        if (n < rows) {
            storeUpTo(c + n * c_stride, acc[n][0], low);
            if (high > 0) {
                storeUpTo(c + n * c_stride + kW, acc[n][1], high);
            }
        }
    }
}

template <class Layout>
inline void productPanels(const ProductBlock& p, std::size_t d0, std::size_t length) {
    const std::size_t panels = (p.cols + kPanel - 1) / kPanel;
    for (std::size_t panel = 0; panel < panels; ++panel) {
        const float* b = p.packed_b + (d0 * panels + panel * length) * kPanel;
        const std::size_t cols = p.cols - panel * kPanel < kPanel ? p.cols - panel * kPanel : kPanel;
        for (std::size_t i = 0; i < p.rows; i += kCols) {
            const std::size_t rows = p.rows - i < kCols ? p.rows - i : kCols;
            productGradTile<Layout>(p.a_buffer + i / kCols * Layout::kTileFloats, b, length,
                                    p.c + i * p.c_stride + panel * kPanel, p.c_stride, rows, cols, p.add || d0 > 0);
        }
    }
}

void productBlock(const ProductBlock& p) {
    for (std::size_t d0 = 0; d0 < p.depth; d0 += kKBlock) {
        const std::size_t length = p.depth - d0 < kKBlock ? p.depth - d0 : kKBlock;
        if (p.a_col == 1) {
            loadRows(p, d0, length);
            productPanels<ByRows>(p, d0, length);
        } else {
            loadColumns(p, d0, length);
            productPanels<ByColumns>(p, d0, length);
        }
    }
}

} // namespace
