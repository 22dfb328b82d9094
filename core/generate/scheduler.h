// SPDX-License-Identifier: Apache-2.0
// The engine's working thread: admits sequences as memory allows, then alternates one decode step of all that are
// decoding with one chunk of prefill, so that a long prompt slows running answers but never stops them.
#pragma once

#include "core/generate/engine_options.h"
#include "core/generate/fair_queue.h"
#include "core/generate/finish_rate.h"
#include "core/generate/forward_runner.h"
#include "core/generate/model_turns.h"
#include "core/generate/rate_meter.h"
#include "core/generate/request.h"
#include "core/generate/sequence.h"
#include "core/generate/snapshot_cache.h"
#include "core/generate/state_memory.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace fulgurite {

// All public methods may be called from any thread.
class Scheduler {
  public:
    Scheduler(std::unique_ptr<ForwardRunner> runner, std::shared_ptr<const Tokenizer> tokenizer,
              EngineOptions options);
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // As the methods of Engine.
    GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener);
    void cancel(GenerationId id);
    EngineStatus status() const;
    ReentryCost reentryCost(std::span<const TokenId> prefix, const std::string& tenant = {}) const;
    void takeTurn(const TurnWork& work);
    std::shared_ptr<const void> setAside(std::size_t bytes);
    SnapshotCache& snapshots() { return snapshots_; }

  private:
    // A sequence with the memory it was promised.
    struct Slot {
        std::unique_ptr<Sequence> sequence;
        std::size_t promised = 0;
        std::unique_ptr<LogitsWish> wish = nullptr; // both made when the runner answers wishes
        std::unique_ptr<LogitsAnswer> answer = nullptr;
    };
    using Slots = std::vector<Slot*>;

    void validate(const GenerateRequest& request) const;
    void refuseWhenFull(const std::string& tenant) const; // under the lock
    std::size_t aheadOf(const std::string& tenant) const; // under the lock
    double waitOf(const std::string& tenant) const;       // under the lock
    std::size_t promisedTo(const std::string& tenant) const;
    bool withinShare(const Tenant& tenant, std::size_t promised, std::size_t tokens) const;
    void run();
    void measureOnce();
    bool waitForWork();
    void handleCancels();
    void admit();
    bool admitNext();
    void decodeStep();
    void prefillStep();
    std::size_t prefillBudget() const;
    std::size_t turnBudget() const;
    void wakeUp();
    // Runs a batch, one by one if a sequence of it is refused. Returns the seconds; those that failed are finished.
    double forward(const Slots& slots, std::vector<SequenceChunk>& batch, std::vector<float>& logits);
    double forwardOne(Slot& slot, SequenceChunk chunk, std::vector<float>& logits);
    bool growTo(Slot& slot, std::size_t tokens);
    void wishFor(Slot& slot, SequenceChunk& chunk) const;
    void sampleAll(const Slots& slots, const std::vector<float>& logits);
    void keepPeriodic(Sequence& sequence);
    void keepTurn(Sequence& sequence);
    void removeFinished();
    void finishAll();
    void publish();

    const std::unique_ptr<ForwardRunner> runner_;
    const EngineOptions options_;
    GenerationContext context_;
    std::size_t snapshot_allowance_ = 0; // periodic ones of one sequence
    SnapshotCache snapshots_;
    ModelTurns turns_;

    // The working thread's own.
    std::deque<Slot> active_;
    StateMemory memory_;
    std::size_t next_prefill_ = 0;
    RateMeter prefill_rate_;
    RateMeter decode_rate_;
    std::vector<float> logits_;

    mutable std::mutex mutex_; // guards what follows
    std::condition_variable wake_;
    FairQueue queue_;
    FinishRate finishes_;
    std::set<GenerationId> cancelled_;
    GenerationId next_id_ = 1;
    bool stop_ = false;
    EngineStatus status_;

    std::jthread thread_; // last: it uses all of the above
};

} // namespace fulgurite
