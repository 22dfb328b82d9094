// SPDX-License-Identifier: Apache-2.0
// Rows of vectors against queries. Kernel body: included once per instruction set after math.inl.

namespace {

// The last elements of a row, with zeros behind them: what lies there is another row's or nobody's.
template <class Loader>
inline V loadRest(const typename Loader::Element* p, std::size_t lanes) {
    typename Loader::Element rest[kW] = {};
    __builtin_memcpy(rest, p, lanes * sizeof(*p));
    return Loader::load(rest);
}

// The hardware prefetcher stops at page borders; the rows that follow are asked for this far ahead.
constexpr std::size_t kScanAhead = 4096;

// One row against kQueries queries. Sums of several chains hide the latency of fma where there are few queries.
template <class Loader, std::size_t kQueries>
inline void scanRow(const typename Loader::Element* row, std::size_t width, const float* queries,
                    std::size_t query_stride, float* scores, std::size_t score_stride) {
    constexpr std::size_t kChains = kQueries == 1 ? 4 : kQueries == 2 ? 2 : 1;
    V sums[kChains][kQueries];
    for (auto& chain : sums) {
        for (V& sum : chain) {
            sum = Simd::zero();
        }
    }
    std::size_t i = 0;
    for (; i + kChains * kW <= width; i += kChains * kW) {
#pragma GCC unroll 4
        for (std::size_t c = 0; c < kChains; ++c) {
            const auto* position = row + i + c * kW;
            if (c * kW * sizeof(*position) % 64 == 0) {
                Simd::prefetch(reinterpret_cast<const char*>(position) + kScanAhead);
            }
            const V values = Loader::load(position);
#pragma GCC unroll 4
            for (std::size_t q = 0; q < kQueries; ++q) {
                sums[c][q] = Simd::fma(Simd::load(queries + q * query_stride + i + c * kW), values, sums[c][q]);
            }
        }
    }
    for (; i < width; i += kW) {
        const std::size_t lanes = width - i < kW ? width - i : kW;
        const V values = lanes == kW ? Loader::load(row + i) : loadRest<Loader>(row + i, lanes);
        for (std::size_t q = 0; q < kQueries; ++q) {
            sums[0][q] = Simd::fma(loadUpTo(queries + q * query_stride + i, lanes), values, sums[0][q]);
        }
    }
    for (std::size_t q = 0; q < kQueries; ++q) {
        V total = sums[0][q];
        for (std::size_t c = 1; c < kChains; ++c) {
            total = Simd::add(total, sums[c][q]);
        }
        scores[q * score_stride] = Simd::sum(total);
    }
}

// A row is in the first-level cache when the queries after the first four meet it.
template <class Loader>
void scanBlockOf(const ScanBlock& b) {
    const auto* rows = static_cast<const typename Loader::Element*>(b.rows);
    for (std::size_t i = 0; i < b.count; ++i) {
        const auto* row = rows + i * b.stride;
        std::size_t q = 0;
        for (; q + 4 <= b.query_count; q += 4) {
            scanRow<Loader, 4>(row, b.width, b.queries + q * b.query_stride, b.query_stride,
                               b.scores + q * b.score_stride + i, b.score_stride);
        }
        for (; q + 2 <= b.query_count; q += 2) {
            scanRow<Loader, 2>(row, b.width, b.queries + q * b.query_stride, b.query_stride,
                               b.scores + q * b.score_stride + i, b.score_stride);
        }
        if (q < b.query_count) {
            scanRow<Loader, 1>(row, b.width, b.queries + q * b.query_stride, b.query_stride,
                               b.scores + q * b.score_stride + i, b.score_stride);
        }
    }
}

void scanBlock(const ScanBlock& block) {
    switch (block.dtype) {
    case DType::F16:
        return scanBlockOf<LoadF16>(block);
    case DType::BF16:
        return scanBlockOf<LoadBf16>(block);
    case DType::I8:
        return scanBlockOf<LoadI8>(block);
    default:
        return scanBlockOf<LoadF32>(block);
    }
}

} // namespace
