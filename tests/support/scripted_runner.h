// SPDX-License-Identifier: Apache-2.0
// Stands in for a model: the keys of its one softmax layer spell out the tokens that a state has absorbed, and the
// next token is whatever a function of them says. So a state that is not what it should be speaks up at once.
#pragma once

#include "core/generate/forward_runner.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace fulgurite::test {

// What a forward call ran: the tokens of each chunk.
using RunLog = std::vector<std::vector<std::size_t>>;

class ScriptedRunner final : public ForwardRunner {
  public:
    // Logits after `tokens`.
    using Script = std::function<void(const TokenIds& tokens, std::span<float> logits)>;

    ScriptedRunner(int vocab, std::int64_t max_positions, Script script) : script_(std::move(script)), pool_(2) {
        config_.layers = {LayerKind::Lightning, LayerKind::Softmax};
        config_.num_heads = 1;
        config_.num_kv_heads = 1;
        config_.head_dim = 2;
        config_.vocab_size = vocab;
        config_.max_positions = max_positions;
    }

    const ModelConfig& config() const override { return config_; }
    StateShape stateShape() const override {
        StateShape shape = StateShape::of(config_);
        shape.device = device_;
        return shape;
    }
    // Of which the states are to be; its memory must be the host's. Before a scheduler has the runner.
    void keepStatesOn(std::shared_ptr<kernels::Device> device) { device_ = std::move(device); }
    kernels::ThreadPool& pool() override { return pool_; }

    void forward(std::span<SequenceChunk> batch, std::vector<float>& logits) override {
        std::vector<std::size_t> sizes;
        for (const SequenceChunk& chunk : batch) {
            sizes.push_back(chunk.tokens.size());
            for (const TokenId token : chunk.tokens) {
                if (token == refused) {
                    throw Error(ErrorKind::InvalidInput, "a token that this model refuses");
                }
                if (token == too_large || (batch.size() > 1 && token == too_large_together)) {
                    throw Error(ErrorKind::OutOfMemory, "no memory left to compute so much at once");
                }
            }
        }
        for (SequenceChunk& chunk : batch) {
            for (std::size_t i = 0; i < chunk.tokens.size(); ++i) {
                if (chunk.tokens[i] == broken) {
                    throw BrokenPass(ErrorKind::OutOfMemory, "no memory left half way");
                }
                absorb(*chunk.state, chunk.tokens[i]);
                const bool last = i + 1 == chunk.tokens.size();
                if (chunk.logits == LogitsWanted::All || (chunk.logits == LogitsWanted::Last && last)) {
                    logits.resize(logits.size() + static_cast<std::size_t>(config_.vocab_size), 0.0f);
                    const auto row = std::span(logits).last(static_cast<std::size_t>(config_.vocab_size));
                    script_(absorbed(*chunk.state), row);
                }
            }
        }
        const std::lock_guard lock(mutex_);
        log_.push_back(std::move(sizes));
    }

    RunLog log() const {
        const std::lock_guard lock(mutex_);
        return log_;
    }

    static TokenIds absorbed(const SequenceState& state) {
        TokenIds tokens;
        for (std::size_t i = 0; i < state.position(); ++i) {
            tokens.push_back(static_cast<TokenId>(state.page(1, i / kPageTokens).keys[i % kPageTokens * 2]));
        }
        return tokens;
    }

    std::atomic<TokenId> refused{-1};
    std::atomic<TokenId> too_large{-1};          // alone or not
    std::atomic<TokenId> too_large_together{-1}; // only beside others

    std::atomic<TokenId> broken{-1}; // found when the tokens before it have been absorbed

  private:
    static void absorb(SequenceState& state, TokenId token) {
        state.reserve(1);
        const std::size_t at = state.position();
        state.page(1, at / kPageTokens).keys[at % kPageTokens * 2] = static_cast<float>(token);
        state.lightning(0)[0] += 1;
        state.advance(1);
    }

    ModelConfig config_;
    std::shared_ptr<kernels::Device> device_;
    Script script_;
    kernels::ThreadPool pool_;
    mutable std::mutex mutex_;
    RunLog log_;
};

} // namespace fulgurite::test
