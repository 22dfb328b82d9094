// SPDX-License-Identifier: Apache-2.0
// Who may do what, and how much of it: scopes, limits, and a caller with what it has used so far.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

// What a route asks of whoever calls it. Tokens carry the last five; Admin has them all.
enum class Scope : std::uint8_t {
    Open,    // nothing, not even a token
    Any,     // a token, whatever it is for
    Prompt,  // generating, embedding, tokenizing
    Inspect, // captures and comparisons, collections, image libraries
    Train,   // runs and jobs
    Metrics, // GET /metrics
    Admin,   // the node itself, and what belongs to others
};

std::string_view nameOf(Scope scope); // "prompt"

class ScopeSet {
  public:
    ScopeSet() = default;
    ScopeSet(std::initializer_list<Scope> scopes) {
        for (const Scope scope : scopes) {
            add(scope);
        }
    }

    void add(Scope scope) { bits_ |= bit(scope); }
    // True for Open and Any too.
    bool has(Scope scope) const { return scope <= Scope::Any || (bits_ & (bit(scope) | bit(Scope::Admin))) != 0; }
    std::vector<std::string> names() const; // as they were given
    // Throws Error{InvalidInput} that lists the scopes there are.
    static Scope parse(std::string_view name);

  private:
    static std::uint8_t bit(Scope scope) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(scope)); }
    std::uint8_t bits_ = 0;
};

// 0 is no limit.
struct AccessLimits {
    double requests_per_minute = 0;   // of those that do work; bursts of as many
    std::size_t streams = 0;          // requests that are being answered at once
    std::uint64_t tokens_per_day = 0; // of prompts and answers, from midnight to midnight UTC
    double memory_share = 1;          // of the memory for states, at most
};

// Why a request has to wait.
struct Refusal {
    std::string message;
    std::string code; // "rate_limit_exceeded", "too_many_requests_at_once", "daily_tokens_used"
    double retry_seconds = 1;
};

// What one name has used. Shared by the callers of one name over reloads of the list. Thread-safe.
class CallerUse {
  public:
    using Clock = std::chrono::steady_clock;

    struct Totals {
        std::uint64_t requests = 0;
        std::uint64_t refused = 0;
        std::uint64_t prompt_tokens = 0;
        std::uint64_t completion_tokens = 0;
        std::uint64_t tokens_today = 0;
        std::size_t at_once = 0;
    };

    // Counts one more request, or says why not; each success wants one leave().
    std::optional<Refusal> enter(const AccessLimits& limits, Clock::time_point now, std::int64_t unix_seconds);
    void leave();
    void spend(std::uint64_t prompt_tokens, std::uint64_t completion_tokens, std::int64_t unix_seconds);
    // What was used before this process began.
    void restore(std::uint64_t tokens, std::int64_t day);
    Totals totals(std::int64_t unix_seconds) const;

    static std::int64_t dayOf(std::int64_t unix_seconds) { return unix_seconds / 86400; }

  private:
    void beginDay(std::int64_t day);

    mutable std::mutex mutex_;
    std::optional<double> allowance_; // requests that may still come at once
    Clock::time_point counted_at_;
    std::int64_t day_ = 0;
    Totals totals_;
};

// Immutable but for its use.
struct Caller {
    std::string name;
    std::string owner; // whose things it makes and sees; empty: the node's own
    ScopeSet scopes;
    AccessLimits limits;
    std::shared_ptr<CallerUse> use;

    bool has(Scope scope) const { return scopes.has(scope); }
};

std::int64_t unixSeconds(); // now

} // namespace fulgurite::node
