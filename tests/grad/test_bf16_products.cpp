// SPDX-License-Identifier: Apache-2.0
// Products in bfloat16: the vector form, or a device's, against the scalar one over shapes that hit each tile, tail
// and edge, and the scalar one against the rounding that it claims.
#include "kernels/dtype.h"
#include "tests/grad/backward_tables.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace fulgurite::kernels {
namespace {

using test::expectClose;
using test::sumTolerance;
using Floats = std::vector<float>;

Floats randomFloats(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-1.0f, 1.0f);
    Floats result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

struct Shape {
    std::size_t m, n, k;
};

// All three products of one layer; where they write, something stands already.
struct Results {
    Floats y, dx, added, dweight;
};

Results productsOf(const ProductTable& table, const Shape& s, std::size_t threads) {
    ThreadPool pool(threads);
    Queue queue(pool);
    const std::size_t dy_stride = s.n + 3;
    const std::size_t x_stride = s.k + 2;
    const Floats dy = randomFloats(s.m * dy_stride, 1);
    const Floats x = randomFloats(s.m * x_stride, 2);
    const Floats w = randomFloats(s.n * s.k, 3);
    Results r{Floats(s.m * dy_stride, 7.0f), Floats(s.m * x_stride, 0.5f), Floats(s.m * x_stride, 0.5f),
              Floats(s.n * s.k, 0.25f)};
    const LinearTask forward{x.data(), x_stride, s.m, {w.data(), DType::F32, s.n, s.k}, r.y.data(), dy_stride};
    table.linear({&forward, 1}, queue);
    for (const bool add : {false, true}) {
        const LinearInputGrad input{dy.data(), dy_stride, s.m, w.data(), s.n, s.k, (add ? r.added : r.dx).data(),
                                    x_stride,  add};
        table.linear_input({&input, 1}, queue);
    }
    const LinearWeightGrad weight{dy.data(), dy_stride, s.m, x.data(), x_stride, s.n, s.k, r.dweight.data()};
    table.linear_weight({&weight, 1}, queue);
    return r;
}

TEST(Bf16Products, AreThoseOfTheReference) {
    const ProductTable* rounded = test::roundedProductsUnderTest();
    if (rounded == nullptr) {
        GTEST_SKIP() << "this processor has no bfloat16 products";
    }
    for (const Shape& s : {Shape{0, 5, 3}, Shape{1, 1, 1}, Shape{2, 3, 40}, Shape{13, 12, 32}, Shape{70, 200, 65},
                           Shape{515, 97, 33}, Shape{33, 1030, 192}, Shape{1100, 7, 17}, Shape{49, 64, 129}}) {
        SCOPED_TRACE(testing::Message() << "m " << s.m << " n " << s.n << " k " << s.k);
        const Results expected = productsOf(referenceBf16Products(), s, 1);
        const Results actual = productsOf(*rounded, s, 3);
        // Products of bfloat16 numbers are exact in float32; every sum rounds once. The instruction adds the two
        // products of a pair before the rest, which is one rounding more in places.
        const auto tolerance = [](std::size_t depth) {
            return 2 * sumTolerance(depth + 1, static_cast<double>(depth) + 1);
        };
        expectClose(actual.y, expected.y, tolerance(s.k));
        expectClose(actual.dx, expected.dx, tolerance(s.n));
        expectClose(actual.added, expected.added, tolerance(s.n));
        expectClose(actual.dweight, expected.dweight, tolerance(s.m));
        const Results alone = productsOf(*rounded, s, 1);
        EXPECT_EQ(alone.y, actual.y) << "depends on the number of workers";
        EXPECT_EQ(alone.dx, actual.dx);
        EXPECT_EQ(alone.dweight, actual.dweight);
    }
}

TEST(Bf16Products, ManyTasksGiveTheBitsOfEachAlone) {
    const ProductTable* rounded = test::roundedProductsUnderTest();
    if (rounded == nullptr) {
        GTEST_SKIP() << "this processor has no bfloat16 products";
    }
    ThreadPool pool(3);
    Queue queue(pool);
    std::vector<Floats> dys, xs;
    for (const std::size_t m : {0u, 1u, 9u, 600u}) {
        dys.push_back(randomFloats(m * 30, static_cast<unsigned>(m)));
        xs.push_back(randomFloats(m * 70, static_cast<unsigned>(m) + 1));
    }
    std::vector<Floats> together(2 * dys.size(), Floats(30 * 70, 0.0f));
    std::vector<LinearWeightGrad> tasks;
    for (std::size_t i = 0; i < together.size(); ++i) { // neighbours share x
        const std::size_t m = xs[i / 2].size() / 70;
        tasks.push_back({dys[i / 2].data(), 30, m, xs[i / 2].data(), 70, 30, 70, together[i].data()});
    }
    rounded->linear_weight(tasks, queue);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        Floats alone(30 * 70, 0.0f);
        LinearWeightGrad task = tasks[i];
        task.dweight = alone.data();
        rounded->linear_weight({&task, 1}, queue);
        EXPECT_EQ(alone, together[i]) << i;
    }
}

// 1 + 2^-8 lies halfway between two bfloat16 numbers and goes to the even one, 1; 1 + 3 * 2^-8 goes to 1 + 2^-6.
TEST(Bf16Products, RoundToNearestEven) {
    const Floats x{1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1p-8f + 0x1p-20f, 0x1p-7f};
    const Floats w{1, 0, 0, 0, /**/ 0, 1, 0, 0, /**/ 0, 0, 1, 0, /**/ 0, 0, 0, 1};
    const Floats expected{1, 1 + 0x1p-6f, 1 + 0x1p-7f, 0x1p-7f};
    for (const ProductTable* table : {&referenceBf16Products(), test::roundedProductsUnderTest()}) {
        if (table == nullptr) {
            continue;
        }
        ThreadPool pool(1);
        Queue queue(pool);
        Floats y(4);
        const LinearTask task{x.data(), 4, 1, {w.data(), DType::F32, 4, 4}, y.data(), 4};
        table->linear({&task, 1}, queue);
        EXPECT_EQ(y, expected) << table->name;
    }
}

} // namespace
} // namespace fulgurite::kernels
