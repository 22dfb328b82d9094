// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine score`: the numbers of a forward pass over given tokens, for checks from outside.
#include "app/engine/command.h"
#include "app/engine/device_option.h"
#include "app/engine/ranked_model.h"
#include "app/engine/token_file.h"
#include "core/base/error.h"
#include "core/base/system_memory.h"
#include "core/checkpoint/safetensors.h"
#include "core/model/hybrid_model.h"

#include <algorithm>
#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct ScoreOptions {
    std::string model;
    std::string tokens;
    std::string out;
    std::size_t chunk = 256;
    std::size_t decode = 0;
    std::size_t threads = 0;
    bool layers = false;
    RankOptions ranks;
    std::string device;
};

// Keeps what --layers writes; logits go to the file as they come.
class LayerRecorder : public ForwardTap {
  public:
    explicit LayerRecorder(const ModelConfig& config)
        : hidden_(config.layers.size() + 1), experts_(config.layers.size()), weights_(config.layers.size()) {}
    // All at once: what grows by doubling would for a moment need twice as much.
    void expect(const ModelConfig& config, std::size_t tokens) {
        for (auto& hidden : hidden_) {
            hidden.reserve(tokens * static_cast<std::size_t>(config.hidden_size));
        }
        for (std::size_t i = 0; i < experts_.size(); ++i) {
            experts_[i].reserve(tokens * static_cast<std::size_t>(config.top_k));
            weights_[i].reserve(tokens * static_cast<std::size_t>(config.top_k));
        }
    }

    bool wants(TapPoint point, int) const override { return point == TapPoint::Hidden; }
    void onValues(TapPoint, int index, std::span<const float> hidden, std::size_t) override {
        append(hidden_[static_cast<std::size_t>(index)], hidden);
    }
    void onRouting(int layer, std::span<const std::int32_t> experts, std::span<const float> weights,
                   std::size_t) override {
        append(experts_[static_cast<std::size_t>(layer)], experts);
        append(weights_[static_cast<std::size_t>(layer)], weights);
    }

    static void declare(SafetensorsWriter& writer, const ModelConfig& config, std::int64_t n) {
        const std::int64_t dim = config.head_dim;
        for (int i = 0; i <= config.layerCount(); ++i) {
            writer.declare(fmt::format("hidden.{}", i), DType::F32, {n, config.hidden_size});
        }
        for (int i = 0; i < config.layerCount(); ++i) {
            writer.declare(fmt::format("experts.{}", i), DType::I32, {n, config.top_k});
            writer.declare(fmt::format("expert_weights.{}", i), DType::F32, {n, config.top_k});
        }
        for (int i = 0; i < config.layerCount(); ++i) {
            if (config.layers[static_cast<std::size_t>(i)] == LayerKind::Lightning) {
                writer.declare(fmt::format("state.{}", i), DType::F32, {config.num_heads, dim, dim});
            }
        }
    }

    void write(SafetensorsWriter& writer, const ModelConfig& config, const SequenceState& state) const {
        for (const auto& hidden : hidden_) {
            writer.append(std::as_bytes(std::span(hidden)));
        }
        for (std::size_t i = 0; i < experts_.size(); ++i) {
            writer.append(std::as_bytes(std::span(experts_[i])));
            writer.append(std::as_bytes(std::span(weights_[i])));
        }
        for (int i = 0; i < config.layerCount(); ++i) {
            if (config.layers[static_cast<std::size_t>(i)] == LayerKind::Lightning) {
                const std::vector<float> matrix = state.lightningValues(i);
                writer.append(std::as_bytes(std::span(matrix)));
            }
        }
    }

  private:
    template <class T>
    static void append(std::vector<T>& all, std::span<const T> part) {
        all.insert(all.end(), part.begin(), part.end());
    }

    std::vector<std::vector<float>> hidden_;
    std::vector<std::vector<std::int32_t>> experts_;
    std::vector<std::vector<float>> weights_;
};

