// SPDX-License-Identifier: Apache-2.0
// A tap sees what passes and changes nothing; an intervention does to the output exactly what taking the weights
// away would do, on the rows it covers and on no others.
#include "core/base/error.h"
#include "core/model/weights.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

struct Loaded {
    explicit Loaded(char letter) : golden(goldenModel(letter)) {
        writeCheckpoint(golden, folder.path());
        model = HybridModel::load(folder.path());
    }
    std::vector<float> logits(const Intervention* intervention = nullptr, std::size_t chunk = 100) const {
        return runModel(*model, golden.prompt, chunk, 2, intervention).logits;
    }
    // The model with something changed in its weights.
    std::vector<float> logitsWith(const std::function<void(ModelWeights&)>& change) const {
        std::unique_ptr<ModelWeights> weights(const_cast<ModelWeights*>(loadWeights(folder.path()).release()));
        change(*weights);
        const HybridModel changed(std::move(weights), kernels::bestCpuOps());
        return runModel(changed, golden.prompt, 100).logits;
    }
    std::size_t vocab() const { return static_cast<std::size_t>(golden.config.vocab_size); }

    TemporaryFolder folder;
    GoldenModel golden;
    std::shared_ptr<const HybridModel> model;
};

class Interventions : public testing::TestWithParam<char> {};

// Every point of every layer, copied.
class Everything : public ForwardTap {
  public:
    bool wants(TapPoint, int) const override { return true; }
    void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) override {
        auto& all = seen[{point, layer}];
        all.insert(all.end(), values.begin(), values.end());
        rows_seen += rows;
    }
    void onRouting(int layer, std::span<const std::int32_t> ids, std::span<const float> row_weights,
                   std::size_t) override {
        experts[layer].insert(experts[layer].end(), ids.begin(), ids.end());
        weights[layer].insert(weights[layer].end(), row_weights.begin(), row_weights.end());
    }
    std::map<std::pair<TapPoint, int>, std::vector<float>> seen;
    std::map<int, std::vector<std::int32_t>> experts;
    std::map<int, std::vector<float>> weights;
    std::size_t rows_seen = 0;
};

std::vector<float> tapped(const Loaded& loaded, Everything& tap, const Intervention* intervention = nullptr) {
    kernels::ThreadPool pool(2);
    Workspace workspace;
    SequenceState state = loaded.model->newState();
    std::vector<float> logits;
    SequenceChunk chunk{&state, loaded.golden.prompt, LogitsWanted::All, intervention};
    loaded.model->forward({&chunk, 1}, pool, workspace, logits, &tap);
    return logits;
}

TEST_P(Interventions, LookingChangesNoBit) {
    const Loaded loaded(GetParam());
    Everything tap;
    EXPECT_EQ(tapped(loaded, tap), loaded.logits(nullptr, loaded.golden.prompt.size()));
    EXPECT_GT(tap.rows_seen, 0u);
}

TEST_P(Interventions, EveryPointHasItsShape) {
    const Loaded loaded(GetParam());
    const ModelConfig& c = loaded.golden.config;
    Everything tap;
    tapped(loaded, tap);
    const auto n = loaded.golden.prompt.size();
    const auto expect = [&](TapPoint point, int layer, int width) {
        EXPECT_EQ((tap.seen[{point, layer}].size()), n * static_cast<std::size_t>(width))
            << "point " << static_cast<int>(point) << ", layer " << layer;
    };
    for (int layer = 0; layer < c.layerCount(); ++layer) {
        const bool lightning = c.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning;
        const int inner = c.num_heads * c.head_dim;
        expect(TapPoint::Hidden, layer, c.hidden_size);
        expect(TapPoint::Projections, layer, lightning ? 3 * inner : inner + 2 * c.num_kv_heads * c.head_dim);
        expect(TapPoint::HeadOutput, layer, inner);
        expect(TapPoint::HeadGate, layer, lightning ? inner : 0);
        expect(TapPoint::HeadGated, layer, inner);
        expect(TapPoint::Attention, layer, c.hidden_size);
        expect(TapPoint::AttentionSum, layer, c.hidden_size);
        expect(TapPoint::RouterLogits, layer, c.num_experts);
        expect(TapPoint::Experts, layer, c.hidden_size);
    }
    expect(TapPoint::Hidden, c.layerCount(), c.hidden_size);
}

