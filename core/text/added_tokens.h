// SPDX-License-Identifier: Apache-2.0
// Finds the tokens that stand outside the vocabulary's merges, such as "<end_of_sentence>", in running text.
#pragma once

#include "core/base/types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fulgurite {

struct AddedToken {
    TokenId id = 0;
    std::string content;
    bool special = false;
    bool normalized = false; // matched after normalisation instead of before
};

// A trie over the contents; at each place the longest match wins. Immutable once filled.
class AddedTokenMatcher {
  public:
    void add(std::string_view content, TokenId id);

    struct Match {
        std::size_t begin = std::string_view::npos; // npos: none
        std::size_t length = 0;
        TokenId id = 0;
    };
    // The first match at or after `from`.
    Match find(std::string_view text, std::size_t from) const;
    bool empty() const { return tokens_.empty(); }

  private:
    Match longestAt(std::string_view text, std::size_t at) const;

    std::array<bool, 256> begins_{};                         // bytes that a content may begin with
    std::unordered_map<std::uint64_t, std::uint32_t> edges_; // node * 256 + byte -> node; the root is 0
    std::unordered_map<std::uint32_t, TokenId> tokens_;      // node -> token that ends there
};

// Calls onToken(id) for each added token in `text` and onText(part) for what stands between them.
template <class OnToken, class OnText>
void cutAround(const AddedTokenMatcher& matcher, std::string_view text, OnToken onToken, OnText onText) {
    std::size_t done = 0;
    while (done < text.size() && !matcher.empty()) {
        const AddedTokenMatcher::Match match = matcher.find(text, done);
        if (match.begin == std::string_view::npos) {
            break;
        }
        if (match.begin > done) {
            onText(text.substr(done, match.begin - done));
        }
        onToken(match.id);
        done = match.begin + match.length;
    }
    if (done < text.size()) {
        onText(text.substr(done));
    }
}

} // namespace fulgurite
