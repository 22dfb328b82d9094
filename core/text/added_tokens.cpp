// SPDX-License-Identifier: Apache-2.0
#include "core/text/added_tokens.h"

namespace fulgurite {

void AddedTokenMatcher::add(std::string_view content, TokenId id) {
    begins_[static_cast<unsigned char>(content[0])] = true;
    std::uint32_t node = 0;
    for (const char c : content) {
        const std::uint64_t edge = std::uint64_t{node} << 8 | static_cast<unsigned char>(c);
        node = edges_.try_emplace(edge, static_cast<std::uint32_t>(edges_.size() + 1)).first->second;
    }
    tokens_[node] = id;
}

AddedTokenMatcher::Match AddedTokenMatcher::find(std::string_view text, std::size_t from) const {
    for (std::size_t at = from; at < text.size(); ++at) {
        if (begins_[static_cast<unsigned char>(text[at])]) {
            const Match match = longestAt(text, at);
            if (match.begin != std::string_view::npos) {
                return match;
            }
        }
    }
    return {};
}

AddedTokenMatcher::Match AddedTokenMatcher::longestAt(std::string_view text, std::size_t at) const {
    Match longest;
    std::uint32_t node = 0;
    for (std::size_t i = at; i < text.size(); ++i) {
        const auto edge = edges_.find(std::uint64_t{node} << 8 | static_cast<unsigned char>(text[i]));
        if (edge == edges_.end()) {
            break;
        }
        node = edge->second;
        if (const auto token = tokens_.find(node); token != tokens_.end()) {
            longest = {at, i + 1 - at, token->second};
        }
    }
    return longest;
}

} // namespace fulgurite
