// SPDX-License-Identifier: Apache-2.0
#include "core/generate/sequence.h"

#include "core/generate/prompt_thinking.h"
#include "core/generate/unexpected.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fulgurite {

namespace {

// Memory is set aside for this much of an answer; a longer one takes what is free when it gets there.
constexpr std::size_t kExpectedAnswer = 1024;
// Logits of a scored prompt are held for one chunk at a time.
constexpr std::size_t kMaxLogitFloats = std::size_t{16} << 20;
// Tokens that may hold the beginning of a character that the answer completes.
constexpr std::size_t kMaxCharacterTokens = 3;

double secondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

// Ids from there on are padding rows of the vocabulary.
std::size_t knownIds(const GenerationContext& context) {
    return std::min(context.tokenizer->size(), context.vocab_size);
}

// Where the last message begins. A chat prompt ends with the frame of the person's message and the opening of the
// model's: begin, end, begin. So the message begins at the third special token from the end. 0: no such place, or
// so near the start that it is not worth a pass of its own.
std::size_t lastMessage(std::span<const TokenId> prompt, const Tokenizer& tokenizer) {
    int found = 0;
    for (std::size_t i = prompt.size(); i-- > kPageTokens;) {
        if (tokenizer.isSpecial(prompt[i]) && ++found == 3) {
            return i;
        }
    }
    return 0;
}

} // namespace

Sequence::Sequence(GenerationId id, GenerateRequest request, std::shared_ptr<GenerationListener> listener,
                   const GenerationContext& context)
    : context_(context),
      id_(id),
      request_(std::move(request)),
      listener_(std::move(listener)),
      tokens_(request_.prompt),
      turn_cut_(lastMessage(tokens_, *context.tokenizer)),
      intervention_cut_(request_.intervention.empty() ? 0 : request_.intervention.from),
      sampler_(request_.sampler, knownIds(context)),
      decoder_(context.tokenizer),
      stops_(request_.stop.strings),
      guard_(request_.stop.repetition) {
    sampler_.observePrompt(tokens_);
    PromptThinking thinking = thinkingAtEnd(tokens_, *context.tokenizer);
    tracker_ = ThinkingTracker(std::move(thinking.splitter));
    earlier_thinking_ = thinking.tokens;
    // A character that the prompt began is the answer's to complete.
    for (const TokenId token : std::span(tokens_).last(std::min(tokens_.size(), kMaxCharacterTokens))) {
        decoder_.push(token);
    }
    summary_.prompt_tokens = promptSize();
    if (request_.constraint != nullptr) {
        beginConstraint();
    }
}

// A prompt may have begun the thoughts already.
void Sequence::beginConstraint() {
    matcher_ = std::make_unique<grammar::ConstraintMatcher>(request_.constraint, context_.trie->get());
    if (tracker_.thinking() && !matcher_->advance(kThinkingBegin)) {
        fail(ErrorKind::InvalidInput, "the prompt has begun to think, and the constraint leaves no room for it");
    }
}

std::size_t Sequence::reusable() const {
    if (request_.echo_logprobs) {
        return 0;
    }
    const std::size_t all = promptSize() - 1;
    return intervention() == nullptr ? all : std::min(all, request_.intervention.from);
}

bool Sequence::atTurn() const {
    const std::size_t position = state_->position();
    return position == turn_cut_ || position == intervention_cut_ || position + 1 == promptSize();
}

std::size_t Sequence::expectedTokens() const {
    const auto wanted = static_cast<std::size_t>(request_.stop.max_tokens);
    const std::size_t answer = wanted == 0 ? kExpectedAnswer : std::min(wanted, kExpectedAnswer);
    return std::min(promptSize() + answer, context_.max_positions);
}

ReportParams Sequence::report() const {
    return {request_.report_tokens || request_.stop.repetition.run > 0, request_.alternatives};
}

// Exceptions of a listener are its own affair: it hears nothing more, everybody else goes on.
template <class Call>
void Sequence::notify(Call&& call) noexcept {
    if (!listener_) {
        return;
    }
    try {
        call(*listener_);
    } catch (...) {
        listener_.reset();
        finished_ = true;
    }
}

