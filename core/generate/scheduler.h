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
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
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
    std::shared_ptr<const void> setAside(std::size_t bytes, const Tenant& tenant = {});
    bool keepSnapshot(std::span<const TokenId> tokens, const std::function<SequenceState()>& restore,
                      const std::string& tenant);
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
    // Memory for states that other work of a tenant has; gives it back, on whatever thread that happens.
    struct Aside {
        Aside(Scheduler& owner, std::string name) : scheduler(owner), tenant(std::move(name)) {}
        ~Aside();
        Aside(const Aside&) = delete;
        Aside& operator=(const Aside&) = delete;

        Scheduler& scheduler;
        std::string tenant;
        std::size_t bytes = 0;
    };

    void validate(const GenerateRequest& request) const;
    void refuseWhenFull(const std::string& tenant) const; // under the lock
    std::size_t aheadOf(const std::string& tenant) const; // under the lock
    double waitOf(const std::string& tenant) const;       // under the lock
    std::size_t promisedTo(const std::string& tenant) const; // under the lock, by the working thread
    bool withinShare(const Tenant& tenant, std::size_t bytes) const;
    void giveBack(std::size_t& bytes);
    void run();
    void round();
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
    // Ends one answer, or all that run, with what went wrong.
    void failWith(Sequence& sequence, const std::exception& error) noexcept;
    void failAll(const std::exception& error) noexcept;
    // call(), which is about one sequence; what it throws ends that one. Whether it did not.
    template <class Call>
    bool forOne(Sequence& sequence, const Call& call) noexcept;
    // call(), which takes memory for a state and may be called again: when there is none, once more without any
    // snapshots.
    template <class Call>
    bool takeFor(Sequence& sequence, const Call& call) noexcept;
    // call(), which keeps a snapshot. They are worth having and not needed: where there is no memory for one, older
    // ones go and the answers go on.
    template <class Call>
    void keeping(const Call& call) noexcept;
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
    // Made while there is memory for it.
    const Error no_memory_{ErrorKind::OutOfMemory, "the machine has no memory left"};
    GenerationContext context_;
    std::size_t snapshot_allowance_ = 0; // periodic ones of one sequence
    SnapshotCache snapshots_;
    ModelTurns turns_;

    StateMemory memory_;
    std::deque<Slot> active_; // from here on the working thread's own
    std::size_t next_prefill_ = 0;
    RateMeter prefill_rate_;
    RateMeter decode_rate_;
    std::vector<float> logits_;

    mutable std::mutex mutex_; // guards what follows
    std::condition_variable wake_;
    FairQueue queue_;
    FinishRate finishes_;
    std::set<GenerationId> cancelled_;
    std::map<std::string, std::size_t> aside_; // bytes for other work, by tenant; none is zero
    bool nothing_fits_ = false;                // nobody runs, and whoever waits does so until memory comes back
    GenerationId next_id_ = 1;
    bool stop_ = false;
    EngineStatus status_;

    std::jthread thread_; // last: it uses all of the above
};

template <class Call>
bool Scheduler::forOne(Sequence& sequence, const Call& call) noexcept {
    try {
        call();
        return true;
    } catch (const std::exception& error) {
        failWith(sequence, error);
        return false;
    }
}

template <class Call>
bool Scheduler::takeFor(Sequence& sequence, const Call& call) noexcept {
    try {
        call();
        return true;
    } catch (const std::bad_alloc&) { // tried again below
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::OutOfMemory) {
            failWith(sequence, error);
            return false;
        }
    }
    snapshots_.shrinkTo(0);
    return forOne(sequence, call);
}

template <class Call>
void Scheduler::keeping(const Call& call) noexcept {
    try {
        call();
    } catch (const std::exception&) {
        snapshots_.shrinkTo(snapshots_.bytes() / 2);
    }
}

} // namespace fulgurite
