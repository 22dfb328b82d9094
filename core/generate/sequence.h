// SPDX-License-Identifier: Apache-2.0
// One generation from admission to its end: which tokens come next, what was drawn, when to stop, what the listener
// hears. Knows nothing of threads or of other sequences.
#pragma once

#include "core/base/thinking.h"
#include "core/generate/engine_options.h"
#include "core/generate/request.h"
#include "core/generate/sampler.h"
#include "core/generate/snapshot_plan.h"
#include "core/generate/stop_rules.h"
#include "core/grammar/constraint.h"
#include "core/model/hybrid_model.h"
#include "core/state/sequence_state.h"
#include "core/text/tokenizer.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace fulgurite {

// What all sequences of an engine share.
struct GenerationContext {
    std::shared_ptr<const Tokenizer> tokenizer;
    StateShape shape;
    std::size_t vocab_size = 0;
    std::size_t max_positions = 0; // prompt and answer together; never 0
    TokenIds end_of_sentence;
    TokenIds thinking_end;                     // forced at the end of a line
    TokenIds thinking_end_new_line;            // forced in the middle of one
    std::shared_ptr<grammar::SharedTrie> trie; // for constrained answers
};

class Sequence {
  public:
    Sequence(GenerationId id, GenerateRequest request, std::shared_ptr<GenerationListener> listener,
             const GenerationContext& context);

    GenerationId id() const { return id_; }
    // Prompt and answer. All but the last have been, or are to be, absorbed by the state before the next draw.
    std::span<const TokenId> tokens() const { return tokens_; }
    std::size_t promptSize() const { return request_.prompt.size(); }
    const Tenant& tenant() const { return request_.tenant; }
    // Longest prefix of a snapshot that is of use: scoring the prompt needs every logit of it, and no snapshot has
    // seen an intervention.
    std::size_t reusable() const;
    // nullptr: none.
    const Intervention* intervention() const {
        return request_.intervention.empty() ? nullptr : &request_.intervention;
    }
    // The state is what any sequence with these tokens would have: nothing has intervened so far.
    bool shareable() const { return intervention() == nullptr || state_->position() <= request_.intervention.from; }
    // Tokens to set memory aside for.
    std::size_t expectedTokens() const;

    // The state to go on from has absorbed the first tokens of the prompt.
    void begin(SequenceState state, SnapshotPlan plan);
    bool started() const { return state_.has_value(); }
    SequenceState& state() { return *state_; }
    const SequenceState& state() const { return *state_; }
    SequenceState takeState() { return std::move(*state_); } // when finished
    SnapshotPlan& plan() { return *plan_; }

    bool prefilling() const { return state_->position() + 1 < promptSize(); }
    bool finished() const { return finished_; }
    // The state may have been left half way through a forward pass.
    bool failed() const { return failed_; }

    // At most `budget` tokens of the prompt, cut where a snapshot is worth having.
    std::span<const TokenId> nextPrefill(std::size_t budget) const;
    LogitsWanted prefillLogits() const { return request_.echo_logprobs ? LogitsWanted::All : LogitsWanted::None; }
    // Logits: [count, vocab_size] when asked for, else empty.
    void prefilled(std::size_t count, std::span<const float> logits, double seconds);
    // Where the last message or an intervention begins, or the end of the prompt: worth a snapshot that lasts.
    bool atTurn() const;

    std::span<const TokenId> nextDecode() const { return tokens().last(1); }
    // What a device may look up instead of handing out all logits after nextDecode(). False where they are needed: for
    // an answer that must keep to a grammar.
    bool wish(LogitsWish& wish) const;
    // Draws the next token from the logits after nextDecode(), or from the answer to the wish. May run on any thread;
    // throws nothing.
    void sample(std::span<const float> logits) noexcept;
    void sample(const kernels::Preselected& answer) noexcept;
    // Takes the drawn token in, tells the listener, and ends when a rule says so.
    void accept();

    void finish(FinishReason reason);
    void finishWith(const Error& error);

    std::size_t generated() const { return tokens_.size() - promptSize(); }

  private:
    using Clock = std::chrono::steady_clock;

    template <class Call>
    void notify(Call&& call) noexcept;
    template <class Draw>
    void drawBy(const Draw& draw) noexcept;
    std::optional<FinishReason> stopOf(TokenId id) const;
    void beginConstraint();
    bool keepsConstraint(const TokenRecord& record);
    void describePrompt(std::size_t count, std::span<const float> logits);
    void applyThinkingBudget();
    ReportParams report() const;

    const GenerationContext& context_;
    GenerationId id_;
    GenerateRequest request_;
    std::shared_ptr<GenerationListener> listener_;
    TokenIds tokens_;
    std::size_t turn_cut_ = 0;         // 0: none
    std::size_t intervention_cut_ = 0; // 0: none
    std::optional<SequenceState> state_;
    std::optional<SnapshotPlan> plan_;

    Sampler sampler_;
    StreamDecoder decoder_;
    StopStrings stops_;
    RepetitionGuard guard_;
    ThinkingTracker tracker_;
    std::size_t earlier_thinking_ = 0; // tokens of the open section that the prompt holds
    std::deque<TokenId> forced_;
    std::string last_text_; // of the answer's last token that had any

    TokenRecord drawn_;
    std::optional<Error> error_;
    bool finished_ = false;
    bool failed_ = false;
    std::unique_ptr<grammar::ConstraintMatcher> matcher_; // nullptr: the answer is free
    GenerationSummary summary_;
    double prefill_compute_seconds_ = 0;
    Clock::time_point submitted_at_ = Clock::now();
    Clock::time_point began_at_;
    std::optional<Clock::time_point> decoding_since_;
};

} // namespace fulgurite
