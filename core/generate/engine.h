// SPDX-License-Identifier: Apache-2.0
// Owns a loaded model's one working thread: admits requests, batches them continuously (prefill in chunks between
// decode steps), samples, keeps snapshots of states so that shared prefixes are never computed twice.
#pragma once

#include "core/generate/engine_options.h"
#include "core/generate/model_turns.h"
#include "core/generate/request.h"
#include "core/model/hybrid_model.h"
#include "core/text/tokenizer.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace fulgurite {

class Scheduler;

// All methods may be called from any thread.
class Engine {
  public:
    Engine(std::shared_ptr<const HybridModel> model, std::shared_ptr<const Tokenizer> tokenizer,
           EngineOptions options);
    ~Engine(); // cancels what runs and joins
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Throws Error{InvalidInput | OutOfMemory (with the figure) | Unavailable} at once; later failures reach the
    // listener.
    GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener);
    void cancel(GenerationId id);

    EngineStatus status() const;
    // `tenant`: whose snapshots count.
    ReentryCost reentryCost(std::span<const TokenId> prefix, const std::string& tenant = {}) const;
    // Runs `work` on the engine's thread between two rounds, with its thread pool, and returns when it is done;
    // throws what it threw, or Error{Unavailable}. Answers get at least half of the time. Not from a listener.
    void takeTurn(const TurnWork& work);
    // Takes `bytes` out of the memory for states, as a running answer of `tenant` does, until what it returns is
    // gone, which may happen on any thread and waits for nobody. Throws OverloadError when answers have been
    // promised too much of it, or what the tenant's requests hold leaves too little of its share. The engine must
    // outlive it.
    std::shared_ptr<const void> setAside(std::size_t bytes, const Tenant& tenant = {});
    // A fork of the longest snapshot that `tenant` has of a beginning of `tokens`. Nothing: there is none.
    std::optional<SequenceState> snapshotOf(std::span<const TokenId> tokens, const std::string& tenant);
    // Keeps what restore() gives, a state that has absorbed exactly `tokens`, as if it had been computed here. Only
    // called when there is memory for it, which is set aside meanwhile. False: it is larger than the memory for
    // snapshots. Throws OverloadError with the figures while running answers need what it would take.
    bool keepSnapshot(std::span<const TokenId> tokens, const std::function<SequenceState()>& restore,
                      const std::string& tenant);
    const HybridModel& model() const;
    const std::shared_ptr<const Tokenizer>& tokenizer() const;

  private:
    std::shared_ptr<const HybridModel> model_;
    std::shared_ptr<const Tokenizer> tokenizer_;
    std::unique_ptr<Scheduler> scheduler_;
};

} // namespace fulgurite
