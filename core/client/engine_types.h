// SPDX-License-Identifier: Apache-2.0
// What a node says and what it is asked, as docs/protocol.md has it: plain data.
#pragma once

#include "core/base/error.h"
#include "core/base/intervention.h"
#include "core/base/sampling_defaults.h"
#include "core/base/token_info.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace fulgurite::client {

struct ModelInfo {
    std::string id;
    std::string path;
    std::string architecture;
    std::string dtype;
    std::uint64_t parameters = 0;
    std::uint64_t weight_bytes = 0;
    std::vector<std::string> layers; // "lightning" or "softmax"
    std::size_t hidden_size = 0;
    std::size_t heads = 0;
    std::size_t kv_heads = 0;
    std::size_t head_dim = 0;
    std::size_t experts = 0;
    std::size_t top_k = 0;
    std::size_t vocab_size = 0;
    std::size_t max_positions = 0;
    SamplingDefaults sampling;
};

struct EngineInfo {
    int protocol = 1;
    std::string engine_version;
    ModelInfo model;
    std::uint64_t memory_limit = 0; // bytes for states; 0: not said
    std::uint64_t kv_bytes_per_token = 0;
    std::uint64_t state_bytes = 0; // of the lightning layers, fixed for each sequence
    std::size_t cores = 0;
    std::string simd;
    std::uint64_t machine_memory = 0;
    std::set<std::string> capabilities;

    bool can(const std::string& capability) const { return capabilities.contains(capability); }
};

struct EngineLoad {
    std::size_t active = 0;
    std::size_t queued = 0;
    std::uint64_t state_bytes = 0;
    std::uint64_t snapshot_bytes = 0;
    std::size_t snapshot_count = 0;
    std::uint64_t memory_limit = 0;
    double prefill_tokens_per_second = 0;
    double decode_tokens_per_second = 0;
    std::uint64_t prompt_tokens_total = 0;
    std::uint64_t reused_tokens_total = 0;
    std::uint64_t completion_tokens_total = 0;
    double uptime_seconds = 0;
};

enum class HealthState { Loading, Ready, Failed };

struct Health {
    HealthState state = HealthState::Loading;
    std::string message;
};

struct ChatMessage {
    std::string role;
    std::string content;
    TokenIds tokens; // the ids that were sampled, thinking included; empty: the content is encoded again
};

struct Sampling {
    double temperature = 1.0;
    int top_k = 0;
    double top_p = 1.0;
    double min_p = 0;
    double repetition_penalty = 1.0;
    double presence_penalty = 0;
    double frequency_penalty = 0;
    std::map<TokenId, double> logit_bias;
    std::uint64_t seed = 0;
};

struct Stopping {
    int max_tokens = 0;
    int thinking_budget = 0;
    std::vector<std::string> strings;
    TokenIds token_ids;
    bool ignore_eos = false;
    int repetition_run = 0;
    double repetition_probability = 0.99;
};

// A conversation, a text or tokens to go on from.
struct RawText {
    std::string text;
};
using Prompt = std::variant<std::vector<ChatMessage>, RawText, TokenIds>;

struct GenerateRequest {
    Prompt prompt;
    TokenIds continue_tokens; // of the answer so far
    Sampling sampling;
    Stopping stopping;
    InterventionRecipe intervention; // empty: none
    int alternatives = 0;
};

struct StreamStart {
    std::string id;
    std::size_t prompt_tokens = 0;
    // Of what is continued: the length of its text in bytes, and how that ends.
    std::optional<std::size_t> text_bytes;
    std::string text_end;
};

struct StreamPrefill {
    std::size_t reused = 0;
    std::size_t done = 0; // reused included
    std::size_t total = 0;
    double tokens_per_second = 0;
};

struct StreamDone {
    std::string reason; // "end_of_sentence", "max_tokens", ...
    std::string stop_string;
    std::string rest; // text held back that turned out to be no stop string
    std::size_t prompt_tokens = 0;
    std::size_t reused_tokens = 0;
    std::size_t completion_tokens = 0;
    std::size_t thinking_tokens = 0;
    double queue_seconds = 0;
    double prefill_seconds = 0;
    double decode_seconds = 0;
};

// What a server said in place of an answer, before it wrote anything.
struct Refusal {
    int status = 0;           // of HTTP, 400 and above
    double retry_seconds = 0; // after which it may be asked again; 0: not said
};

struct ReentryCost {
    std::size_t tokens = 0;
    std::size_t reused = 0;
    double seconds = 0;
};

struct Tokenization {
    TokenIds tokens;
    std::size_t count = 0;
    std::vector<std::string> pieces; // where asked for
};

// A value, or why there is none.
template <class T>
class Outcome {
  public:
    Outcome(T value) : content_(std::move(value)) {}
    Outcome(Error error) : content_(std::move(error)) {}

    bool ok() const { return std::holds_alternative<T>(content_); }
    const T& value() const { return std::get<T>(content_); }
    const Error& error() const { return std::get<Error>(content_); }

  private:
    std::variant<T, Error> content_;
};

} // namespace fulgurite::client
