// SPDX-License-Identifier: Apache-2.0
// Sample rows for the tests of the store.
#pragma once

#include "core/store/workspace.h"

#include <cmath>
#include <string>
#include <vector>

namespace fulgurite {

inline TokenInfo sampleToken(int i, int alternatives = 4) {
    TokenInfo token;
    token.id = i % 6144;
    token.text = i % 7 == 3 ? "" : fmt::format("w{} ", i);
    token.channel = i < 2 ? StreamChannel::Thinking : StreamChannel::Answer;
    token.logprob = -0.25f * static_cast<float>(i % 9);
    token.logprob_after = -0.2f * static_cast<float>(i % 9);
    token.rank = 1 + i % 5;
    token.entropy = 1.5f;
    token.kept = 7;
    token.kept_mass = 0.95f;
    token.forced = i % 11 == 10;
    for (int k = 0; k < alternatives; ++k) {
        token.before.push_back({(i + k) % 6144, -0.5f * static_cast<float>(k), fmt::format("a{}", (i + k) % 6144)});
        if (k < 2)
            token.after.push_back(token.before.back());
    }
    if (!token.after.empty())
        token.after.back().logprob = -INFINITY;
    return token;
}

inline std::vector<TokenInfo> sampleTokens(int count, int alternatives = 4) {
    std::vector<TokenInfo> result;
    for (int i = 0; i < count; ++i)
        result.push_back(sampleToken(i, alternatives));
    return result;
}

inline NewNode userNode(ConversationId conversation, std::optional<NodeId> parent, const std::string& text) {
    NewNode node;
    node.conversation = conversation;
    node.parent = parent;
    node.content = text;
    return node;
}

inline NewNode answerNode(ConversationId conversation, NodeId parent, const std::string& text = "") {
    NewNode node = userNode(conversation, parent, text);
    node.role = MessageRole::Assistant;
    node.model = "ember";
    node.state = text.empty() ? NodeState::Streaming : NodeState::Complete;
    return node;
}

} // namespace fulgurite
