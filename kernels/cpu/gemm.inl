// SPDX-License-Identifier: Apache-2.0
// y = x W^T. Kernel body: included once per instruction set after math.inl.
//
// Few rows of x: stream W once and keep one accumulator set per row (bound by memory). Many rows: x is packed into
// panels with the row index fastest, a block of W is widened to float32 as it lies, and the register tile
// broadcasts W against a panel of x. So the large operand, W, is never transposed and stays in its file mapping.
//
// Integers of an I8 matrix are exact in float32; the scale of an output's row multiplies the finished sum.

namespace {

constexpr std::size_t kPanel = 2 * kW;
constexpr std::size_t kCols = Simd::kTileColumns;
static_assert(kNBlock % kCols == 0);

// The hardware prefetcher stops at page borders, and rows of W follow each other in memory: ask this far ahead.
constexpr std::size_t kAheadBytes = 2048;
constexpr std::size_t kLineBytes = 64;

// Dot products of `kRows` rows of x with one row of W.
template <class Loader, std::size_t kRows>
inline void dotRow(const float* x, std::size_t x_stride, const typename Loader::Element* w, std::size_t k,
                   DType dtype, float* y, std::size_t y_stride) {
    constexpr std::size_t kChains = kRows <= 4 ? 4 : 1; // independent sums hide the latency of fma
    V acc[kChains][kRows];
    for (auto& chain : acc) {
        for (V& a : chain) {
            a = Simd::zero();
        }
    }
    std::size_t i = 0;
    for (; i + kChains * kW <= k; i += kChains * kW) {
#pragma GCC unroll 4
        for (std::size_t u = 0; u < kChains; ++u) {
            const auto* position = w + i + u * kW;
            if (u * kW * sizeof(*position) % kLineBytes == 0) {
                Simd::prefetch(reinterpret_cast<const char*>(position) + kAheadBytes);
            }
            const V weights = Loader::load(position);
#pragma GCC unroll 8
            for (std::size_t m = 0; m < kRows; ++m) {
                acc[u][m] = Simd::fma(Simd::load(x + m * x_stride + i + u * kW), weights, acc[u][m]);
            }
        }
    }
    for (; i + kW <= k; i += kW) {
        const V weights = Loader::load(w + i);
        for (std::size_t m = 0; m < kRows; ++m) {
            acc[0][m] = Simd::fma(Simd::load(x + m * x_stride + i), weights, acc[0][m]);
        }
    }
    for (std::size_t m = 0; m < kRows; ++m) {
        V total = acc[0][m];
        for (std::size_t u = 1; u < kChains; ++u) {
            total = Simd::add(total, acc[u][m]);
        }
        float sum = Simd::sum(total);
        for (std::size_t j = i; j < k; ++j) {
            sum += x[m * x_stride + j] * scalarWeight(w, dtype, j);
        }
        y[m * y_stride] = sum;
    }
}

template <class Loader, std::size_t kRows>
void dotRowsOf(const DotRows& p) {
    const auto* w = static_cast<const typename Loader::Element*>(p.weight);
    for (std::size_t n = p.n_begin; n < p.n_end; ++n) {
        dotRow<Loader, kRows>(p.x, p.x_stride, w + n * p.weight_stride, p.k, p.dtype, p.y + n, p.y_stride);
        if (p.scales != nullptr) {
            const float scale = scaleAt(p.scales, n);
            for (std::size_t m = 0; m < kRows; ++m) {
                p.y[m * p.y_stride + n] *= scale;
            }
        }
    }
}

template <class Loader>
void dotRowsTyped(const DotRows& p) {
    using Function = void (*)(const DotRows&);
    static constexpr Function kByRows[kMaxDotRows] = {dotRowsOf<Loader, 1>, dotRowsOf<Loader, 2>,
                                                      dotRowsOf<Loader, 3>, dotRowsOf<Loader, 4>,
                                                      dotRowsOf<Loader, 5>, dotRowsOf<Loader, 6>};
    kByRows[p.m_rows - 1](p);
}

void dotRows(const DotRows& p) {
    const auto run = p.dtype == DType::BF16  ? dotRowsTyped<LoadBf16>
                     : p.dtype == DType::F16 ? dotRowsTyped<LoadF16>
                     : p.dtype == DType::I8  ? dotRowsTyped<LoadI8>
                                             : dotRowsTyped<LoadF32>;
    run(p);
}

// packed[k block][panel][k in block][row in panel]; every k block but the last is kKBlock long.
void packX(const float* x, std::size_t x_stride, std::size_t m_rows, std::size_t k, std::size_t panels,
           std::size_t begin, std::size_t end, float* packed) {
    for (std::size_t k0 = 0; k0 < k; k0 += kKBlock) {
        const std::size_t length = k - k0 < kKBlock ? k - k0 : kKBlock;
        for (std::size_t panel = begin; panel < end; ++panel) {
            float* out = packed + (k0 * panels + panel * length) * kPanel;
            for (std::size_t r = 0; r < kPanel; ++r) {
                const std::size_t row = panel * kPanel + r;
                const float* source = x + row * x_stride + k0;
                for (std::size_t i = 0; i < length; ++i) {
                    out[i * kPanel + r] = row < m_rows ? source[i] : 0.0f;
                }
            }
        }
    }
}

// c[n][panel row] (+)= x panel times kTile rows of w, over `length` elements of k.
template <std::size_t kTile>
inline void gemmTile(const float* x, const float* w, std::size_t length, float* c, std::size_t c_stride,
                     bool first) {
    V acc[kTile][2];
#pragma GCC unroll 12
    for (std::size_t n = 0; n < kTile; ++n) {
        acc[n][0] = first ? Simd::zero() : Simd::load(c + n * c_stride);
        acc[n][1] = first ? Simd::zero() : Simd::load(c + n * c_stride + kW);
    }
    for (std::size_t i = 0; i < length; ++i) {
        const V x0 = Simd::load(x + i * kPanel);
        const V x1 = Simd::load(x + i * kPanel + kW);
#pragma GCC unroll 12
        for (std::size_t n = 0; n < kTile; ++n) {
            const V weight = Simd::set1(w[n * kWeightStride + i]);
            acc[n][0] = Simd::fma(x0, weight, acc[n][0]);
            acc[n][1] = Simd::fma(x1, weight, acc[n][1]);
        }
    }
#pragma GCC unroll 12
    for (std::size_t n = 0; n < kTile; ++n) {
        Simd::store(c + n * c_stride, acc[n][0]);
        Simd::store(c + n * c_stride + kW, acc[n][1]);
    }
}

void gemmBlock(const GemmBlock& b) {
    const std::size_t c_stride = b.panels * kPanel;
    const std::size_t tiled_rows = (b.n_rows + kCols - 1) / kCols * kCols;
    for (std::size_t k0 = 0; k0 < b.k; k0 += kKBlock) {
        const std::size_t length = b.k - k0 < kKBlock ? b.k - k0 : kKBlock;
        for (std::size_t n = 0; n < b.n_rows; ++n) {
            const auto* row = static_cast<const char*>(b.weight) + (n * b.weight_stride + k0) * sizeOf(b.dtype);
            convertRow(row, b.dtype, length, b.weight_buffer + n * kWeightStride);
        }
        for (std::size_t n = b.n_rows; n < tiled_rows; ++n) {
            __builtin_memset(b.weight_buffer + n * kWeightStride, 0, length * sizeof(float));
        }
        for (std::size_t panel = 0; panel < b.panels; ++panel) {
            const float* x = b.packed_x + (k0 * b.panels + panel * length) * kPanel;
            for (std::size_t n = 0; n < tiled_rows; n += kCols) {
                gemmTile<kCols>(x, b.weight_buffer + n * kWeightStride, length,
                                b.c_buffer + n * c_stride + panel * kPanel, c_stride, k0 == 0);
            }
        }
    }
    if (b.scales != nullptr) {
        for (std::size_t n = 0; n < b.n_rows; ++n) {
            float* row = b.c_buffer + n * c_stride;
            addScaledRange(row, row, scaleAt(b.scales, n), c_stride, true);
        }
    }
    // Transposed write in small squares, so that both sides stay in the first-level cache.
    constexpr std::size_t kSquare = 16;
    for (std::size_t m0 = 0; m0 < b.m_rows; m0 += kSquare) {
        const std::size_t m_end = m0 + kSquare < b.m_rows ? m0 + kSquare : b.m_rows;
        for (std::size_t n0 = 0; n0 < b.n_rows; n0 += kSquare) {
            const std::size_t n_end = n0 + kSquare < b.n_rows ? n0 + kSquare : b.n_rows;
            for (std::size_t m = m0; m < m_end; ++m) {
                for (std::size_t n = n0; n < n_end; ++n) {
                    b.y[m * b.y_stride + n] = b.c_buffer[n * c_stride + m];
                }
            }
        }
    }
}

} // namespace
