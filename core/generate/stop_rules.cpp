// SPDX-License-Identifier: Apache-2.0
#include "core/generate/stop_rules.h"

#include "core/base/error.h"

#include <algorithm>
#include <utility>

namespace fulgurite {

namespace {

constexpr std::size_t kMaxStrings = 64;
constexpr std::size_t kMaxStringBytes = 4096;

void requireNotNegative(std::string_view field, int value) {
    if (value < 0) {
        fail(ErrorKind::InvalidInput, "{} is {}; it must be 0 (off) or more", field, value);
    }
}

// A string that began inside a character could cut a character in two when it matches.
bool beginsWithCharacter(const std::string& text) {
    return (static_cast<unsigned char>(text.front()) & 0xc0u) != 0x80u;
}

} // namespace

void validate(const StopParams& params, std::size_t vocab_size) {
    requireNotNegative("max_tokens", params.max_tokens);
    requireNotNegative("thinking_budget", params.thinking_budget);
    requireNotNegative("repetition.run", params.repetition.run);
    if (!(params.repetition.probability > 0.0f && params.repetition.probability <= 1.0f)) {
        fail(ErrorKind::InvalidInput, "repetition.probability is {}; it must lie between 0 and 1",
             params.repetition.probability);
    }
    if (params.strings.size() > kMaxStrings) {
        fail(ErrorKind::InvalidInput, "stop has {} strings; at most {} are allowed", params.strings.size(),
             kMaxStrings);
    }
    for (const std::string& text : params.strings) {
        if (text.empty() || text.size() > kMaxStringBytes || !beginsWithCharacter(text)) {
            fail(ErrorKind::InvalidInput, "stop has a string of {} bytes; it needs 1 to {} bytes of UTF-8",
                 text.size(), kMaxStringBytes);
        }
    }
    for (const TokenId id : params.token_ids) {
        if (id < 0 || static_cast<std::size_t>(id) >= vocab_size) {
            fail(ErrorKind::InvalidInput, "stop names token {}; the vocabulary ends at {}", id, vocab_size - 1);
        }
    }
}

StopStrings::Result StopStrings::push(std::string_view text) {
    if (strings_.empty()) {
        return {std::string(text), std::nullopt};
    }
    held_ += text;
    std::size_t begin = 0;
    if (const auto matched = firstMatch(begin)) {
        held_.resize(begin);
        return {std::exchange(held_, {}), matched};
    }
    const std::size_t safe = held_.size() - possibleBeginning();
    std::string out = held_.substr(0, safe);
    held_.erase(0, safe);
    return {std::move(out), std::nullopt};
}

// The match that ends first, as if the text had come one byte at a time; of those, the longest.
std::optional<std::size_t> StopStrings::firstMatch(std::size_t& begin) const {
    std::optional<std::size_t> best;
    std::size_t best_end = 0;
    for (std::size_t i = 0; i < strings_.size(); ++i) {
        const std::size_t at = held_.find(strings_[i]);
        if (at == std::string::npos) {
            continue;
        }
        const std::size_t end = at + strings_[i].size();
        if (!best || end < best_end || (end == best_end && at < begin)) {
            best = i;
            best_end = end;
            begin = at;
        }
    }
    return best;
}

// Length of the longest end of the held text that is a proper beginning of a stop string.
std::size_t StopStrings::possibleBeginning() const {
    std::size_t longest = 0;
    for (const std::string& text : strings_) {
        for (std::size_t length = std::min(held_.size(), text.size() - 1); length > longest; --length) {
            if (held_.compare(held_.size() - length, length, text, 0, length) == 0) {
                longest = length;
            }
        }
    }
    return longest;
}

std::string StopStrings::flush() {
    return std::exchange(held_, {});
}

bool RepetitionGuard::push(double probability) {
    if (params_.run == 0) {
        return false;
    }
    run_ = probability > static_cast<double>(params_.probability) ? run_ + 1 : 0;
    return run_ >= params_.run;
}

} // namespace fulgurite