TEST_P(Interventions, AblatingNothingChangesNoBit) {
    const Loaded loaded(GetParam());
    Intervention nothing;
    EXPECT_EQ(loaded.logits(&nothing), loaded.logits());
    // Begins after the last token.
    Intervention later;
    later.heads = {{0, 0, 0.0f}};
    later.experts = {{0, 0}};
    later.layers = {{0, BlockPart::Both}};
    later.from = loaded.golden.prompt.size();
    EXPECT_EQ(loaded.logits(&later), loaded.logits());
}

TEST_P(Interventions, AllHeadsOfALayerAreAZeroOutputProjection) {
    const Loaded loaded(GetParam());
    const ModelConfig& c = loaded.golden.config;
    const std::vector<float> zeros(static_cast<std::size_t>(c.hidden_size) * static_cast<std::size_t>(c.num_heads) *
                                   static_cast<std::size_t>(c.head_dim));
    for (int layer = 0; layer < c.layerCount(); ++layer) {
        Intervention all;
        for (int head = 0; head < c.num_heads; ++head) {
            all.heads.push_back({layer, head, 0.0f});
        }
        const auto expected = loaded.logitsWith([&](ModelWeights& w) {
            LayerWeights& weights = w.layers[static_cast<std::size_t>(layer)];
            auto& out = weights.kind == LayerKind::Lightning ? weights.lightning.out : weights.softmax.out;
            out.data = zeros.data();
            out.dtype = DType::F32;
        });
        EXPECT_EQ(loaded.logits(&all), expected) << "layer " << layer;
        Intervention silent;
        silent.layers = {{layer, BlockPart::Attention}};
        EXPECT_EQ(loaded.logits(&silent), expected) << "layer " << layer;
        EXPECT_NE(expected, loaded.logits()) << "layer " << layer;
    }
}

TEST_P(Interventions, OneHeadIsItsColumnsOfTheOutputProjection) {
    const Loaded loaded(GetParam());
    const ModelConfig& c = loaded.golden.config;
    const std::size_t dim = static_cast<std::size_t>(c.head_dim);
    const std::size_t inner = static_cast<std::size_t>(c.num_heads) * dim;
    const int layer = c.layerCount() - 1;
    const int head = c.num_heads - 1;
    for (const float factor : {0.0f, 0.5f, -2.0f}) {
        std::vector<float> columns;
        const auto expected = loaded.logitsWith([&](ModelWeights& w) {
            LayerWeights& weights = w.layers[static_cast<std::size_t>(layer)];
            auto& out = weights.kind == LayerKind::Lightning ? weights.lightning.out : weights.softmax.out;
            const auto* old = static_cast<const float*>(out.data); // written as F32
            columns.assign(old, old + out.rows * out.cols);
            for (std::size_t row = 0; row < out.rows; ++row) {
                for (std::size_t d = 0; d < dim; ++d) {
                    columns[row * inner + static_cast<std::size_t>(head) * dim + d] *= factor;
                }
            }
            out.data = columns.data();
        });
        Intervention scaled;
        scaled.heads = {{layer, head, factor}};
        // Powers of two: the products round alike.
        EXPECT_EQ(loaded.logits(&scaled), expected) << "factor " << factor;
    }
}

TEST_P(Interventions, AnExpertTakenOutAddsNothing) {
    const Loaded loaded(GetParam());
    const ModelConfig& c = loaded.golden.config;
    const std::vector<float> zeros(static_cast<std::size_t>(c.hidden_size) *
                                   static_cast<std::size_t>(c.intermediate_size));
    for (int expert = 0; expert < c.num_experts; ++expert) {
        Intervention without;
        without.experts = {{0, expert}};
        const auto expected = loaded.logitsWith([&](ModelWeights& w) {
            auto& down = w.layers[0].experts[static_cast<std::size_t>(expert)].down;
            down.data = zeros.data();
            down.dtype = DType::F32;
        });
        EXPECT_EQ(loaded.logits(&without), expected) << "expert " << expert;
    }
}

