// SPDX-License-Identifier: GPL-3.0-or-later
// The values that the widgets of the Prompt page show. Plain data: whoever fills them owns the truth, the widgets
// only paint it and emit what the person wants. Probabilities travel as natural logarithms, entropy in nats.
#pragma once

#include <QDateTime>
#include <QList>
#include <QMetaType>
#include <QString>
#include <QStringList>

#include <cstdint>
#include <optional>

namespace fulgurite {

enum class TurnRole { System, User, Assistant };
enum class TurnState { Complete, Streaming, Cut };
enum class TokenChannel { Answer, Thinking, Marker }; // Marker: the tokens of <think> and </think>
enum class TintMode { Off, Probability, Surprise, Entropy };

// One candidate of a distribution.
struct TokenChoice {
    int id = 0;
    float logprob = 0;
    QString text;
};

// One generated token. `offset` counts UTF-16 units in Turn::text, or in Thinking::text for the thinking channel;
// the token covers text.size() units from there. Tokens of one channel are in rising order of offset.
struct TokenView {
    int id = 0;
    QString text; // what it added to the text: empty for markers and for the first bytes of a split character
    int offset = 0;
    float logprob = 0;       // before the samplers
    float logprob_after = 0; // after them
    int rank = 0;            // 1 is the most likely before the samplers
    float entropy = 0;       // of the distribution before the samplers
    int kept = 0;            // tokens that the samplers left to choose from
    float kept_mass = 1;     // their probability before the cut
    TokenChannel channel = TokenChannel::Answer;
    bool forced = false;       // put there by the thinking budget, not sampled
    bool scored = true;        // false: the node sent no probabilities; the token is then never tinted
    QList<TokenChoice> before; // by falling probability, at most 20
    QList<TokenChoice> after;
};

struct Thinking {
    QString text;
    int tokens = 0;
    double seconds = 0;
    bool finished = true; // false while the model still thinks
};

// One message on the current line of the conversation.
struct Turn {
    std::int64_t id = 0;
    TurnRole role = TurnRole::User;
    TurnState state = TurnState::Complete;
    QString text; // Markdown for answers, plain for users
    Thinking thinking;
    QList<TokenView> tokens; // of both channels, in the order they were made; empty for other roles
    int token_count = 0;     // as counted by the engine; 0: unknown
    int position = 0;        // tokens of the context before this turn's first
    QString model;           // assistant only
    QString sampler_summary; // "T 1.00 · top-p 0.95 · seed 7"
    double tokens_per_second = 0;
    std::optional<double> mean_surprise_bits; // unset: worked out from `tokens`
    int sibling_index = 0;                    // 0-based
    int sibling_count = 1;
    QDateTime created;
    QString note; // why it was cut, or which limit ended it; shown under the answer
};

// A token of the transcript: `index` counts in Turn::tokens.
struct TokenRef {
    std::int64_t turn = 0;
    int index = -1;
    bool valid() const { return index >= 0; }
    bool operator==(const TokenRef&) const = default;
};

// A node of the branch map. Ids are those of turns; the root has parent 0.
struct BranchNode {
    std::int64_t id = 0;
    std::int64_t parent = 0;
    QString label;
    int tokens = 0;
    bool on_path = false; // on the current line
    bool current = false; // its last node
    bool snapshot_held = false;
    // To compute before it can go on, and how long that takes; below 0: not known.
    int reentry_tokens = -1;
    double reentry_seconds = -1;
    std::optional<double> progress; // 0..1 while it prefills
    QString tooltip;
};

struct PrefillState {
    bool active = false;
    bool cancelled = false; // the strip then says what was kept and offers to go on
    std::int64_t reused = 0;
    std::int64_t done = 0; // reused included
    std::int64_t total = 0;
    double tokens_per_second = 0;
    QString reused_from; // "the snapshot after A"; may be empty
    std::int64_t turn = 0; // the answer that it is for
};

struct ContextState {
    std::int64_t tokens = 0;
    std::int64_t limit = 0;
    std::int64_t kv_bytes = 0;
    std::int64_t state_bytes = 0;
    std::int64_t free_bytes = 0;
    std::int64_t memory_limit = 0; // of the engine, for states; 0: unknown
    std::int64_t needed_bytes = 0; // what the draft would add
};

struct LogitBias {
    int id = 0;
    QString text;
    double bias = 0;
    QString model; // whose vocabulary the id is of, and who alone is given it; empty: not known, anyone is
    bool operator==(const LogitBias&) const = default;
};

struct SamplerSettings {
    double temperature = 1.0; // 0 is greedy
    double top_p = 0.95;
    int top_k = 0; // 0 is off, as for the other filters
    double min_p = 0;
    double repetition_penalty = 1.0;
    double presence_penalty = 0;
    double frequency_penalty = 0;
    std::optional<std::uint64_t> seed; // unset: a new one for each answer
    int max_tokens = 0;                // 0: as many as fit
    int thinking_budget = 0;           // 0: no limit
    int repetition_run = 3000;         // stop after this many tokens in a row above the probability; 0 is off
    double repetition_probability = 0.99;
    QStringList stop_strings;
    QList<LogitBias> logit_bias;
    bool operator==(const SamplerSettings&) const = default;
};

struct SamplerPreset {
    QString name;
    SamplerSettings settings;
    bool built_in = false;
};

// "M1, as published" (T 1.0, top-p 0.95, repetition stop 3,000 above 0.99) first, then Greedy and others.
QList<SamplerPreset> builtInSamplerPresets();

// "T 1.00 · top-p 0.95 · seed 7": what stands beside the model's name over an answer.
QString samplerSummary(const SamplerSettings& settings);

enum class SendMode { Chat, Completion };
enum class EngineReadiness { Ready, Starting, Lost, NoModel };

// Where the composer's message would go.
struct ComposerTarget {
    QString model;
    QString node;
    EngineReadiness readiness = EngineReadiness::NoModel;
    QString explanation; // tooltip: what is loading, how to reconnect
};

// A row of the conversation list, and a branch shown under the open one.
struct ConversationBranch {
    std::int64_t turn = 0;
    int parent = -1; // index of another branch in the same list, -1: the conversation itself
    QString label;
    int tokens = 0;
    bool snapshot_held = false;
    bool current = false;
};

struct ConversationRow {
    std::int64_t id = 0;
    QString title;
    QString model;
    int tokens = 0;
    QDateTime updated;
    QString folder; // empty: not in a folder
    QStringList tags;
    bool starred = false;
    bool open = false;
    QString match; // the line a search found, with the hit at match_start
    int match_start = -1;
    int match_length = 0;
    std::int64_t match_turn = 0;        // where it stands; 0: in the title
    QList<ConversationBranch> branches; // of the open conversation only
};

} // namespace fulgurite

Q_DECLARE_METATYPE(fulgurite::TokenRef)
Q_DECLARE_METATYPE(fulgurite::TokenChoice)
