// SPDX-License-Identifier: Apache-2.0
// What a caller asks of the engine and what it hears back: plain data, no behaviour.
#pragma once

#include "core/base/error.h"
#include "core/base/intervention.h"
#include "core/base/types.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::grammar {
class Constraint; // core/grammar/constraint.h
}

namespace fulgurite {

// Order of the steps: logit bias, penalties, (greedy stops here) temperature, top-k, top-p, min-p.
struct SamplerParams {
    float temperature = 1.0f; // 0 is greedy
    int top_k = 0;            // 0 is off
    float top_p = 1.0f;
    float min_p = 0.0f;
    float repetition_penalty = 1.0f; // divides positive and multiplies negative logits of seen tokens
    float presence_penalty = 0.0f;
    float frequency_penalty = 0.0f;
    std::map<TokenId, float> logit_bias = {};
    std::uint64_t seed = 0;
};

// Stops after `run` consecutive tokens that were each sampled with probability above `probability`: the guard of
// the MiniMax-M1 report (3,000 tokens above 0.99) against repetition loops. 0 is off.
struct RepetitionStop {
    int run = 0;
    float probability = 0.99f;
};

struct StopParams {
    int max_tokens = 0;      // new tokens; 0 means as many as memory and the model's limit allow
    int thinking_budget = 0; // tokens inside <think>; at the limit the end of thinking is forced. 0 is off
    std::vector<std::string> strings = {};
    TokenIds token_ids = {}; // besides the model's end of sentence
    bool ignore_eos = false;
    RepetitionStop repetition = {};
};

// Who asks. Tenants take turns, and none sees the snapshots of another.
struct Tenant {
    std::string name;
    double memory_share = 1; // of the memory for states, at most
};

struct GenerateRequest {
    TokenIds prompt;
    SamplerParams sampler;
    StopParams stop;
    int alternatives = 0;      // best tokens reported with each token, before and after the samplers; at most 20
    bool report_tokens = true; // log-probability, rank and entropy of each token
    Intervention intervention; // checked against the model by submit(); empty: none
    std::shared_ptr<grammar::Constraint> constraint = nullptr; // what the answer may be; may be shared by many
    bool echo_logprobs = false; // score the prompt's tokens too: they reach onPromptToken
    Tenant tenant = {};
};

struct Alternative {
    TokenId id = 0;
    float logprob = 0; // natural logarithm
};

// One generated token, with the distribution it came from. "Before" is the softmax of the raw logits; "after" is
// what remained to be sampled from.
struct TokenRecord {
    TokenId id = 0;
    float logprob = 0;               // before the samplers
    float logprob_after = 0;         // after them; 0 when greedy
    int rank = 0;                    // 1 is the most likely before the samplers
    float entropy = 0;               // of the distribution before the samplers, in nats
    int kept = 0;                    // tokens the samplers left
    float kept_mass = 1;             // their probability before the cut, after temperature
    bool forced = false;             // put there by the thinking budget, not sampled
    std::vector<Alternative> before; // by falling probability
    std::vector<Alternative> after;
};

struct PrefillProgress {
    std::size_t reused = 0; // tokens taken from a snapshot
    std::size_t done = 0;   // reused included
    std::size_t total = 0;
    double tokens_per_second = 0; // of what was computed
};

enum class FinishReason { EndOfSentence, StopToken, StopString, MaxTokens, Repetition, ContextFull, Cancelled };

struct GenerationSummary {
    FinishReason reason = FinishReason::EndOfSentence;
    std::string stop_string; // the one that matched
    std::size_t prompt_tokens = 0;
    std::size_t reused_tokens = 0;
    std::size_t completion_tokens = 0;
    std::size_t thinking_tokens = 0;
    double queue_seconds = 0;
    double prefill_seconds = 0;
    double decode_seconds = 0;
};

// Hears about one generation. Called on the engine's thread, in order, never after onFinish or onError; must return
// quickly and must not call back into the engine except cancel().
class GenerationListener {
  public:
    virtual ~GenerationListener() = default;
    virtual void onPrefill(const PrefillProgress&) {}
    // With `echo_logprobs`: each token of the prompt in order, before the first onToken. The first one has nothing
    // before it: rank 0 and no alternatives.
    virtual void onPromptToken(const TokenRecord&) {}
    // `text`: the whole UTF-8 characters that this token completed, possibly none; text that may be the beginning
    // of a stop string is held back. Special tokens have no text.
    virtual void onToken(const TokenRecord& token, const std::string& text) = 0;
    // `rest`: text that was held back and turned out not to be part of a stop string.
    virtual void onFinish(const GenerationSummary& summary, const std::string& rest) = 0;
    virtual void onError(const Error& error) = 0;
};

} // namespace fulgurite
