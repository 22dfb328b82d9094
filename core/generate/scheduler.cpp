// SPDX-License-Identifier: Apache-2.0
#include "core/generate/scheduler.h"

#include "core/base/system_memory.h"
#include "core/generate/generation_context.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fulgurite {

namespace {

// While answers run, a chunk of prefill is this much shorter, and so is the pause that it makes in them.
constexpr std::size_t kBusyShare = 4;
constexpr std::size_t kSmallestChunk = 16;
// One sequence's periodic snapshots may take this share of the budget; conversations share the rest.
constexpr std::size_t kSequenceShare = 4;

EngineOptions completed(EngineOptions options, const ForwardRunner& runner) {
    if (options.memory_bytes == 0) {
        options.memory_bytes = runner.freeMemory() / 2;
    }
    const std::size_t worth = 2 * runner.stateShape().bytesAt(kWorthKeeping);
    options.snapshot_bytes = std::min(options.snapshot_bytes.value_or(std::max(options.memory_bytes / 4, worth)),
                                      options.memory_bytes);
    options.prefill_chunk = std::max(options.prefill_chunk, kSmallestChunk);
    options.max_batch = std::max<std::size_t>(options.max_batch, 1);
    return options;
}

} // namespace

Scheduler::Scheduler(std::unique_ptr<ForwardRunner> runner, std::shared_ptr<const Tokenizer> tokenizer,
                     EngineOptions options)
    : runner_(std::move(runner)),
      options_(completed(std::move(options), *runner_)),
      context_(contextOf(runner_->config(), std::move(tokenizer), options_)),
      snapshots_(*options_.snapshot_bytes),
      turns_([this] { wakeUp(); }),
      memory_(runner_->stateShape(), options_.memory_bytes) { // of what lies here, not of the whole model
    context_.shape = runner_->stateShape();
    runner_->reserve(options_.memory_bytes);
    const std::size_t one = std::max<std::size_t>(context_.shape.bytesAt(1), 1);
    snapshot_allowance_ = snapshots_.budget() / kSequenceShare / one;
    status_.memory_limit = memory_.limit();
    status_.snapshot_limit = snapshots_.budget();
    const std::size_t tokens = context_.shape.tokensWithin(snapshots_.budget());
    status_.snapshot_tokens =
        tokens < context_.max_positions ? tokens : std::numeric_limits<std::size_t>::max();
    thread_ = std::jthread([this] { run(); });
}

Scheduler::~Scheduler() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void Scheduler::takeTurn(const TurnWork& work) {
    turns_.take(work);
}

// Under the lock: the working thread must not be between its look at what is wanted and its sleep.
void Scheduler::wakeUp() {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
}

GenerationId Scheduler::submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener) {
    validate(request);
    GenerationId id = 0;
    {
        const std::lock_guard lock(mutex_);
        id = next_id_++;
    }
    auto sequence = std::make_unique<Sequence>(id, std::move(request), std::move(listener), context_);
    {
        const std::lock_guard lock(mutex_);
        refuseWhenFull(sequence->tenant().name);
        queue_.push(std::move(sequence));
        nothing_fits_ = false; // perhaps this one does
        finishes_.busy(FinishRate::Clock::now());
    }
    wake_.notify_all();
    return id;
}

void Scheduler::cancel(GenerationId id) {
    {
        const std::lock_guard lock(mutex_);
        if (id == 0 || id >= next_id_) {
            return;
        }
        cancelled_.insert(id);
    }
    wake_.notify_all();
}

EngineStatus Scheduler::status() const {
    EngineStatus status;
    {
        const std::lock_guard lock(mutex_);
        status = status_;
        status.queued = queue_.size();
        status.queue_seconds = waitOf({});
    }
    status.snapshot_bytes = snapshots_.bytes();
    status.snapshot_count = snapshots_.count();
    return status;
}

ReentryCost Scheduler::reentryCost(std::span<const TokenId> prefix, const std::string& tenant) const {
    ReentryCost cost;
    cost.tokens = prefix.size();
    cost.reused = prefix.empty() ? 0 : snapshots_.longestLength(tenant, prefix, prefix.size() - 1);
    const double rate = status().prefill_tokens_per_second;
    cost.seconds = rate > 0 ? static_cast<double>(cost.tokens - cost.reused) / rate : 0;
    return cost;
}

void Scheduler::run() {
    measureOnce();
    while (waitForWork()) {
        double seconds = 0;
        try {
            seconds = secondsOf([this] { round(); });
        } catch (const std::exception& error) {
            failAll(error);
        }
        turns_.afterRound(seconds, !active_.empty(), runner_->pool(), turnBudget());
        publish();
    }
    turns_.stop();
    finishAll();
}