void Sequence::begin(SequenceState state, SnapshotPlan plan) {
    state_.emplace(std::move(state));
    plan_.emplace(plan);
    plan_->start(state_->position());
    began_at_ = Clock::now();
    summary_.queue_seconds = secondsBetween(submitted_at_, began_at_);
    summary_.reused_tokens = state_->position();
    const PrefillProgress progress{state_->position(), state_->position(), promptSize(), 0};
    notify([&](GenerationListener& listener) { listener.onPrefill(progress); });
    if (request_.echo_logprobs) {
        TokenRecord first;
        first.id = tokens_.front();
        notify([&](GenerationListener& listener) { listener.onPromptToken(first); });
    }
}

std::span<const TokenId> Sequence::nextPrefill(std::size_t budget) const {
    if (request_.echo_logprobs) {
        budget = std::clamp<std::size_t>(kMaxLogitFloats / context_.vocab_size, 1, budget);
    }
    const std::size_t begin = state_->position();
    std::size_t end = std::min(begin + budget, promptSize() - 1);
    for (const std::size_t cut : {turn_cut_, intervention_cut_}) {
        if (begin < cut && cut < end) {
            end = cut;
        }
    }
    return tokens().subspan(begin, end - begin);
}

void Sequence::prefilled(std::size_t count, std::span<const float> logits, double seconds) {
    prefill_compute_seconds_ += seconds;
    try {
        describePrompt(count, logits);
    } catch (const Error& error) {
        finishWith(error);
        return;
    }
    const std::size_t reused = summary_.reused_tokens;
    const std::size_t computed = state_->position() - reused;
    PrefillProgress progress{reused, state_->position(), promptSize(), 0};
    progress.done += prefilling() ? 0 : 1; // the last one is absorbed with the first draw
    if (prefill_compute_seconds_ > 0) {
        progress.tokens_per_second = static_cast<double>(computed) / prefill_compute_seconds_;
    }
    notify([&](GenerationListener& listener) { listener.onPrefill(progress); });
}

void Sequence::describePrompt(std::size_t count, std::span<const float> logits) {
    if (logits.empty()) {
        return;
    }
    const std::size_t first = state_->position() - count + 1; // row r speaks of token first + r
    for (std::size_t row = 0; row < count; ++row) {
        const TokenRecord record =
            sampler_.describe(tokens_[first + row], logits.subspan(row * context_.vocab_size, context_.vocab_size),
                              {true, request_.alternatives});
        notify([&](GenerationListener& listener) { listener.onPromptToken(record); });
    }
}

bool Sequence::wish(LogitsWish& wish) const {
    if (matcher_ != nullptr) {
        return false;
    }
    wish.changes.clear();
    wish.known = knownIds(context_);
    wish.row = forced_.empty() ? sampler_.wish(tokens_.size(), report(), wish.changes)
                               : Sampler::wishFor(forced_.front(), report());
    return true;
}

template <class Draw>
void Sequence::drawBy(const Draw& draw) noexcept {
    if (!decoding_since_) {
        decoding_since_ = Clock::now();
    }
    try {
        drawn_ = draw();
    } catch (const std::exception& error) {
        error_ = unexpected(error);
    }
}

void Sequence::sample(std::span<const float> logits) noexcept {
    drawBy([&] {
        if (!forced_.empty()) {
            return sampler_.force(forced_.front(), logits, report());
        }
        const auto allowed = matcher_ ? matcher_->mask() : nullptr;
        if (allowed != nullptr && allowed->count == 0) {
            fail(ErrorKind::Unsupported, "no token of the vocabulary can go on with the constrained answer");
        }
        return sampler_.sample(logits, tokens_.size(), report(), allowed.get());
    });
}

void Sequence::sample(const kernels::Preselected& answer) noexcept {
    drawBy([&] {
        return forced_.empty() ? sampler_.sample(answer, tokens_.size(), report())
                               : sampler_.force(forced_.front(), answer, report());
    });
}

