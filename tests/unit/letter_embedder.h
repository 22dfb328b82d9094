// SPDX-License-Identifier: Apache-2.0
// An embedder for tests that a person can follow: counts letters. Head h of 4 sees the letters 7h to 7h + 6 of the
// alphabet, the standard vector all 28 counts (two of them always zero).
#pragma once

#include "core/base/error.h"
#include "core/retrieval/embedder.h"

#include <algorithm>
#include <functional>

namespace fulgurite::test {

class LetterEmbedder final : public retrieval::Embedder {
  public:
    explicit LetterEmbedder(std::string fingerprint = "letters", std::vector<int> layers = {1}) {
        info_.kind = "letters";
        info_.name = "letters";
        info_.layer_count = 2;
        info_.layers = std::move(layers);
        info_.width = 28;
        info_.heads = 4;
        info_.head_dim = 7;
        info_.max_tokens = 50;
        info_.fingerprint = std::move(fingerprint);
    }

    const retrieval::EmbedderInfo& info() const override { return info_; }
    // A token is a word.
    std::size_t countTokens(std::string_view text) const override {
        std::size_t words = 0;
        bool inside = false;
        for (const char c : text) {
            const bool blank = c == ' ' || c == '\n';
            words += !blank && !inside ? 1 : 0;
            inside = !blank;
        }
        return words;
    }
    std::vector<retrieval::TextVectors> embed(std::span<const std::string> texts,
                                              const std::stop_token& stop) override {
        std::vector<retrieval::TextVectors> results;
        ++calls;
        for (const std::string& text : texts) {
            if (stop.stop_requested()) {
                fail(ErrorKind::Cancelled, "stopped");
            }
            if (before) {
                before(text);
            }
            retrieval::TextVectors vectors;
            vectors.standard.assign(28, 0.0f);
            for (const char c : text) {
                if (c >= 'a' && c <= 'z') {
                    vectors.standard[static_cast<std::size_t>(c - 'a')] += 1;
                }
            }
            vectors.heads.assign(info_.layers.size(), vectors.standard);
            vectors.tokens = countTokens(text);
            vectors.used = std::min(vectors.tokens, info_.max_tokens);
            results.push_back(std::move(vectors));
            ++embedded;
        }
        return results;
    }

    std::size_t embedded = 0;                       // texts so far
    std::size_t calls = 0;                          // of embed()
    std::function<void(const std::string&)> before; // each text

  private:
    retrieval::EmbedderInfo info_;
};

} // namespace fulgurite::test
