// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/token_trie.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fulgurite::grammar {

namespace {

// Longer ones would only ever be drawn by accident, and a step has 16 bits for its depth.
constexpr std::size_t kLongestToken = std::numeric_limits<std::uint16_t>::max();

} // namespace

TokenTrie::TokenTrie(std::size_t count, const std::function<std::string_view(TokenId)>& bytes_of, TokenIds ends)
    : ends_(std::move(ends)), count_(count) {
    std::vector<std::pair<std::string_view, TokenId>> words;
    for (std::size_t id = 0; id < count; ++id) {
        const std::string_view bytes = bytes_of(static_cast<TokenId>(id));
        if (!bytes.empty() && bytes.size() <= kLongestToken) {
            words.emplace_back(bytes, static_cast<TokenId>(id));
            depth_ = std::max(depth_, bytes.size());
        }
    }
    std::sort(words.begin(), words.end());
    std::vector<std::uint32_t> open; // the steps that spell the word before
    const auto close = [&](std::size_t depth) {
        for (; open.size() > depth; open.pop_back()) {
            steps_[open.back()].next = static_cast<std::uint32_t>(steps_.size());
        }
    };
    std::string_view before;
    for (const auto& [word, id] : words) {
        const auto common = static_cast<std::size_t>(
            std::mismatch(word.begin(), word.end(), before.begin(), before.end()).first - word.begin());
        close(common);
        for (std::size_t i = common; i < word.size(); ++i) {
            open.push_back(static_cast<std::uint32_t>(steps_.size()));
            steps_.push_back({static_cast<std::uint8_t>(word[i]), static_cast<std::uint16_t>(i), 0,
                              static_cast<std::uint32_t>(tokens_.size())});
        }
        tokens_.push_back(id);
        before = word;
    }
    close(0);
    const auto last = static_cast<std::uint32_t>(steps_.size());
    steps_.push_back({0, 0, last, static_cast<std::uint32_t>(tokens_.size())});
}

std::shared_ptr<const TokenTrie> SharedTrie::get() {
    std::call_once(once_, [this] { trie_ = make_(); });
    return trie_;
}

std::span<const TokenId> TokenTrie::tokensAt(std::size_t step) const {
    const std::uint32_t first = steps_[step].first_token;
    return std::span(tokens_).subspan(first, steps_[step + 1].first_token - first);
}

} // namespace fulgurite::grammar
