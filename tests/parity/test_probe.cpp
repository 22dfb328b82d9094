// SPDX-License-Identifier: Apache-2.0
// Recording against the real forward pass: implied weights times values are the head's output, recording changes no
// bit, and the figures of a capture are what they say they are.
#include "core/base/error.h"
#include "core/model/weights.h"
#include "core/probe/capture/capture_file.h"
#include "core/probe/capture_recorder.h"
#include "core/probe/capture_run.h"
#include "core/probe/content_hash.h"
#include "core/probe/row_probe.h"
#include "tests/support/golden_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>
#include <random>

namespace fulgurite {
namespace {

using test::goldenModel;
using test::GoldenModel;

// Random tokens: every expert and every head gets something to do.
TokenIds randomTokens(std::size_t count, int vocab) {
    std::mt19937 generator(5);
    std::uniform_int_distribution<TokenId> any(0, vocab - 1);
    TokenIds ids(count);
    std::generate(ids.begin(), ids.end(), [&] { return any(generator); });
    return ids;
}

class ProbeTest : public testing::Test {
  protected:
    void load(char letter) {
        golden_ = goldenModel(letter);
        test::writeCheckpoint(golden_, folder_ / "model");
        model_ = HybridModel::load(folder_ / "model");
    }
    const ModelConfig& config() const { return model_->config(); }

    probe::CaptureSource sourceOf(const TokenIds& tokens) const {
        probe::CaptureSource source;
        source.model = "golden";
        source.model_hash = probe::modelHash(*model_->weights().checkpoint);
        for (const TokenId id : tokens) {
            source.tokens.emplace_back();
            source.tokens.back().id = id;
        }
        for (int id = 0; id < config().vocab_size; ++id) {
            source.vocabulary.push_back("t" + std::to_string(id));
        }
        return source;
    }

    std::shared_ptr<const capture::CaptureFile> take(const probe::CaptureRequest& request, const TokenIds& tokens,
                                                     std::size_t chunk) {
        const probe::CaptureSource source = sourceOf(tokens);
        probe::CapturePlan plan = probe::planCapture(request, config(), tokens.size());
        probe::describeSource(plan, source);
        const auto path = folder_ / "run.fcap";
        probe::CaptureRun run(model_, plan, source, path);
        probe::runCapture(run, probe::ownTurn(pool_, chunk), [](std::size_t) {});
        return capture::CaptureFile::open(path);
    }

    // All logits of the tokens, and what a tap saw.
    std::vector<float> logitsOf(const TokenIds& tokens, ForwardTap* tap, std::size_t chunk) {
        SequenceState state = model_->newState();
        Workspace workspace;
        std::vector<float> logits;
        while (state.position() < tokens.size()) {
            const std::size_t first = state.position();
            SequenceChunk next{&state, std::span(tokens).subspan(first, std::min(chunk, tokens.size() - first)),
                               LogitsWanted::All};
            if (auto* sequence = dynamic_cast<probe::SequenceTap*>(tap)) {
                sequence->begin(first, next.tokens.size());
            }
            model_->forward({&next, 1}, pool_, workspace, logits, tap);
        }
        return logits;
    }

