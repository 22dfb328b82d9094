// SPDX-License-Identifier: Apache-2.0
#include "app/engine/layer_bench.h"

#include "core/base/error.h"
#include "core/model/weights.h"

#include <algorithm>

namespace fulgurite::app {

namespace {

constexpr std::size_t kPrefillChunk = 512;

// The checkpoint's embedding and its first lightning layer.
HybridModel oneLightningLayer(const std::filesystem::path& folder, const kernels::OpTable& ops) {
    std::unique_ptr<ModelWeights> weights = loadWeights(folder);
    const auto first = std::find_if(weights->layers.begin(), weights->layers.end(),
                                    [](const LayerWeights& layer) { return layer.kind == LayerKind::Lightning; });
    if (first == weights->layers.end()) {
        fail(ErrorKind::InvalidInput, "{}: the model has no lightning layer to time", folder.string());
    }
    std::vector<LayerWeights> one;
    one.push_back(std::move(*first));
    weights->layers = std::move(one);
    weights->config.layers = {LayerKind::Lightning};
    return HybridModel(std::move(weights), ops);
}

class LayerBench {
  public:
    LayerBench(const HybridModel& model, kernels::ThreadPool& pool) : model_(model), pool_(pool) {}

    // The states behind each context, computed token by token as any other.
    std::vector<SequenceState> statesAt(std::span<const std::size_t> contexts) {
        std::vector<SequenceState> states;
        SequenceState state = model_.newState();
        for (const std::size_t context : contexts) {
            while (state.position() < context) {
                feed(state, spreadTokens(std::min(kPrefillChunk, context - state.position()), vocab()), nullptr);
            }
            states.push_back(state.fork());
        }
        return states;
    }

    std::vector<double> decode(const SequenceState& behind, std::size_t count) {
        SequenceState state = behind.fork();
        LayerClock clock(model_.config());
        for (const TokenId& token : spreadTokens(count, vocab())) {
            feed(state, {&token, 1}, &clock);
        }
        return clock.lightning;
    }

  private:
    int vocab() const { return static_cast<int>(model_.config().vocab_size); }
    void feed(SequenceState& state, std::span<const TokenId> tokens, ForwardTap* tap) {
        SequenceChunk chunk{&state, tokens, LogitsWanted::None};
        model_.forward({&chunk, 1}, pool_, workspace_, logits_, tap);
    }

    const HybridModel& model_;
    kernels::ThreadPool& pool_;
    Workspace workspace_;
    std::vector<float> logits_;
};

} // namespace

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

TokenIds spreadTokens(std::size_t count, int vocab) {
    TokenIds ids;
    for (std::size_t i = 0; i < count; ++i) {
        ids.push_back(static_cast<TokenId>((i * 2654435761u + i * i * 40503u) % static_cast<std::size_t>(vocab)));
    }
    return ids;
}

void requireRising(const char* option, std::span<const std::size_t> contexts) {
    std::size_t before = 0;
    for (const std::size_t context : contexts) {
        if (context <= before) {
            fail(ErrorKind::InvalidInput, "{} must be above 0 and rise: {} comes after {}", option, context,
                 before);
        }
        before = context;
    }
}

Json benchLightningLayer(const std::filesystem::path& folder, const kernels::OpTable& ops,
                         std::span<const std::size_t> contexts, std::size_t decode, int repeats,
                         kernels::ThreadPool& pool) {
    const HybridModel model = oneLightningLayer(folder, ops);
    LayerBench bench(model, pool);
    const std::vector<SequenceState> states = bench.statesAt(contexts);
    std::vector<std::vector<double>> seconds(states.size());
    for (int repeat = 0; repeat < repeats; ++repeat) {
        // In turns: the speed of shared machines drifts.
        for (std::size_t i = 0; i < states.size(); ++i) {
            const std::vector<double> more = bench.decode(states[i], decode);
            seconds[i].insert(seconds[i].end(), more.begin(), more.end());
        }
    }
    Json rows = Json::array();
    std::vector<double> medians;
    for (std::size_t i = 0; i < states.size(); ++i) {
        medians.push_back(median(seconds[i]));
        rows.push_back({{"context", contexts[i]}, {"seconds_per_token", medians.back()}});
    }
    const auto [least, most] = std::minmax_element(medians.begin(), medians.end());
    return {{"contexts", std::move(rows)}, {"spread", *most / *least}};
}

} // namespace fulgurite::app
