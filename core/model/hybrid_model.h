// SPDX-License-Identifier: Apache-2.0
// The hybrid lightning-attention MoE model: immutable weights and the forward pass over a batch of sequences.
// The mathematics is the published MiniMax-Text-01 / M1 modelling code in float32 arithmetic.
#pragma once

#include "core/base/types.h"
#include "core/checkpoint/model_config.h"
#include "core/model/forward_tap.h"
#include "core/model/intervention.h"
#include "core/state/sequence_state.h"
#include "kernels/ops.h"
#include "kernels/pool.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace fulgurite {

struct ModelWeights;

enum class LogitsWanted : std::uint8_t { None, Last, All };

// The next tokens of one sequence. `state` is advanced by tokens.size().
struct SequenceChunk {
    SequenceState* state = nullptr;
    std::span<const TokenId> tokens;
    LogitsWanted logits = LogitsWanted::Last;
    const Intervention* intervention = nullptr; // checked against the model; nullptr: none
};

// Scratch memory of forward passes; reused between calls, grows to the largest batch seen. One per thread.
class Workspace {
  public:
    Workspace();
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

    struct Buffers;
    Buffers& buffers() { return *buffers_; }

  private:
    std::unique_ptr<Buffers> buffers_;
};

class HybridModel {
  public:
    // Maps the checkpoint in `folder`; reports every missing, extra or mis-shaped tensor in one Error{Corrupt}.
    // Computes with the fastest operations of this processor, or with the given ones.
    static std::shared_ptr<const HybridModel> load(const std::filesystem::path& folder);
    static std::shared_ptr<const HybridModel> load(const std::filesystem::path& folder,
                                                   const kernels::OpTable& ops);
    HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops);
    ~HybridModel();

    const ModelConfig& config() const;
    const ModelWeights& weights() const { return *weights_; }
    const kernels::OpTable& ops() const { return *ops_; }
    SequenceState newState() const { return SequenceState(StateShape::of(config())); }

    // Runs all chunks as one batch. Appends to `logits` F32 [vocab_size] for each wanted row, in batch order.
    // Throws Error{InvalidInput} for a token outside the vocabulary, before any state is touched.
    void forward(std::span<SequenceChunk> batch, kernels::ThreadPool& pool, Workspace& workspace,
                 std::vector<float>& logits, ForwardTap* tap = nullptr) const;

  private:
    std::unique_ptr<const ModelWeights> weights_;
    const kernels::OpTable* ops_;
};

} // namespace fulgurite