void Scheduler::round() {
    handleCancels();
    admit();
    decodeStep();
    removeFinished();
    prefillStep();
    removeFinished();
}

bool Scheduler::waitForWork() {
    std::unique_lock lock(mutex_);
    if (queue_.empty() && active_.empty()) {
        finishes_.idle(FinishRate::Clock::now());
    }
    wake_.wait(lock, [this] {
        return stop_ || (!queue_.empty() && !nothing_fits_) || !active_.empty() || !cancelled_.empty() ||
               turns_.wanted();
    });
    return !stop_;
}

void Scheduler::handleCancels() {
    std::set<GenerationId> ids;
    std::vector<std::unique_ptr<Sequence>> waiting;
    {
        const std::lock_guard lock(mutex_);
        if (cancelled_.empty()) {
            return;
        }
        waiting = queue_.remove(cancelled_);
        ids.swap(cancelled_);
    }
    for (const auto& sequence : waiting) {
        forOne(*sequence, [&] { sequence->finish(FinishReason::Cancelled); });
    }
    for (Slot& slot : active_) {
        if (ids.contains(slot.sequence->id())) {
            forOne(*slot.sequence, [&] { slot.sequence->finish(FinishReason::Cancelled); });
        }
    }
    removeFinished();
}

void Scheduler::decodeStep() {
    Slots slots;
    std::vector<SequenceChunk> batch;
    for (Slot& slot : active_) {
        Sequence& sequence = *slot.sequence;
        if (!sequence.finished() && !sequence.prefilling() && growTo(slot, sequence.tokens().size())) {
            slots.push_back(&slot);
            batch.push_back(
                {&sequence.state(), sequence.nextDecode(), LogitsWanted::Last, sequence.intervention()});
            wishFor(slot, batch.back());
        }
    }
    if (slots.empty()) {
        return;
    }
    logits_.clear();
    const double seconds = forward(slots, batch, logits_);
    std::erase_if(slots, [](const Slot* slot) { return slot->sequence->finished(); });
    decode_rate_.add(slots.size(), seconds);
    sampleAll(slots, logits_);
    for (Slot* slot : slots) {
        keepPeriodic(*slot->sequence);
        forOne(*slot->sequence, [&] { slot->sequence->accept(); });
    }
    const std::lock_guard lock(mutex_);
    status_.completion_tokens_total += slots.size();
}

void Scheduler::wishFor(Slot& slot, SequenceChunk& chunk) const {
    if (!runner_->preselects()) {
        return;
    }
    if (slot.wish == nullptr) {
        slot.wish = std::make_unique<LogitsWish>();
        slot.answer = std::make_unique<LogitsAnswer>();
    }
    slot.answer->found = false;
    if (slot.sequence->wish(*slot.wish)) {
        chunk.wish = slot.wish.get();
        chunk.answer = slot.answer.get();
    }
}

void Scheduler::sampleAll(const Slots& slots, const std::vector<float>& logits) {
    const std::size_t vocab = context_.vocab_size;
    std::vector<std::size_t> rows(slots.size()); // of those without an answer
    std::size_t next = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        rows[i] = next;
        next += slots[i]->answer != nullptr && slots[i]->answer->found ? 0 : 1;
    }
    runner_->pool().parallelFor(slots.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t i = begin; i < end; ++i) {
            Slot& slot = *slots[i];
            if (slot.answer != nullptr && slot.answer->found) {
                slot.sequence->sample(slot.answer->row);
            } else {
                slot.sequence->sample(std::span(logits).subspan(rows[i] * vocab, vocab));
            }
        }
    });
}

// A single prompt gives way to the answers that run beside it. When many wait, their share of the sequences counts:
// else most of what could be computed together would stand in line, and the answers after them too.
std::size_t Scheduler::prefillBudget() const {
    const auto reading = static_cast<std::size_t>(std::count_if(
        active_.begin(), active_.end(), [](const Slot& slot) { return slot.sequence->prefilling(); }));
    if (reading == active_.size()) {
        return options_.prefill_chunk;
    }
    const std::size_t least = std::max(options_.prefill_chunk / kBusyShare, kSmallestChunk);
    return reading <= 1 ? least : std::max(least, options_.prefill_chunk * reading / active_.size());
}

// Short while answers wait for it.
std::size_t Scheduler::turnBudget() const {
    return active_.empty() ? options_.prefill_chunk : std::max(options_.prefill_chunk / kBusyShare, kSmallestChunk);
}

