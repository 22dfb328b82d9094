// SPDX-License-Identifier: Apache-2.0
#include "core/base/token_json.h"

#include <cmath>
#include <limits>

namespace fulgurite {

namespace {

nlohmann::json finiteOrNull(float value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

nlohmann::json candidatesToJson(const std::vector<Candidate>& candidates) {
    nlohmann::json rows = nlohmann::json::array();
    for (const Candidate& each : candidates) {
        rows.push_back({each.id, finiteOrNull(each.logprob), each.text});
    }
    return rows;
}

TokenId idOf(const JsonField& field) {
    return static_cast<TokenId>(field.integer(0, std::numeric_limits<TokenId>::max()));
}

float realOf(const JsonField& field) {
    return static_cast<float>(field.number());
}

std::vector<Candidate> candidatesOf(const JsonField& field, const char* key) {
    if (!field.has(key)) {
        return {};
    }
    const JsonField list = field.at(key);
    std::vector<Candidate> candidates(list.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const JsonField entry = list.at(i);
        candidates[i] = {idOf(entry.at(0)), realOf(entry.at(1)), entry.at(2).string()};
    }
    return candidates;
}

StreamChannel channelOf(const JsonField& field) {
    for (const StreamChannel channel : {StreamChannel::Answer, StreamChannel::Thinking, StreamChannel::Marker}) {
        if (field.string() == nameOf(channel)) {
            return channel;
        }
    }
    field.refuse(fmt::format("\"{}\" is none of answer, thinking, marker", field.string()));
}

} // namespace

const char* nameOf(StreamChannel channel) {
    switch (channel) {
    case StreamChannel::Thinking:
        return "thinking";
    case StreamChannel::Marker:
        return "marker";
    case StreamChannel::Answer:
        break;
    }
    return "answer";
}

nlohmann::json tokenToJson(const TokenInfo& token) {
    return {{"id", token.id},
            {"text", token.text},
            {"channel", nameOf(token.channel)},
            {"logprob", finiteOrNull(token.logprob)},
            {"logprob_after", finiteOrNull(token.logprob_after)},
            {"rank", token.rank},
            {"entropy", finiteOrNull(token.entropy)},
            {"kept", token.kept},
            {"kept_mass", finiteOrNull(token.kept_mass)},
            {"forced", token.forced},
            {"before", candidatesToJson(token.before)},
            {"after", candidatesToJson(token.after)}};
}

TokenInfo tokenFromJson(const JsonField& field) {
    constexpr int kMost = std::numeric_limits<int>::max();
    TokenInfo token;
    token.id = idOf(field.at("id"));
    token.text = field.at("text").string();
    token.channel = channelOf(field.at("channel"));
    token.logprob = realOf(field.at("logprob"));
    token.logprob_after = realOf(field.at("logprob_after"));
    token.rank = static_cast<int>(field.at("rank").integer(0, kMost));
    token.entropy = realOf(field.at("entropy"));
    token.kept = static_cast<int>(field.at("kept").integer(0, kMost));
    token.kept_mass = realOf(field.at("kept_mass"));
    token.forced = field.boolean("forced", false);
    token.before = candidatesOf(field, "before");
    token.after = candidatesOf(field, "after");
    return token;
}

} // namespace fulgurite
