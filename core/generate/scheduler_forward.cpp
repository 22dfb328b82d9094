// SPDX-License-Identifier: Apache-2.0
// The scheduler's calls of the model, timed, and what becomes of the sequences when one fails.
#include "core/generate/scheduler.h"

#include <new>

namespace fulgurite {

namespace {

// Parameters of a model that reads kMeasuredTokens in a moment.
constexpr std::int64_t kQuickModel = 100'000'000;
constexpr std::size_t kMeasuredTokens = 64;

// What no part of the program announces. Memory may run out inside an operation, whose scratch arrays nobody
// counts.
Error unexpected(const std::exception& error) {
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
        return {ErrorKind::OutOfMemory, "the machine had no memory left while the answer was computed"};
    }
    return {ErrorKind::Internal, error.what()};
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
    } catch (const Error& error) {
        const bool untouched = error.kind() == ErrorKind::InvalidInput || error.kind() == ErrorKind::OutOfMemory;
        if (untouched && slots.size() > 1) {
            // Refused before any state was touched: one alone may pass, and who does not answers for it.
            logits.clear();
            double seconds = 0;
            for (std::size_t i = 0; i < slots.size(); ++i) {
                seconds += forwardOne(*slots[i], batch[i], logits);
            }
            return seconds;
        }
        for (Slot* slot : slots) {
            slot->sequence->finishWith(error);
        }
    } catch (const std::exception& error) {
        for (Slot* slot : slots) {
            slot->sequence->finishWith(unexpected(error));
        }
    }
    return 0;
}

double Scheduler::forwardOne(Slot& slot, SequenceChunk chunk, std::vector<float>& logits) {
    const std::size_t before = logits.size();
    try {
        return secondsOf([&] { runner_->forward({&chunk, 1}, logits); });
    } catch (const Error& error) {
        slot.sequence->finishWith(error);
    } catch (const std::exception& error) {
        slot.sequence->finishWith(unexpected(error));
    }
    logits.resize(before);
    return 0;
}

} // namespace fulgurite
