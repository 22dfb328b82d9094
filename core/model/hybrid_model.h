// SPDX-License-Identifier: Apache-2.0
// The hybrid lightning-attention MoE model: immutable weights and the forward pass over a batch of sequences.
// The mathematics is the published MiniMax-Text-01 / M1 modelling code in float32 arithmetic.
#pragma once

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/checkpoint/model_config.h"
#include "core/model/forward_tap.h"
#include "core/model/intervention.h"
#include "core/state/sequence_state.h"
#include "kernels/ops.h"
#include "kernels/pool.h"
#include "kernels/preselect.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace fulgurite {

namespace kernels {
class Communicator;
class Device;
} // namespace kernels

struct ModelWeights;
class Placement;
class RankLeader;
struct Shard;
struct ShardPlan;

enum class LogitsWanted : std::uint8_t { None, Last, All };

// What is to be looked up in the logits of a chunk's last token, where they are computed: most of them then stay
// there.
struct LogitsWish {
    kernels::PreselectRow row;                 // its changes are all of these
    std::vector<kernels::LogitChange> changes; // ids below `known`
    std::size_t known = 0;                     // tokens from there on are never drawn
};
struct LogitsAnswer {
    bool found = false; // else the row is among the logits, as if nobody had wished
    kernels::Preselected row;
};

// The next tokens of one sequence. `state` is advanced by tokens.size().
struct SequenceChunk {
    SequenceState* state = nullptr;
    std::span<const TokenId> tokens;
    LogitsWanted logits = LogitsWanted::Last;
    const Intervention* intervention = nullptr; // checked against the model; nullptr: none
    const LogitsWish* wish = nullptr;           // with LogitsWanted::Last; nullptr: none
    LogitsAnswer* answer = nullptr;             // to the wish
};

// A forward pass ended after it had begun to change the states of its batch: they are of no use any more. Other errors
// of a pass leave them as they were.
class BrokenPass : public Error {
  public:
    using Error::Error;
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
    // `device` null: the host computes; otherwise see placeOn().
    using CopyProgress = std::function<void(std::size_t done, std::size_t all)>;
    static std::shared_ptr<const HybridModel> load(const std::filesystem::path& folder, const kernels::OpTable& ops,
                                                   const ShardPlan& plan,
                                                   const std::shared_ptr<kernels::Device>& device = nullptr,
                                                   const CopyProgress& progress = nullptr);
    HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops);
    // Split over ranks that are threads of this process: to whoever calls, one model with one state for each
    // sequence. Throws Error{InvalidInput} when the plan does not fit the model.
    HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops, const ShardPlan& plan);
    // One rank of a model that is split over processes, one for each of `comm`: states hold this rank's heads only,
    // and every process runs the same batches with the same interventions and with taps that want the same. With
    // `leader`, on rank 0, the other processes are told what to run (process_ranks.h).
    HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops, const ShardPlan& plan,
                std::shared_ptr<kernels::Communicator> comm, std::shared_ptr<RankLeader> leader = nullptr);
    ~HybridModel();

    // From now on computes on `device`, with a copy of the weights in its memory; new states lie there too. Before
    // anybody else knows the model. `progress` hears the bytes copied, and of all. Throws Error{OutOfMemory} with
    // the sizes, Error{Unsupported} for ranks that are threads.
    void placeOn(std::shared_ptr<kernels::Device> device, const CopyProgress& progress = nullptr);
    // Null: the host.
    std::shared_ptr<kernels::Device> device() const;

    const ModelConfig& config() const;
    // Of the whole model, however it is split.
    const ModelWeights& weights() const { return *weights_; }
    int ranks() const;
    // The host's: for arrays that a tap has seen, with weights().
    const kernels::OpTable& ops() const { return *ops_; }
    // "avx2", "cuda": of forward().
    const char* kernelsName() const;
    StateShape stateShape() const;
    SequenceState newState() const { return SequenceState(stateShape()); }

    // Of the host's memory: what forward() takes for a batch of `rows` tokens of which `wanted_rows` want logits,
    // those included, beside the states. Of the ranks in this process.
    std::size_t passBytes(std::size_t rows, std::size_t wanted_rows) const;
    // Whether wishes are answered; elsewhere they do no harm.
    bool preselects() const;

    // Runs all chunks as one batch. Appends to `logits` F32 [vocab_size] for each wanted row, in batch order, but
    // not for those whose chunk has got an answer to its wish. Before any state is touched it throws
    // Error{InvalidInput} for a token outside the vocabulary and Error{OutOfMemory}; BrokenPass, or what an operation
    // threw, when it is too late.
    void forward(std::span<SequenceChunk> batch, kernels::ThreadPool& pool, Workspace& workspace,
                 std::vector<float>& logits, ForwardTap* tap = nullptr) const;

  private:
    struct Pass;
    void runRank(const Pass& pass, std::size_t part, kernels::Communicator* comm, kernels::ThreadPool& pool,
                 Workspace::Buffers& buffers) const;
    void runProcess(const Pass& pass, kernels::ThreadPool& pool, Workspace::Buffers& buffers) const;
    void runTeam(const Pass& pass, kernels::ThreadPool& pool, Workspace::Buffers& buffers) const;

    std::unique_ptr<const ModelWeights> weights_;
    const kernels::OpTable* ops_;
    std::vector<Shard> shards_;                              // of all ranks
    std::vector<std::unique_ptr<const ModelWeights>> parts_; // of the ranks in this process; empty: one has it all
    std::shared_ptr<kernels::Communicator> comm_;            // to the other processes, or null
    std::shared_ptr<RankLeader> leader_;                     // of them, on rank 0, or null
    std::unique_ptr<const Placement> placement_;             // null: the host computes
};

} // namespace fulgurite