// Prompts take turns: each step begins with the next one, and short ones share a batch.
void Scheduler::prefillStep() {
    std::size_t budget = prefillBudget();
    Slots slots;
    std::vector<SequenceChunk> batch;
    const std::size_t first = next_prefill_++;
    for (std::size_t i = 0; i < active_.size() && budget > 0; ++i) {
        Slot& slot = active_[(first + i) % active_.size()];
        Sequence& sequence = *slot.sequence;
        if (sequence.finished() || !sequence.prefilling()) {
            continue;
        }
        const std::span<const TokenId> tokens = sequence.nextPrefill(budget);
        if (growTo(slot, sequence.state().position() + tokens.size())) {
            slots.push_back(&slot);
            batch.push_back({&sequence.state(), tokens, sequence.prefillLogits(), sequence.intervention()});
            budget -= tokens.size();
        }
    }
    if (slots.empty()) {
        return;
    }
    std::vector<std::size_t> counts;
    std::size_t total = 0;
    for (const SequenceChunk& chunk : batch) {
        counts.push_back(chunk.tokens.size());
        total += chunk.tokens.size();
    }
    logits_.clear();
    const double seconds = forward(slots, batch, logits_);
    prefill_rate_.add(total, seconds);
    std::size_t row = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        Sequence& sequence = *slots[i]->sequence;
        if (sequence.finished()) {
            continue;
        }
        const std::size_t rows = batch[i].logits == LogitsWanted::All ? counts[i] : 0;
        const auto described =
            std::span(logits_).subspan(row * context_.vocab_size, rows * context_.vocab_size);
        row += rows;
        if (!forOne(sequence, [&] { sequence.prefilled(counts[i], described, seconds); }) || sequence.failed()) {
            continue;
        }
        if (sequence.atTurn()) {
            keepTurn(sequence);
        } else {
            keepPeriodic(sequence);
        }
    }
}

void Scheduler::keepPeriodic(Sequence& sequence) {
    const SequenceState& state = sequence.state();
    if (!sequence.shareable() || !sequence.plan().due(state.position())) {
        return;
    }
    sequence.plan().start(state.position()); // the next one is due as far from here, whether this one is kept or not
    keeping([&] {
        const auto prefix = sequence.tokens().first(state.position());
        const std::string& tenant = sequence.tenant().name;
        if (snapshots_.contains(tenant, prefix) ||
            !snapshots_.insert(tenant, prefix, state.fork(), SnapshotKind::Periodic)) {
            return;
        }
        for (const std::size_t position : sequence.plan().add(state.position())) {
            snapshots_.erasePeriodic(tenant, sequence.tokens().first(position));
        }
    });
}

void Scheduler::keepTurn(Sequence& sequence) {
    const SequenceState& state = sequence.state();
    const auto prefix = sequence.tokens().first(state.position());
    if (sequence.shareable() && !prefix.empty() && state.bytes() <= snapshots_.budget()) {
        keeping([&] { snapshots_.insert(sequence.tenant().name, prefix, state.fork(), SnapshotKind::Turn); });
    }
}

// What a sequence has computed stays behind as a snapshot: a person may go on from there, or stop and go on.
void Scheduler::removeFinished() {
    for (auto slot = active_.begin(); slot != active_.end();) {
        Sequence& sequence = *slot->sequence;
        if (!sequence.finished()) {
            ++slot;
            continue;
        }
        memory_.release(slot->promised);
        {
            const std::lock_guard lock(mutex_);
            finishes_.finished(FinishRate::Clock::now());
        }
        if (!sequence.failed() && sequence.started() && sequence.shareable()) {
            keeping([&] {
                SequenceState state = sequence.takeState();
                const std::size_t position = state.position();
                snapshots_.insert(sequence.tenant().name, sequence.tokens().first(position), std::move(state),
                                  SnapshotKind::Turn);
            });
        }
        slot = active_.erase(slot);
    }
    snapshots_.shrinkTo(memory_.left());
}

void Scheduler::finishAll() {
    std::vector<std::unique_ptr<Sequence>> waiting;
    {
        const std::lock_guard lock(mutex_);
        waiting = queue_.removeAll();
    }
    for (Slot& slot : active_) {
        forOne(*slot.sequence, [&] { slot.sequence->finish(FinishReason::Cancelled); });
    }
    for (const auto& sequence : waiting) {
        forOne(*sequence, [&] { sequence->finish(FinishReason::Cancelled); });
    }
    active_.clear();
}

void Scheduler::publish() {
    std::size_t bytes = 0;
    for (const Slot& slot : active_) {
        bytes += slot.sequence->state().bytes();
    }
    const std::lock_guard lock(mutex_);
    status_.active = active_.size();
    status_.state_bytes = bytes;
    status_.prefill_tokens_per_second = prefill_rate_.perSecond();
    status_.decode_tokens_per_second = decode_rate_.perSecond();
}

} // namespace fulgurite
