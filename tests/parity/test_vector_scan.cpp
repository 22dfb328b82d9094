// SPDX-License-Identifier: Apache-2.0
// The scan of vectors on every instruction set against the scalar reference: all storage types, tails, strides,
// top-k order, and that neither threads nor ties change a result.
#include "kernels/vector_scan.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

namespace fulgurite::kernels {
namespace {

using test::expectClose;
using test::sumTolerance;

std::vector<float> randomFloats(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-1, 1);
    std::vector<float> result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

// Rows in one storage type, in a block of exactly their size at an odd address: a read past the end is a read of
// nobody's memory. What lies between strided rows is not a number.
struct Stored {
    Stored(std::size_t count, std::size_t width, std::size_t stride, DType dtype, unsigned seed)
        : values(randomFloats(count * width, seed)), scales(count) {
        const std::size_t size = sizeOf(dtype);
        const std::size_t elements = count == 0 ? 0 : (count - 1) * stride + width;
        const std::size_t offset = size > 1 ? 1 : 0;
        bytes = std::make_unique<std::byte[]>(offset + elements * size);
        std::byte* data = bytes.get() + offset;
        std::memset(data, 0xff, elements * size);
        for (std::size_t r = 0; r < count; ++r) {
            store(values.data() + r * width, width, dtype, data + r * stride * size, scales[r]);
        }
        rows = {data, dtype, dtype == DType::I8 ? scales.data() : nullptr, count, width, stride};
    }

    static void store(const float* x, std::size_t width, DType dtype, std::byte* out, float& scale) {
        if (dtype == DType::I8) {
            scale = quantizeRow(x, width, reinterpret_cast<std::int8_t*>(out));
        }
        for (std::size_t i = 0; i < width && dtype != DType::I8; ++i) {
            const std::uint16_t half = dtype == DType::F16 ? floatToF16(x[i]) : floatToBf16(x[i]);
            const void* element = dtype == DType::F32 ? static_cast<const void*>(x + i) : &half;
            std::memcpy(out + i * sizeOf(dtype), element, sizeOf(dtype));
        }
    }

