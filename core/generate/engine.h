// SPDX-License-Identifier: Apache-2.0
// Owns a loaded model's one working thread: admits requests, batches them continuously (prefill in chunks between
// decode steps), samples, keeps snapshots of states so that shared prefixes are never computed twice.
#pragma once

#include "core/generate/request.h"
#include "core/model/hybrid_model.h"
#include "core/text/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace fulgurite {

struct EngineOptions {
    std::size_t threads = 0;                             // 0: one per core
    std::size_t memory_bytes = 0;                        // for states; 0: half of what is available at start
    std::size_t snapshot_bytes = std::size_t{512} << 20; // part of it for snapshots of prefixes
    std::size_t snapshot_interval = 64;                  // tokens between snapshots while decoding
    std::size_t prefill_chunk = 256;                     // tokens between two decode steps
    std::size_t max_batch = 64;                          // sequences that decode together
    std::size_t max_queue = 1024;
};

using GenerationId = std::uint64_t;

// What it would take to continue from a prefix of tokens.
struct ReentryCost {
    std::size_t tokens = 0; // of the prefix
    std::size_t reused = 0; // held by the nearest snapshot
    double seconds = 0;     // to compute the rest, at the measured prefill rate
};

struct EngineStatus {
    std::size_t active = 0;
    std::size_t queued = 0;
    std::size_t state_bytes = 0;
    std::size_t snapshot_bytes = 0;
    std::size_t snapshot_count = 0;
    std::size_t memory_limit = 0;
    double prefill_tokens_per_second = 0; // recent
    double decode_tokens_per_second = 0;
    std::uint64_t prompt_tokens_total = 0;
    std::uint64_t reused_tokens_total = 0;
    std::uint64_t completion_tokens_total = 0;
};

// All methods may be called from any thread.
class Engine {
  public:
    Engine(std::shared_ptr<const HybridModel> model, std::shared_ptr<const Tokenizer> tokenizer,
           EngineOptions options);
    ~Engine(); // cancels what runs and joins

    // Throws Error{InvalidInput | OutOfMemory (with the figure) | Unavailable} at once; later failures reach the
    // listener.
    GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener);
    void cancel(GenerationId id);

    EngineStatus status() const;
    ReentryCost reentryCost(std::span<const TokenId> prefix) const;
    const HybridModel& model() const;
    const std::shared_ptr<const Tokenizer>& tokenizer() const;

  private:
    class Worker;
    std::unique_ptr<Worker> worker_;
};

} // namespace fulgurite