    test::TemporaryFolder folder_;
    GoldenModel golden_;
    std::shared_ptr<const HybridModel> model_;
    kernels::ThreadPool pool_{2};
};

// The output is a sum of n products in float32, whichever way the model orders it; the row's is summed in double.
// Each side's error is at most about n * 2^-24 of the sum of magnitudes, and a random walk of sqrt(n) * 2^-24 in
// practice; sums that cancel leave an output smaller than its terms by a factor of some tens. 64 * sqrt(n) * 2^-24
// covers both.
double rowTolerance(std::size_t tokens) {
    return 64 * std::sqrt(static_cast<double>(tokens)) * std::ldexp(1.0, -24) + std::ldexp(1.0, -18);
}

class RowTest : public ProbeTest, public testing::WithParamInterface<std::tuple<char, std::size_t>> {};

TEST_P(RowTest, WeightsTimesValuesAreTheHeadsOutput) {
    const auto [letter, count] = GetParam();
    load(letter);
    const TokenIds tokens = randomTokens(count, config().vocab_size);
    int kinds[2] = {0, 0};
    for (int layer = 0; layer < config().layerCount(); ++layer) {
        int& seen = kinds[config().layers[static_cast<std::size_t>(layer)] == LayerKind::Softmax ? 1 : 0];
        if (count > 1000 && seen++ > 0) {
            continue; // one layer of each kind where it takes long
        }
        for (const int head : {0, config().num_heads - 1}) {
            const auto row = probe::probeRow(*model_, tokens, {layer, head}, count - 1, pool_);
            ASSERT_EQ(row.weight.size(), count);
            ASSERT_EQ(row.output.size(), static_cast<std::size_t>(config().head_dim));
            EXPECT_LT(row.error, rowTolerance(count)) << "layer " << layer << " head " << head;
            if (row.kind == LayerKind::Softmax) {
                EXPECT_NEAR(std::accumulate(row.weight.begin(), row.weight.end(), 0.0), 1.0, 1e-5);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Lengths, RowTest,
                         testing::Combine(testing::Values('A', 'B', 'C'), testing::Values(1, 257, 5000)),
                         [](const auto& test) {
                             return std::string(1, std::get<0>(test.param)) + "_" +
                                    std::to_string(std::get<1>(test.param));
                         });

TEST_F(ProbeTest, TheRowDoesNotDependOnTheChunk) {
    load('B');
    const TokenIds tokens = randomTokens(130, config().vocab_size);
    const auto whole = probe::probeRow(*model_, tokens, {2, 3}, 99, pool_, 1000);
    const auto parts = probe::probeRow(*model_, tokens, {2, 3}, 99, pool_, 7);
    ASSERT_EQ(whole.weight.size(), parts.weight.size());
    const double largest = std::abs(*std::max_element(whole.weight.begin(), whole.weight.end(),
                                                      [](float a, float b) { return std::abs(a) < std::abs(b); }));
    for (std::size_t i = 0; i < whole.weight.size(); ++i) {
        // Two layers of float32 rounding in another order lie between.
        EXPECT_NEAR(whole.weight[i], parts.weight[i], 1e-4 * largest) << i;
    }
}

TEST_F(ProbeTest, WhatDoesNotExistIsNamedWithItsRange) {
    load('A');
    const TokenIds tokens = randomTokens(10, config().vocab_size);
    const auto message = [&](capture::HeadRef head, std::size_t position) {
        try {
            probe::probeRow(*model_, tokens, head, position, pool_);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
            return std::string(error.what());
        }
        return std::string("nothing was thrown");
    };
    EXPECT_EQ(message({4, 0}, 0), "layer 4 does not exist; the model has layers 0 to 3");
    EXPECT_EQ(message({-1, 0}, 0), "layer -1 does not exist; the model has layers 0 to 3");
    EXPECT_EQ(message({1, 4}, 0), "layer 1 has no head 4; its heads are 0 to 3");
    EXPECT_EQ(message({1, 0}, 10), "position 10 lies beyond the 10 tokens; the last one is 9");
}

// Everything at once, and not one bit of a logit changes.
TEST_F(ProbeTest, RecordingChangesNoBit) {
    for (const char letter : {'A', 'B', 'C'}) {
        load(letter);
        const TokenIds tokens = randomTokens(150, config().vocab_size);
        class All final : public probe::SequenceTap {
          public:
            bool wants(TapPoint, int) const override { return true; }
            void onValues(TapPoint, int, std::span<const float> values, std::size_t) override {
                count += values.size();
            }
            std::size_t count = 0;
        } all;
        const auto without = logitsOf(tokens, nullptr, 64);
        EXPECT_EQ(without, logitsOf(tokens, &all, 64));
        EXPECT_GT(all.count, tokens.size());

        const auto file = take({}, tokens, 64);
        const auto told = file->tokens(0, tokens.size());
        const auto vocab = static_cast<std::size_t>(config().vocab_size);
        EXPECT_TRUE(std::isnan(told[0].logprob));
        for (std::size_t i = 1; i < tokens.size(); ++i) {
            const auto row = std::span(without).subspan((i - 1) * vocab, vocab);
            double sum = 0;
            for (const float x : row) {
                sum += std::exp(static_cast<double>(x));
            }
            // One rounding to float32 of a number below 16.
            EXPECT_NEAR(told[i].logprob, row[static_cast<std::size_t>(tokens[i])] - std::log(sum), 1e-6) << i;
        }
    }
}

// Arrays that the file gives back are the ones that the tap saw, whatever the chunks were.
TEST_F(ProbeTest, CapturesRoundTrip) {
    load('B');
    const TokenIds tokens = randomTokens(100, config().vocab_size);
    class Keep final : public probe::ProbeSink {
      public:
        void onRows(const probe::ProbeRows& rows) override {
            auto& out = kept[{rows.item, rows.layer}];
            out.resize(rows.shape.heads * 100 * rows.shape.width);
            for (std::size_t h = 0; h < rows.shape.heads; ++h) {
                std::copy_n(rows.values.begin() + static_cast<std::ptrdiff_t>(h * rows.rows * rows.shape.width),
                            rows.rows * rows.shape.width,
                            out.begin() + static_cast<std::ptrdiff_t>((h * 100 + rows.first) * rows.shape.width));
            }
        }
        std::map<std::pair<std::size_t, int>, std::vector<float>> kept;
    } sink;
    std::vector<int> layers(config().layers.size());
    std::iota(layers.begin(), layers.end(), 0);
    probe::ProbeTap tap({{probe::Quantity::Query, layers, {}, {}, probe::Reduction::Full},
                         {probe::Quantity::Key, layers, {}, {}, probe::Reduction::Full},
                         {probe::Quantity::Value, layers, {}, {}, probe::Reduction::Full},
                         {probe::Quantity::HeadOutput, layers, {}, {}, probe::Reduction::Full}},
                        config(), sink);
    logitsOf(tokens, &tap, 33);
    const auto file = take({}, tokens, 33);
    const auto dim = static_cast<std::size_t>(config().head_dim);
    for (const int layer : layers) {
        for (int head = 0; head < config().num_heads; ++head) {
            const capture::HeadArrays arrays = file->arrays({layer, head});
            const auto key_head = static_cast<std::size_t>(capture::keyHead(config(), layer, head));
            const std::size_t own = static_cast<std::size_t>(head) * 100 * dim;
            EXPECT_TRUE(std::equal(arrays.q, arrays.q + 100 * dim, sink.kept[{0, layer}].begin() + own));
            EXPECT_TRUE(
                std::equal(arrays.k, arrays.k + 100 * dim, sink.kept[{1, layer}].begin() + key_head * 100 * dim));
            EXPECT_TRUE(
                std::equal(arrays.v, arrays.v + 100 * dim, sink.kept[{2, layer}].begin() + key_head * 100 * dim));
            const auto output = file->output({layer, head}, 57);
            EXPECT_TRUE(std::equal(output.begin(), output.end(), sink.kept[{3, layer}].begin() + own + 57 * dim));
            EXPECT_LT(file->row({layer, head}, 57).error, rowTolerance(58));
        }
    }
    EXPECT_EQ(file->info().tokens_hash, probe::tokensHash(tokens));
    EXPECT_EQ(file->textOf(7), "t7");
}

// The lens' last layer is the model's own output.
TEST_F(ProbeTest, TheLensEndsInTheModelsOutput) {
    load('A');
    const TokenIds tokens = randomTokens(40, config().vocab_size);
    const auto logits = logitsOf(tokens, nullptr, 16);
    const auto file = take({}, tokens, 16);
    const auto vocab = static_cast<std::size_t>(config().vocab_size);
    for (const std::size_t position : {std::size_t{0}, std::size_t{15}, std::size_t{39}}) {
        const capture::LensView view = file->lens(position);
        ASSERT_EQ(view.layers.size(), config().layers.size() + 1);
        const capture::LensLayer& last = view.layers.back();
        const auto row = std::span(logits).subspan(position * vocab, vocab);
        const auto top = std::max_element(row.begin(), row.end()) - row.begin();
        EXPECT_EQ(last.candidates.front().id, top);
        EXPECT_EQ(last.candidates.front().text, "t" + std::to_string(top));
        EXPECT_EQ(last.final_rank, 1);
        // The two sides may run through different products (one row or many): rounding alone.
        EXPECT_NEAR(last.kl, 0, 1e-6);
        for (const capture::LensLayer& layer : view.layers) {
            EXPECT_GE(layer.kl, 0);
            EXPECT_GE(layer.final_rank, 1);
            for (std::size_t i = 1; i < layer.candidates.size(); ++i) {
                EXPECT_GE(layer.candidates[i - 1].logprob, layer.candidates[i].logprob);
            }
        }
        EXPECT_GT(view.layers.front().kl, last.kl);
    }
}

// Follows what one head adds to the stream along the residual path with every norm's divisor held, in double, and
// asks how the target's logit moves: the definition that headEffects() turns round.
double frozenLogitChange(const HybridModel& model, const probe::QueryRows& rows, std::size_t row, std::size_t layer,
                         std::size_t head, TokenId target, double factor) {
    const ModelWeights& weights = model.weights();
    const ModelConfig& config = weights.config;
    const auto width = static_cast<std::size_t>(config.hidden_size);
    const auto dim = static_cast<std::size_t>(config.head_dim);
    const auto rms = [&](const std::vector<float>& x) {
        double sum = 0;
        for (std::size_t d = 0; d < width; ++d) {
            sum += static_cast<double>(x[row * width + d]) * x[row * width + d];
        }
        return std::sqrt(sum / static_cast<double>(width) + config.rms_norm_eps);
    };
    const LayerWeights& own = weights.layers[layer];
    const bool lightning = own.kind == LayerKind::Lightning;
    const kernels::WeightMatrix& out = lightning ? own.lightning.out : own.softmax.out;
    const auto* matrix = static_cast<const float*>(out.data);
    const float* gated = rows.gated[layer].data() + row * out.cols + head * dim;
    std::vector<double> x(width);
    for (std::size_t d = 0; d < width; ++d) {
        for (std::size_t i = 0; i < dim; ++i) {
            x[d] += factor * gated[i] * matrix[d * out.cols + head * dim + i];
        }
        x[d] *= lightning ? config.lightning_scale.beta : config.softmax_scale.beta;
    }
    const auto norm = [&](const std::vector<float>& seen, const std::vector<float>& weight) {
        const double divisor = rms(seen);
        for (std::size_t d = 0; d < width; ++d) {
            x[d] *= weight[d] / divisor;
        }
    };
    const auto times = [&](double alpha) {
        for (double& value : x) {
            value *= alpha;
        }
    };
    for (std::size_t l = layer; l < weights.layers.size(); ++l) {
        if (l > layer) {
            if (config.postnorm) {
                norm(rows.hidden[l], weights.layers[l].input_norm);
            }
            times(weights.layers[l].kind == LayerKind::Lightning ? config.lightning_scale.alpha
                                                                 : config.softmax_scale.alpha);
        }
        if (config.postnorm) {
            norm(rows.after_attention[l], weights.layers[l].mlp_norm);
        }
        times(config.mlp_scale.alpha);
    }
    norm(rows.hidden.back(), weights.final_norm);
    double logit = 0;
    const auto* row_of_head =
        static_cast<const float*>(weights.head.data) + static_cast<std::size_t>(target) * width;
    for (std::size_t d = 0; d < width; ++d) {
        logit += x[d] * row_of_head[d];
    }
    return logit;
}

TEST_F(ProbeTest, DirectEffectsAreDifferencesOfTheFrozenPath) {
    for (const char letter : {'A', 'B', 'C'}) {
        load(letter);
        const TokenIds tokens = randomTokens(24, config().vocab_size);
        probe::QueryTap tap({3, 23}, config(), true);
        logitsOf(tokens, &tap, 64);
        const TokenIds targets{tokens[4], 1};
        kernels::Queue queue(pool_);
        const probe::HeadEffects effects = probe::headEffects(*model_, tap.rows(), targets, queue);
        const std::size_t layers = config().layers.size();
        const auto heads = static_cast<std::size_t>(config().num_heads);
        for (std::size_t row = 0; row < targets.size(); ++row) {
            for (std::size_t layer = 0; layer < layers; ++layer) {
                double shares = 0;
                double largest = 0;
                for (std::size_t head = 0; head < heads; ++head) {
                    const std::size_t at = (row * layers + layer) * heads + head;
                    largest = std::max(largest, std::abs(static_cast<double>(effects.logit_effect[at])));
                }
                for (std::size_t head = 0; head < heads; ++head) {
                    const std::size_t at = (row * layers + layer) * heads + head;
                    // Taking the head away against leaving it: the path is linear, so the step may be large.
                    const double expected =
                        frozenLogitChange(*model_, tap.rows(), row, layer, head, targets[row], 1) -
                        frozenLogitChange(*model_, tap.rows(), row, layer, head, targets[row], 0);
                    // Products over at most 96 elements in float32, some tens of them in a row: 1e-5 of the
                    // layer's largest effect.
                    EXPECT_NEAR(effects.logit_effect[at], expected, 1e-5 * largest + 1e-9)
                        << letter << " layer " << layer << " head " << head;
                    shares += effects.block_share[at];
                }
                EXPECT_NEAR(shares, 1.0, 1e-4) << letter << " layer " << layer;
            }
        }
    }
}

TEST_F(ProbeTest, TheEstimateIsTheFileAndAHundredGigabytesAreRefused) {
    load('A');
    const TokenIds tokens = randomTokens(60, config().vocab_size);
    const auto file = take({}, tokens, 60);
    const probe::CapturePlan plan = probe::planCapture({}, config(), tokens.size());
    probe::CapturePlan described = plan;
    const probe::CaptureSource source = sourceOf(tokens);
    probe::describeSource(described, source);
    const auto estimate = probe::estimateCapture(described, probe::vocabularyBytes(source.vocabulary), 1000,
                                                 {folder_.path(), {}, probe::kDefaultCaptureLimit});
    EXPECT_EQ(estimate.bytes, std::filesystem::file_size(folder_ / "run.fcap"));
    EXPECT_TRUE(estimate.fits()) << estimate.refusal;
    EXPECT_GT(estimate.seconds, 60 / 1000.0) << "lens and figures come on top of the prefill";

    // Queries, keys, values and outputs of four layers of 64: about 4 KB a token.
    const auto huge = probe::estimateCapture(probe::planCapture({}, config(), 30'000'000), 0, 0,
                                             {folder_.path(), {}, probe::kDefaultCaptureLimit});
    EXPECT_GT(huge.bytes, std::uint64_t{100} << 30);
    EXPECT_THAT(huge.refusal, testing::HasSubstr("GiB; one capture may take 16.0 GiB and "));
    EXPECT_THROW(probe::requireFits(huge), Error);
}

TEST_F(ProbeTest, AStoppedCaptureLeavesNothing) {
    load('A');
    const TokenIds tokens = randomTokens(64, config().vocab_size);
    const probe::CaptureSource source = sourceOf(tokens);
    probe::CapturePlan plan = probe::planCapture({}, config(), tokens.size());
    probe::describeSource(plan, source);
    std::filesystem::create_directory(folder_ / "captures");
    {
        probe::CaptureRun run(model_, plan, source, folder_ / "captures" / "x.fcap");
        std::stop_source stop;
        const auto stopAfterTwo = [&](std::size_t done) {
            if (done >= 16) {
                stop.request_stop();
            }
        };
        EXPECT_THROW(probe::runCapture(run, probe::ownTurn(pool_, 8), stopAfterTwo, stop.get_token()), Error);
        EXPECT_EQ(run.done(), 16u);
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "captures"));
}

// What was written under an intervention is looked at under it.
TEST_F(ProbeTest, AReplayMayBeUnderAnIntervention) {
    load('A');
    const TokenIds tokens = randomTokens(30, config().vocab_size);
    probe::CaptureRequest request;
    request.intervention.heads = {{2, 1, 0}};
    request.intervention.from = 20;
    const auto plain = take({}, tokens, 16)->lens(29);
    const auto file = take(request, tokens, 16);
    EXPECT_THAT(file->info().settings, testing::HasSubstr("\"intervention\""));
    EXPECT_NE(file->lens(29).layers.back().candidates.front().logprob,
              plain.layers.back().candidates.front().logprob);
    const std::size_t which = 2 * static_cast<std::size_t>(config().num_heads) + 1;
    EXPECT_EQ(file->heads(29).heads[which].logit_effect, 0) << "it hands nothing on";
    EXPECT_NE(file->heads(19).heads[which].logit_effect, 0) << "not yet in force";
    EXPECT_GT(file->heads(29).heads[which].output_norm, 0) << "its core still computes";
    request.intervention.heads = {{2, 4, 0}};
    EXPECT_THROW(take(request, tokens, 16), Error);
}

// Equal text and plan: equal name. Any of model, text and plan else: another.
TEST_F(ProbeTest, CapturesAreNamedByTheirContent) {
    load('A');
    const auto idOf = [&](const TokenIds& tokens, const probe::CaptureRequest& request, const std::string& model) {
        probe::CaptureSource source = sourceOf(tokens);
        source.model_hash += model;
        probe::CapturePlan plan = probe::planCapture(request, config(), tokens.size());
        probe::describeSource(plan, source);
        return probe::captureId(plan);
    };
    probe::CaptureRequest fewer;
    fewer.attention_layers = {{1}};
    const std::string id = idOf({1, 2, 3}, {}, "");
    EXPECT_EQ(id, idOf({1, 2, 3}, {}, ""));
    EXPECT_NE(id, idOf({1, 2, 4}, {}, ""));
    EXPECT_NE(id, idOf({1, 2, 3}, fewer, ""));
    EXPECT_NE(id, idOf({1, 2, 3}, {}, "other"));
}

} // namespace
} // namespace fulgurite