    std::vector<float> values;
    std::vector<float> scales;
    std::unique_ptr<std::byte[]> bytes;
    VectorRows rows;
};

constexpr DType kTypes[] = {DType::F32, DType::F16, DType::BF16, DType::I8};

class VectorScan : public testing::TestWithParam<const ScanTable*> {
  protected:
    ThreadPool pool_{3};
    ThreadPool serial_{1};
};

TEST_P(VectorScan, ProductsAreThoseOfTheReference) {
    for (const DType dtype : kTypes) {
        for (const std::size_t width : {1u, 7u, 16u, 33u, 64u, 127u, 512u, 515u}) {
            for (const std::size_t gap : {0u, 5u}) {
                const Stored stored(9, width, width + gap, dtype, 3);
                for (const std::size_t queries : {1u, 2u, 3u, 4u, 7u}) {
                    const auto query = randomFloats(queries * (width + 2), 5);
                    const ScanQueries scan_queries{query.data(), queries, width + 2};
                    std::vector<float> scores(queries * 9);
                    std::vector<float> expected(queries * 9);
                    scanDots(stored.rows, scan_queries, scores.data(), pool_, *GetParam());
                    scanDots(stored.rows, scan_queries, expected.data(), serial_, referenceScan());
                    SCOPED_TRACE(testing::Message()
                                 << nameOf(dtype) << " width " << width << " queries " << queries);
                    expectClose(scores, expected, sumTolerance(width, static_cast<double>(width)));
                }
            }
        }
    }
}

TEST_P(VectorScan, TheBestRowsAreThoseOfAFullSort) {
    // More rows than several shares, so that all workers and the merge take part.
    const std::size_t count = 20000;
    const std::size_t width = 24;
    const Stored stored(count, width, width, DType::F32, 11);
    const auto query = randomFloats(2 * width, 13);
    const ScanQueries queries{query.data(), 2, width};
    std::vector<float> scores(2 * count);
    scanDots(stored.rows, queries, scores.data(), serial_, *GetParam());
    for (const std::size_t k : {0u, 1u, 10u, 5000u, 30000u}) {
        const auto found = scanTop(stored.rows, queries, k, pool_, *GetParam());
        for (std::size_t q = 0; q < 2; ++q) {
            std::vector<ScanHit> expected;
            for (std::size_t r = 0; r < count; ++r) {
                expected.push_back({scores[q * count + r], r});
            }
            std::sort(expected.begin(), expected.end(), isBetter);
            ASSERT_EQ(found[q].size(), std::min(k, count));
            for (std::size_t i = 0; i < found[q].size(); ++i) {
                ASSERT_EQ(found[q][i].row, expected[i].row) << "query " << q << " place " << i << " k " << k;
                ASSERT_EQ(found[q][i].score, expected[i].score);
            }
        }
    }
}

TEST_P(VectorScan, EqualScoresGoToTheLowerRow) {
    const std::vector<float> same(16384 * 16, 0.5f);
    const VectorRows rows{same.data(), DType::F32, nullptr, 16384, 16, 16};
    const auto found = scanTop(rows, {same.data(), 1, 16}, 5, pool_, *GetParam());
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(found[0][i].row, i);
    }
}

TEST_P(VectorScan, ScoresThatAreNoNumbersAreLeftOut) {
    std::vector<float> values = randomFloats(6 * 8, 1);
    for (const std::size_t row : {0u, 4u}) {
        values[row * 8] = std::numeric_limits<float>::quiet_NaN();
    }
    const VectorRows rows{values.data(), DType::F32, nullptr, 6, 8, 8};
    const auto query = randomFloats(8, 2);
    const auto found = scanTop(rows, {query.data(), 1, 8}, 6, pool_, *GetParam());
    ASSERT_EQ(found[0].size(), 4u);
    for (const ScanHit& hit : found[0]) {
        EXPECT_TRUE(hit.row != 0 && hit.row != 4);
    }
    const std::vector<ScanHit> all{{0, 0}, {0, 1}, {0, 4}};
    EXPECT_EQ(rescore(rows, query.data(), all, 3, *GetParam()).size(), 1u);
}

// A scan of int8 rows errs by at most half a step in each element, scale / 2 * sum |q|; so every row that belongs
// to the exact best is among the candidates down to twice that error below the k-th score, and rescoring gives the
// exact list.
TEST_P(VectorScan, RescoringCandidatesOfTheErrorBoundIsExact) {
    const std::size_t count = 5000;
    const std::size_t width = 64;
    const std::size_t k = 10;
    const Stored exact(count, width, width, DType::F32, 21);
    const Stored small(count, width, width, DType::I8, 21);
    const auto query = randomFloats(width, 22);
    const ScanQueries queries{query.data(), 1, width};
    const auto expected = scanTop(exact.rows, queries, k, pool_, *GetParam())[0];
    double query_sum = 0;
    for (const float q : query) {
        query_sum += std::abs(q);
    }
    const double largest_scale = *std::max_element(small.scales.begin(), small.scales.end());
    const double error = largest_scale / 2 * query_sum + sumTolerance(width, static_cast<double>(width));
    auto candidates = scanTop(small.rows, queries, count, pool_, *GetParam())[0];
    const double cut = candidates[k - 1].score - 2 * error;
    const auto end =
        std::find_if(candidates.begin(), candidates.end(), [&](const auto& hit) { return hit.score < cut; });
    candidates.erase(end, candidates.end());
    EXPECT_LT(candidates.size(), count / 4) << "the bound should leave most rows out";
    const auto found = rescore(exact.rows, query.data(), candidates, k, *GetParam());
    ASSERT_EQ(found.size(), k);
    for (std::size_t i = 0; i < k; ++i) {
        EXPECT_EQ(found[i].row, expected[i].row) << i;
        EXPECT_EQ(found[i].score, expected[i].score) << i;
    }
}

TEST(QuantizeRow, ErrsByAtMostHalfAStep) {
    const auto x = randomFloats(301, 9);
    std::vector<std::int8_t> small(x.size());
    const float scale = quantizeRow(x.data(), x.size(), small.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
        // Division and multiplication by the scale round once each.
        EXPECT_NEAR(scale * static_cast<float>(small[i]), x[i], scale * 0.5f + 2 * test::kUnitRoundoff) << i;
    }
    const std::vector<float> zeros(5, 0.0f);
    EXPECT_EQ(quantizeRow(zeros.data(), 5, small.data()), 0.0f);
    EXPECT_EQ(small[0], 0);
}

TEST(HalfFloats, EveryHalfSurvivesTheWayThroughFloat) {
    for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const bool nan = (bits & 0x7c00u) == 0x7c00u && (bits & 0x3ffu) != 0;
        if (!nan) {
            ASSERT_EQ(floatToF16(f16ToFloat(half)), half) << bits;
        } else {
            ASSERT_TRUE(std::isnan(f16ToFloat(floatToF16(f16ToFloat(half))))) << bits;
        }
    }
}

// Between every two neighbours: what lies below the middle goes down, above goes up, the middle to the even one.
TEST(HalfFloats, RoundsToNearestEven) {
    for (std::uint32_t bits = 0; bits < 0x7c00u; ++bits) {
        const float low = f16ToFloat(static_cast<std::uint16_t>(bits));
        const float high = bits == 0x7bffu ? 65536.0f : f16ToFloat(static_cast<std::uint16_t>(bits + 1));
        const float middle = low + (high - low) / 2;
        ASSERT_EQ(floatToF16(middle), bits % 2 == 0 ? bits : bits + 1) << bits;
        ASSERT_EQ(floatToF16(std::nextafter(middle, low)), bits) << bits;
        ASSERT_EQ(floatToF16(std::nextafter(middle, high)), bits + 1) << bits;
    }
}

std::vector<const ScanTable*> tables() {
    std::vector<const ScanTable*> result{&referenceScan()};
    for (const CpuLevel level : {CpuLevel::Avx2, CpuLevel::Avx512}) {
        if (isSupported(level)) {
            result.push_back(&cpuScan(level));
        }
    }
    return result;
}

INSTANTIATE_TEST_SUITE_P(Tables, VectorScan, testing::ValuesIn(tables()), [](const auto& table) {
    std::string name = table.param->name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

} // namespace
} // namespace fulgurite::kernels
