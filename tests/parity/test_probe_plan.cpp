// SPDX-License-Identifier: Apache-2.0
// What a plan takes from arrays that are given: reductions, margins and importance against numbers worked out by
// hand.
#include "core/base/error.h"
#include "core/probe/capture_recorder.h"
#include "core/probe/probe_tap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

namespace fulgurite {
namespace {

// Two lightning heads of width two, rows 4 to 6 of a sequence; positions 1, 5 and 6 are asked for.
TEST(ProbePlan, ReducesTheChosenHeadsAtTheChosenPositions) {
    ModelConfig config;
    config.layers = {LayerKind::Lightning};
    config.num_heads = 2;
    config.num_kv_heads = 2;
    config.head_dim = 2;
    class Keep final : public probe::ProbeSink {
      public:
        void onRows(const probe::ProbeRows& rows) override {
            EXPECT_EQ(rows.first, rows.item == 4 ? 4u : 1u);
            values[rows.item].assign(rows.values.begin(), rows.values.end());
        }
        std::map<std::size_t, std::vector<float>> values;
    } sink;
    const std::vector<std::size_t> positions{1, 5, 6};
    using probe::Quantity;
    using probe::Reduction;
    probe::ProbeTap tap({{Quantity::HeadOutput, {0}, {1}, positions, Reduction::Norm},
                         {Quantity::HeadOutput, {0}, {}, positions, Reduction::Mean},
                         {Quantity::HeadOutput, {0}, {0}, positions, Reduction::Peak},
                         {Quantity::Gate, {0}, {0}, positions, Reduction::Mean},
                         {Quantity::Key, {0}, {1}, {}, Reduction::Full}},
                        config, sink);
    EXPECT_FALSE(tap.wants(TapPoint::Hidden, 0));
    tap.begin(4, 3);
    const std::vector<float> outputs{9, 9, 9, 9, 1, -2, 3, 4, 5, 0, -6, 8}; // [row, head, 2]
    tap.onValues(TapPoint::HeadOutput, 0, outputs, 3);
    tap.onValues(TapPoint::HeadGate, 0, std::vector<float>(12, 0.0f), 3);
    std::vector<float> projections(36); // [row, head, (q, k, v), 2]
    std::iota(projections.begin(), projections.end(), 0.0f);
    tap.onValues(TapPoint::Projections, 0, projections, 3);
    EXPECT_EQ(sink.values[0], (std::vector<float>{5, 10}));
    EXPECT_EQ(sink.values[1], (std::vector<float>{-0.5f, 2.5f, 3.5f, 1}));
    EXPECT_EQ(sink.values[2], (std::vector<float>{-2, 5}));
    EXPECT_EQ(sink.values[3], (std::vector<float>{0.5f, 0.5f}));
    EXPECT_EQ(sink.values[4], (std::vector<float>{8, 9, 20, 21, 32, 33}));
}

TEST(ProbePlan, RefusesWhatTheModelLacks) {
    ModelConfig config;
    config.layers = {LayerKind::Lightning, LayerKind::Softmax};
    config.num_heads = 4;
    config.num_kv_heads = 2;
    config.head_dim = 2;
    const auto refusal = [&](const probe::ProbeItem& item) {
        try {
            probe::checkPlan({item}, config, 10);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(refusal({probe::Quantity::Key, {1}, {2}, {}}), "layer 1 has no head 2; its heads are 0 to 1");
    EXPECT_EQ(refusal({probe::Quantity::Query, {1}, {3}, {9}}), "");
    EXPECT_EQ(refusal({probe::Quantity::Gate, {1}, {}, {}}), "layer 1 is a softmax layer: it has no output gate");
    EXPECT_EQ(refusal({probe::Quantity::Hidden, {2}, {}, {}}), "") << "the last layer's output";
    EXPECT_EQ(refusal({probe::Quantity::Attention, {2}, {}, {}}),
              "layer 2 does not exist; the model has layers 0 to 1");
    EXPECT_EQ(refusal({probe::Quantity::Value, {0}, {}, {10}}),
              "position 10 lies beyond the 10 tokens; the last one is 9");
}

TEST(RouterMargin, IsTheGapAtTheEdgeOfTheChoice) {
    // Probabilities 0.5, 0.3, 0.2 in another order.
    const std::vector<float> logits{std::log(0.2f), std::log(0.5f), std::log(0.3f)};
    std::vector<float> margin;
    for (const auto& [top_k, expected] : {std::pair(1, 0.2), std::pair(2, 0.1), std::pair(3, 0.2)}) {
        probe::routerMargin(logits, 1, top_k, margin);
        ASSERT_EQ(margin.size(), 1u);
        EXPECT_NEAR(margin[0], expected, 1e-6) << top_k;
    }
}

// The worked example of the method: two heads of size two, four documents.
TEST(Importance, FollowsTheWorkedExample) {
    ModelConfig config;
    config.layers = {LayerKind::Lightning, LayerKind::Lightning};
    config.num_heads = 2;
    config.num_kv_heads = 2;
    config.head_dim = 2;
    config.hidden_size = 4;
    config.vocab_size = 2;
    config.num_experts = 1;
    config.top_k = 1;
    probe::CapturePlan plan;
    plan.info.config = config;
    plan.info.tokens = 4;
    plan.info.positions = {0, 1, 2, 3};
    probe::HeadFigureSink sink(plan);
    const std::vector<float> values{1, 0, 0.6f, 0.8f, 0, 1, -1, 0, 0, 2, 2, 0, 1, 1, 0, -1};
    sink.onRows({0, 1, 0, 4, {2, 2}, values});
    const auto tables = sink.finish();
    EXPECT_NEAR(tables[2].heads[2].mrag_importance, 0.775, 1e-6);
    EXPECT_NEAR(tables[2].heads[3].mrag_importance, 1.2613737822, 1e-6);
    EXPECT_NEAR(tables[1].heads[2].output_norm, 1.0, 1e-6);
    EXPECT_EQ(tables[0].heads[0].mrag_importance, 0) << "nothing was recorded of layer 0";
}

} // namespace
} // namespace fulgurite
