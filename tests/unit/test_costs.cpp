// SPDX-License-Identifier: Apache-2.0
// Cost growth in closed form, against figures worked out by hand for the released MiniMax-M1.
#include "core/model/costs.h"
#include "core/probe/capture/costs.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace fulgurite::capture {
namespace {

TEST(Costs, OperationsOfTheReleasedModel) {
    // Context, GFLOP per token of the model and of its all-softmax twin, as published figures round them: half a
    // unit of the last digit.
    struct Row {
        std::size_t context;
        double hybrid, twin, tolerance;
    };
    constexpr std::array<Row, 6> kRows{{{1024, 95.0, 77.7, 0.05},
                                        {32768, 105.4, 160.9, 0.05},
                                        {65536, 116.2, 246.8, 0.05},
                                        {100000, 127.5, 337.1, 0.05},
                                        {131072, 137.7, 418.6, 0.05},
                                        {1000000, 422.4, 2696, 0.5}}};
    for (const Row& row : kRows) {
        const CostPoint point = costAt(minimaxM1Shape(), {}, row.context);
        EXPECT_NEAR(point.hybrid_flops / 1e9, row.hybrid, row.tolerance) << row.context;
        EXPECT_NEAR(point.softmax_flops / 1e9, row.twin, row.tolerance) << row.context;
        EXPECT_TRUE(std::isnan(point.seconds));
    }
}

TEST(Costs, OperationsAreThoseOfTheModelsOwnProducts) {
    const ModelConfig config = minimaxM1Shape();
    for (const std::size_t context : {std::size_t{0}, std::size_t{777}, std::size_t{100000}}) {
        const double model =
            productFlops(productsOf(config, 1, 1)) + attentionFlops(config, context, 1) -
            config.softmaxLayerCount() * 4.0 * config.num_heads * config.head_dim; // a token also sees itself
        EXPECT_NEAR(costAt(config, {}, context).hybrid_flops / model, 1, 1e-12) << context;
    }
}

TEST(Costs, BytesOfTheReleasedModel) {
    const ModelConfig config = minimaxM1Shape();
    // 40,960 bytes of keys and values a token in bfloat16, eight times that in the twin: 80 layers for 10.
    const CostPoint empty = costAt(config, {}, 0);
    const CostPoint full = costAt(config, {}, 1000000);
    EXPECT_DOUBLE_EQ(full.hybrid_bytes - empty.hybrid_bytes, 40960.0 * 1e6);
    EXPECT_DOUBLE_EQ(full.softmax_bytes - empty.softmax_bytes, 8 * 40960.0 * 1e6);
    // 280 MiB of state, read and written; the twin has none.
    CostFormat stateless;
    stateless.state = 0;
    EXPECT_DOUBLE_EQ(empty.hybrid_bytes - costAt(config, stateless, 0).hybrid_bytes, 2.0 * 280 * (1 << 20));
    EXPECT_DOUBLE_EQ(empty.softmax_bytes, costAt(config, stateless, 0).softmax_bytes);
}

TEST(Costs, Int8ExpertsHalveTheBytesOfExperts) {
    const ModelConfig config = minimaxM1Shape();
    CostFormat int8;
    int8.expert = 1;
    // 80 layers, two experts of three matrices of 6144 x 9216: 27.18 billion weights for each token.
    EXPECT_DOUBLE_EQ(costAt(config, {}, 0).hybrid_bytes - costAt(config, int8, 0).hybrid_bytes,
                     80.0 * 2 * 3 * 6144 * 9216);
}

TEST(Costs, CrossingAndContexts) {
    const double crossing = crossingContext(minimaxM1Shape()).value();
    const auto at = static_cast<std::size_t>(crossing);
    EXPECT_GE(costAt(minimaxM1Shape(), {}, at).hybrid_flops, costAt(minimaxM1Shape(), {}, at).softmax_flops);
    EXPECT_LT(costAt(minimaxM1Shape(), {}, at + 1).hybrid_flops,
              costAt(minimaxM1Shape(), {}, at + 1).softmax_flops);
    EXPECT_FALSE(crossingContext(softmaxTwin(minimaxM1Shape())));
    EXPECT_EQ(growingContexts(5000), (std::vector<std::size_t>{1024, 2048, 4096, 5000}));
    EXPECT_EQ(growingContexts(4096), (std::vector<std::size_t>{1024, 2048, 4096}));
}

} // namespace
} // namespace fulgurite::capture
