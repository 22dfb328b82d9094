// SPDX-License-Identifier: Apache-2.0
// Answers of the policy under training, written by the engine itself: its scheduler, sampler and stop rules over
// the current weights.
#pragma once

#include "core/generate/request.h"
#include "core/text/tokenizer.h"
#include "core/train/train_pass.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fulgurite {

// Sequences that decode together: enough for full products, few enough that their states stay in the cache.
inline constexpr std::size_t kAnswersTogether = 256;

struct RolloutRequest {
    std::span<const TokenId> prompt;
    std::uint64_t seed = 0;
    float temperature = 1; // 0 is greedy
    int max_tokens = 0;
    RepetitionStop repetition;
};

struct RolloutAnswer {
    TokenIds tokens;              // with the token that ended it, if one did
    std::vector<float> log_probs; // of the distribution that each was drawn from; zeros when greedy
    std::string text;             // without special tokens
    FinishReason reason = FinishReason::MaxTokens;

    bool ended() const { return reason == FinishReason::EndOfSentence; }
    // For DAPO's punishment of lengths. An answer that was cut would have been longer than `limit`; one that the
    // stop on repetition ended is as long as it is: for what it says it is judged wrong already.
    std::size_t lengthToPunish(std::size_t limit) const {
        const bool cut = reason == FinishReason::MaxTokens || reason == FinishReason::ContextFull;
        return cut ? limit + 1 : tokens.size();
    }
};

// Answers in the order of the requests. They depend on weights and requests alone: all are queued before the first
// is begun. Throws Error, the first of an answer that failed.
std::vector<RolloutAnswer> writeAnswers(const TrainModel& model, const std::shared_ptr<const Tokenizer>& tokenizer,
                                        std::span<const RolloutRequest> requests,
                                        const RolloutArithmetic& arithmetic, std::size_t threads);

} // namespace fulgurite