TEST_P(Interventions, RenormalisedWeightsSumToOne) {
    const Loaded loaded(GetParam());
    const ModelConfig& c = loaded.golden.config;
    Intervention without;
    without.experts = {{0, 1}};
    without.renormalise = true;
    Everything plain;
    tapped(loaded, plain);
    Everything changed;
    tapped(loaded, changed, &without);
    const std::size_t k = static_cast<std::size_t>(c.top_k);
    ASSERT_EQ(plain.experts[0], changed.experts[0]); // the router's choice stays
    std::size_t touched = 0;
    for (std::size_t row = 0; row < loaded.golden.prompt.size(); ++row) {
        double sum = 0;
        double kept = 0;
        for (std::size_t j = row * k; j < (row + 1) * k; ++j) {
            const bool dropped = plain.experts[0][j] == 1;
            touched += dropped ? 1 : 0;
            EXPECT_EQ(dropped, changed.weights[0][j] == 0);
            sum += changed.weights[0][j];
            kept += dropped ? 0 : plain.weights[0][j];
        }
        EXPECT_NEAR(sum, kept > 0 ? 1.0 : 0.0, static_cast<double>(k) * 6e-8); // a rounding for each weight
    }
    EXPECT_GT(touched, 0u);
}

TEST_P(Interventions, BeginWhereTheyAreToldInAnyChunking) {
    const Loaded loaded(GetParam());
    const ModelConfig& c = loaded.golden.config;
    Intervention from;
    from.heads = {{0, 0, 0.0f}};
    from.layers = {{c.layerCount() - 1, BlockPart::Experts}};
    from.from = loaded.golden.prompt.size() / 2;
    const auto plain = loaded.logits();
    const auto changed = loaded.logits(&from);
    // Two orders of summation agree to this: how many rows an expert gets decides how its product is summed.
    const double tolerance = 1e-6 * largestMagnitude(plain);
    const std::size_t boundary = from.from * loaded.vocab();
    const auto before = [&](const std::vector<float>& all) { return std::span(all).first(boundary); };
    const auto row = [&](const std::vector<float>& all) {
        return std::span(all).subspan(boundary, loaded.vocab());
    };
    EXPECT_LE(largestDifference(before(plain), before(changed)), tolerance);
    EXPECT_GT(largestDifference(row(plain), row(changed)), 100 * tolerance);
    for (const std::size_t chunk : {1u, 7u, 64u}) {
        EXPECT_LE(largestDifference(loaded.logits(&from, chunk), changed), tolerance) << chunk;
    }
}

// Two sequences of one batch: only the one that carries the intervention changes.
TEST_P(Interventions, StayWithTheirSequence) {
    const Loaded loaded(GetParam());
    kernels::ThreadPool pool(2);
    Workspace workspace;
    Intervention first_layer;
    first_layer.layers = {{0, BlockPart::Both}};
    const auto run = [&](const Intervention* a, const Intervention* b) {
        SequenceState one = loaded.model->newState();
        SequenceState two = loaded.model->newState();
        std::vector<float> logits;
        SequenceChunk batch[] = {{&one, loaded.golden.prompt, LogitsWanted::Last, a},
                                 {&two, loaded.golden.prompt, LogitsWanted::Last, b}};
        loaded.model->forward(batch, pool, workspace, logits);
        return logits;
    };
    const auto plain = run(nullptr, nullptr);
    const auto mixed = run(&first_layer, nullptr);
    const double tolerance = 1e-6 * largestMagnitude(plain); // as above
    const std::size_t vocab = loaded.vocab();
    EXPECT_GT(largestDifference(std::span(plain).first(vocab), std::span(mixed).first(vocab)), 100 * tolerance);
    EXPECT_LE(largestDifference(std::span(plain).last(vocab), std::span(mixed).last(vocab)), tolerance);
}

INSTANTIATE_TEST_SUITE_P(Models, Interventions, testing::Values('A', 'B', 'C'));

TEST(CheckIntervention, NamesWhatTheModelDoesNotHave) {
    const ModelConfig config = goldenModel('A').config;
    const auto message = [&](const Intervention& intervention) -> std::string {
        try {
            checkIntervention(intervention, config);
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    Intervention bad;
    bad.heads = {{0, config.num_heads, 0.0f}};
    EXPECT_THAT(message(bad), HasSubstr(fmt::format("layer 0 has no head {}", config.num_heads)));
    bad = {};
    bad.experts = {{1, -1}};
    EXPECT_THAT(message(bad), HasSubstr("layer 1 has no expert -1"));
    bad = {};
    bad.layers = {{config.layerCount(), BlockPart::Both}};
    EXPECT_THAT(message(bad), HasSubstr(fmt::format("no layer {}", config.layerCount())));
    bad = {};
    bad.heads = {{0, 0, NAN}};
    EXPECT_THAT(message(bad), HasSubstr("not a number from -1e6 to 1e6"));
    EXPECT_EQ(message({}), "accepted");
}

} // namespace
} // namespace fulgurite::test