std::optional<FinishReason> Sequence::stopOf(TokenId id) const {
    const auto contains = [id](const TokenIds& ids) { return std::find(ids.begin(), ids.end(), id) != ids.end(); };
    if ((!request_.stop.ignore_eos || matcher_ != nullptr) && contains(context_.end_of_sentence)) {
        return FinishReason::EndOfSentence;
    }
    if (contains(request_.stop.token_ids)) {
        return FinishReason::StopToken;
    }
    return std::nullopt;
}

void Sequence::accept() {
    if (error_) {
        finishWith(*error_);
        return;
    }
    const TokenRecord record = std::move(drawn_);
    tokens_.push_back(record.id);
    if (record.forced) {
        forced_.pop_front();
    }
    std::optional<FinishReason> reason = stopOf(record.id);
    if (!reason && !keepsConstraint(record)) {
        finishWith(Error(ErrorKind::Internal, "a token left the constraint of its answer"));
        return;
    }
    StopStrings::Result shown;
    if (!reason) { // a token that ends the answer is no part of its text
        const std::string text = decoder_.push(record.id);
        tracker_.push(text);
        shown = stops_.push(text);
        last_text_ = text.empty() ? std::move(last_text_) : text;
    }
    const bool repeats = !record.forced && guard_.push(std::exp(static_cast<double>(record.logprob)));
    notify([&](GenerationListener& listener) { listener.onToken(record, shown.text); });
    const auto max_tokens = static_cast<std::size_t>(request_.stop.max_tokens);
    if (shown.matched) {
        reason = FinishReason::StopString;
        summary_.stop_string = stops_.string(*shown.matched);
    } else if (!reason && repeats) {
        reason = FinishReason::Repetition;
    } else if (!reason && matcher_ != nullptr && matcher_->complete()) {
        reason = FinishReason::EndOfSentence; // nothing else could follow
    } else if (!reason && max_tokens > 0 && generated() >= max_tokens) {
        reason = FinishReason::MaxTokens;
    } else if (!reason && tokens_.size() >= context_.max_positions) {
        reason = FinishReason::ContextFull;
    }
    if (reason) {
        finish(*reason);
    } else {
        applyThinkingBudget();
    }
}

bool Sequence::keepsConstraint(const TokenRecord& record) {
    return matcher_ == nullptr || matcher_->advance(context_.tokenizer->bytesOf(record.id));
}

// Not while a marker may be under way: the model is about to end its thinking by itself.
void Sequence::applyThinkingBudget() {
    const auto budget = static_cast<std::size_t>(request_.stop.thinking_budget);
    if (budget == 0 || !forced_.empty() || !tracker_.thinking() || tracker_.undecided() ||
        tracker_.thinkingTokens() + earlier_thinking_ < budget) {
        return;
    }
    const bool new_line = last_text_.ends_with('\n');
    const TokenIds& end = new_line ? context_.thinking_end_new_line : context_.thinking_end;
    forced_.assign(end.begin(), end.end());
}

void Sequence::finish(FinishReason reason) {
    if (finished_) {
        return;
    }
    // Before the rest: for want of memory the answer may yet end with an error.
    const std::string rest = reason == FinishReason::StopString ? std::string() : stops_.flush() + decoder_.flush();
    tracker_.finish();
    finished_ = true;
    const Clock::time_point now = Clock::now();
    summary_.reason = reason;
    summary_.completion_tokens = generated();
    summary_.thinking_tokens = tracker_.thinkingTokens();
    if (state_) {
        summary_.prefill_seconds = secondsBetween(began_at_, decoding_since_.value_or(now));
        summary_.decode_seconds = secondsBetween(decoding_since_.value_or(now), now);
    } else {
        summary_.queue_seconds = secondsBetween(submitted_at_, now);
    }
    notify([&](GenerationListener& listener) { listener.onFinish(summary_, rest); });
    listener_.reset();
}

void Sequence::finishWith(const Error& error) {
    if (finished_) {
        return;
    }
    finished_ = true;
    failed_ = true;
    notify([&](GenerationListener& listener) { listener.onError(error); });
    listener_.reset();
}

} // namespace fulgurite
