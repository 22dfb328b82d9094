// SPDX-License-Identifier: Apache-2.0
// The scheduler's calls of the model, timed, and what becomes of the sequences when one fails.
#include "core/generate/scheduler.h"
#include "core/generate/unexpected.h"

#include <algorithm>

namespace fulgurite {

namespace {

// Parameters of a model that reads kMeasuredTokens in a moment.
constexpr std::int64_t kQuickModel = 100'000'000;
constexpr std::size_t kMeasuredTokens = 64;

// Whether a call of the model was refused before it changed any state.
bool untouched(const std::exception& error) {
    const auto* refusal = dynamic_cast<const Error*>(&error);
    return refusal != nullptr && dynamic_cast<const BrokenPass*>(refusal) == nullptr &&
           (refusal->kind() == ErrorKind::InvalidInput || refusal->kind() == ErrorKind::OutOfMemory);
}

} // namespace

// A first figure of the prefill speed, so that the cost of going on somewhere can be told before anybody has asked
// anything. Not for models where it would keep the first question waiting; trouble will show with that one.
void Scheduler::measureOnce() {
    if (runner_->config().parameterCount() > kQuickModel) {
        return;
    }
    try {
        SequenceState state(context_.shape);
        const TokenIds tokens(kMeasuredTokens, 0);
        SequenceChunk chunk{&state, tokens, LogitsWanted::None};
        const double seconds = secondsOf([&] { runner_->forward({&chunk, 1}, logits_); });
        prefill_rate_.add(tokens.size(), seconds);
        publish();
    } catch (const std::exception&) {
        logits_.clear();
    }
}

double Scheduler::forward(const Slots& slots, std::vector<SequenceChunk>& batch, std::vector<float>& logits) {
    try {
        return secondsOf([&] { runner_->forward(batch, logits); });
    } catch (const std::exception& error) {
        if (untouched(error) && slots.size() > 1) {
            // One alone may pass, and who does not answers for it.
            logits.clear();
            double seconds = 0;
            for (std::size_t i = 0; i < slots.size(); ++i) {
                seconds += forwardOne(*slots[i], batch[i], logits);
            }
            return seconds;
        }
        for (Slot* slot : slots) {
            failWith(*slot->sequence, error);
        }
    }
    return 0;
}

double Scheduler::forwardOne(Slot& slot, SequenceChunk chunk, std::vector<float>& logits) {
    const std::size_t before = logits.size();
    try {
        return secondsOf([&] { runner_->forward({&chunk, 1}, logits); });
    } catch (const std::exception& error) {
        failWith(*slot.sequence, error);
    }
    logits.resize(before);
    return 0;
}

void Scheduler::failWith(Sequence& sequence, const std::exception& error) noexcept {
    try {
        sequence.finishWith(unexpected(error));
    } catch (const std::exception&) { // no memory for the words
        sequence.finishWith(no_memory_);
    }
}

// Whatever goes wrong between two calls of the model goes wrong for all: nobody knows how far it came. The thread
// lives on for those who wait.
void Scheduler::failAll(const std::exception& error) noexcept {
    for (Slot& slot : active_) {
        failWith(*slot.sequence, error);
        memory_.release(slot.promised);
    }
    active_.clear();
    snapshots_.shrinkTo(std::min(memory_.left(), snapshots_.bytes() / 2));
}

} // namespace fulgurite
