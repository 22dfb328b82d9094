// SPDX-License-Identifier: Apache-2.0
#include "core/node/access.h"

#include "core/base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::array<std::pair<Scope, std::string_view>, 7> kNames{{{Scope::Open, "open"},
                                                                    {Scope::Any, "any"},
                                                                    {Scope::Prompt, "prompt"},
                                                                    {Scope::Inspect, "inspect"},
                                                                    {Scope::Train, "train"},
                                                                    {Scope::Metrics, "metrics"},
                                                                    {Scope::Admin, "admin"}}};
constexpr double kSecondsOfDay = 86400;
constexpr double kMinute = 60;

} // namespace

std::string_view nameOf(Scope scope) {
    return kNames[static_cast<std::size_t>(scope)].second;
}

std::vector<std::string> ScopeSet::names() const {
    std::vector<std::string> names;
    for (const auto& [scope, name] : kNames) {
        if (scope > Scope::Any && (bits_ & bit(scope)) != 0) {
            names.emplace_back(name);
        }
    }
    return names;
}

Scope ScopeSet::parse(std::string_view name) {
    for (const auto& [scope, known] : kNames) {
        if (known == name && scope > Scope::Any) {
            return scope;
        }
    }
    fail(ErrorKind::InvalidInput, "there is no scope '{}'; there are prompt, inspect, train, metrics and admin",
         name.substr(0, 32));
}

void CallerUse::beginDay(std::int64_t day) {
    if (day != day_) {
        day_ = day;
        totals_.tokens_today = 0;
    }
}

std::optional<Refusal> CallerUse::enter(const AccessLimits& limits, Clock::time_point now,
                                        std::int64_t unix_seconds) {
    const std::lock_guard lock(mutex_);
    const auto refused = [this](std::string message, const char* code, double seconds) {
        ++totals_.refused;
        return Refusal{std::move(message), code, seconds};
    };
    beginDay(dayOf(unix_seconds));
    if (limits.tokens_per_day > 0 && totals_.tokens_today >= limits.tokens_per_day) {
        return refused(
            fmt::format("this token has used its {} tokens of today; the next day begins at midnight UTC",
                        limits.tokens_per_day),
            "daily_tokens_used", kSecondsOfDay - static_cast<double>(unix_seconds - day_ * std::int64_t{86400}));
    }
    if (limits.streams > 0 && totals_.at_once >= limits.streams) {
        return refused(fmt::format("{} requests of this token are being answered already, as many as it may have",
                                   limits.streams),
                       "too_many_requests_at_once", 1);
    }
    if (limits.requests_per_minute > 0) {
        const double rate = limits.requests_per_minute / kMinute;
        const double most = std::max(limits.requests_per_minute, 1.0);
        const double passed = std::chrono::duration<double>(now - counted_at_).count();
        allowance_ = allowance_ ? std::min(*allowance_ + passed * rate, most) : most;
        counted_at_ = now;
        if (*allowance_ < 1) {
            return refused(fmt::format("this token may send {:g} requests a minute", limits.requests_per_minute),
                           "rate_limit_exceeded", (1 - *allowance_) / rate);
        }
        *allowance_ -= 1;
    }
    ++totals_.requests;
    ++totals_.at_once;
    return std::nullopt;
}

void CallerUse::leave() {
    const std::lock_guard lock(mutex_);
    --totals_.at_once;
}

void CallerUse::spend(std::uint64_t prompt_tokens, std::uint64_t completion_tokens, std::int64_t unix_seconds) {
    const std::lock_guard lock(mutex_);
    beginDay(dayOf(unix_seconds));
    totals_.prompt_tokens += prompt_tokens;
    totals_.completion_tokens += completion_tokens;
    totals_.tokens_today += prompt_tokens + completion_tokens;
}

void CallerUse::restore(std::uint64_t tokens, std::int64_t day) {
    const std::lock_guard lock(mutex_);
    if (day_ == 0) {
        day_ = day;
        totals_.tokens_today = tokens;
    }
}

CallerUse::Totals CallerUse::totals(std::int64_t unix_seconds) const {
    const std::lock_guard lock(mutex_);
    Totals totals = totals_;
    totals.tokens_today = dayOf(unix_seconds) == day_ ? totals.tokens_today : 0;
    return totals;
}

std::int64_t unixSeconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

} // namespace fulgurite::node