// Of the host's memory: keys, values and states, and what --layers keeps of every token until the file can take it.
std::size_t bytesToScore(const HybridModel& model, std::size_t tokens, bool layers) {
    const ModelConfig& config = model.config();
    const auto size = [](std::int64_t value) { return static_cast<std::size_t>(value); };
    const std::size_t streams = (config.layers.size() + 1) * size(config.hidden_size) * sizeof(float);
    const std::size_t choices = config.layers.size() * size(config.top_k) * (sizeof(std::int32_t) + sizeof(float));
    const std::size_t states = model.device() == nullptr ? model.stateShape().bytesAt(tokens) : 0; // a device tells
    return states + (layers ? tokens * (streams + choices) : 0);
}

// Before anything is computed: a program that the system ends in the middle says nothing.
void requireMemory(const HybridModel& model, std::size_t tokens, std::size_t chunk, bool layers) {
    const std::size_t kept = bytesToScore(model, tokens, layers);
    const std::size_t rows = std::min(chunk, tokens);
    const std::size_t pass = model.passBytes(rows, rows);
    const std::size_t free = availableMemory();
    if (free == 0 || kept + pass <= free) {
        return;
    }
    const bool chunk_helps = kept + model.passBytes(1, 1) <= free;
    fail(ErrorKind::OutOfMemory,
         "to score {} tokens{} takes {} of memory, {} of it for a chunk of {} tokens, and {} are free; give {}",
         tokens, layers ? " with --layers" : "", readableBytes(kept + pass), readableBytes(pass), rows,
         readableBytes(free),
         chunk_helps ? "a smaller --chunk"
         : layers    ? "fewer tokens, or leave --layers out"
                     : "fewer tokens");
}

void score(const ScoreOptions& options) {
    const TokenIds tokens = readTokenFile(options.tokens);
    const auto model = loadRanked(
        {.folder = options.model, .ranks = options.ranks, .device = options.device, .threads = options.threads});
    const ModelConfig& config = model->config();
    requireMemory(*model, tokens.size(), options.chunk, options.layers);
    const auto n = static_cast<std::int64_t>(tokens.size());
    SafetensorsWriter writer(options.out);
    writer.declare("logits", DType::F32, {n, config.vocab_size});
    std::unique_ptr<LayerRecorder> recorder;
    if (options.layers) {
        LayerRecorder::declare(writer, config, n);
        recorder = std::make_unique<LayerRecorder>(config);
        recorder->expect(config, tokens.size());
    }
    kernels::ThreadPool pool(threadsOfRank(options.ranks, options.threads));
    Workspace workspace;
    SequenceState state = model->newState();
    const std::size_t prefill = tokens.size() - std::min(options.decode, tokens.size());
    std::vector<float> logits;
    for (std::size_t begin = 0; begin < tokens.size();) {
        const std::size_t count = begin < prefill ? std::min(options.chunk, prefill - begin) : 1;
        SequenceChunk chunk{&state, std::span(tokens).subspan(begin, count), LogitsWanted::All};
        logits.clear();
        model->forward({&chunk, 1}, pool, workspace, logits, recorder.get());
        writer.append(std::as_bytes(std::span(logits)));
        begin += count;
    }
    if (recorder) {
        recorder->write(writer, config, state);
    }
    writer.finish();
}

} // namespace

void addScore(CLI::App& app) {
    auto options = std::make_shared<ScoreOptions>();
    CLI::App* command =
        app.add_subcommand("score", "Write the logits (and the inside) of a forward pass over tokens");
    command->add_option("--model", options->model, "Checkpoint folder; needs no tokenizer")->required();
    command->add_option("--tokens", options->tokens, "JSON array of token ids")->required();
    command->add_option("--out", options->out, "Safetensors file to write")->required();
    command->add_option("--chunk", options->chunk, "Tokens per prefill chunk")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command->add_option("--decode", options->decode, "Run the last N tokens one by one")->capture_default_str();
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    command->add_flag("--layers", options->layers, "Also write streams, expert choices and states");
    addRankOptions(*command, options->ranks);
    addDeviceOption(*command, options->device);
    command->footer(
        "Writes logits F32 [n, vocab]; with --layers also hidden.0 (embedding) to hidden.L F32 [n, hidden],\n"
        "experts.l I32 and expert_weights.l F32 [n, k], and state.l F32 [heads, key dim, value dim] of each\n"
        "lightning layer after the last token.\n\n"
        "Example:\n  fulgurite-engine score --model ember --tokens ids.json --out scores.safetensors --layers");
    command->callback([options] { score(*options); });
}

} // namespace fulgurite::app
