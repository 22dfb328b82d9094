// SPDX-License-Identifier: Apache-2.0
// Learning a vocabulary: the merges of a plain count after every merge, and files that the tokenizer reads.
#include "core/base/error.h"
#include "core/text/bpe_trainer.h"
#include "core/text/pretokenizer.h"
#include "core/text/tokenizer.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <tuple>

namespace fulgurite {
namespace {

using testing::HasSubstr;

// Words of few letters in different order and number, with runs of one letter and digits among them.
std::string someText(std::uint32_t seed) {
    const std::vector<std::string> letters{"a", "a", "a", "b", "n", "n", "é", "7", "4", "2"};
    std::mt19937 random(seed);
    std::string text;
    for (int i = 0; i < 400; ++i) {
        for (std::uint32_t left = 1 + random() % 7; left > 0; --left) {
            text += letters[random() % letters.size()];
        }
        text += i % 9 == 0 ? ". " : " ";
    }
    return text;
}

// Counts all pairs anew for every merge.
std::vector<std::pair<std::string, std::string>> plainMerges(const std::string& text, std::size_t count,
                                                             const std::vector<std::string>& order) {
    std::vector<std::vector<std::string>> pieces;
    Pretokenizer cutter(text);
    for (auto piece = cutter.next(); !piece.empty(); piece = cutter.next()) {
        pieces.emplace_back();
        for (const char c : piece) {
            pieces.back().emplace_back(1, c);
        }
    }
    std::vector<std::string> tokens(order.begin(), order.begin() + 256);
    const auto rank = [&](const std::string& token) {
        return std::find(tokens.begin(), tokens.end(), token) - tokens.begin();
    };
    std::vector<std::pair<std::string, std::string>> merges;
    while (merges.size() < count) {
        std::map<std::pair<std::string, std::string>, std::size_t> counts;
        for (const auto& piece : pieces) {
            for (std::size_t i = 1; i < piece.size(); ++i) {
                ++counts[{piece[i - 1], piece[i]}];
            }
        }
        const auto best = std::max_element(counts.begin(), counts.end(), [&](const auto& a, const auto& b) {
            return std::tuple(a.second, -rank(a.first.first), -rank(a.first.second)) <
                   std::tuple(b.second, -rank(b.first.first), -rank(b.first.second));
        });
        if (best == counts.end() || best->second < 2) {
            break;
        }
        const auto [left, right] = best->first;
        merges.emplace_back(left, right);
        tokens.push_back(left + right);
        for (auto& piece : pieces) {
            for (std::size_t i = 1; i < piece.size(); ++i) {
                if (piece[i - 1] == left && piece[i] == right) {
                    piece[i - 1] += right;
                    piece.erase(piece.begin() + static_cast<std::ptrdiff_t>(i));
                }
            }
        }
    }
    return merges;
}

LearntVocabulary learn(const std::string& text, const BpeTraining& options) {
    BpeTrainer trainer(options);
    trainer.add(text);
    return trainer.learn();
}

TEST(BpeTrainer, LearnsTheMergesOfCountingAfresh) {
    for (const std::uint32_t seed : {1u, 2u, 3u}) {
        const std::string text = someText(seed);
        const LearntVocabulary learnt = learn(text, {.vocabulary = 256 + 60, .special = {}});
        std::vector<std::pair<std::string, std::string>> merges;
        for (const Merge& merge : learnt.merges) {
            merges.emplace_back(learnt.tokens[static_cast<std::size_t>(merge.left)],
                                learnt.tokens[static_cast<std::size_t>(merge.right)]);
        }
        EXPECT_EQ(merges, plainMerges(text, 60, learnt.tokens)) << "seed " << seed;
        EXPECT_EQ(learnt.tokens.size(), 256U + merges.size());
    }
}

TEST(BpeTrainer, IsTheSameWhateverTheOrderOfDocuments) {
    const BpeTraining options{.vocabulary = 300, .special = {}};
    BpeTrainer forwards(options), backwards(options);
    for (std::uint32_t seed = 0; seed < 4; ++seed) {
        forwards.add(someText(seed));
        backwards.add(someText(3 - seed));
    }
    EXPECT_EQ(forwards.learn().tokens, backwards.learn().tokens);
}

TEST(BpeTrainer, DigitsStayAloneWhereAsked) {
    const std::string text = "42 42 42 4242 a42 in 42 in in";
    bool merged = false;
    for (const bool alone : {false, true}) {
        const LearntVocabulary learnt = learn(text, {.vocabulary = 300, .special = {}, .single_digits = alone});
        for (std::size_t id = 256; id < learnt.tokens.size(); ++id) {
            const bool has_digit = learnt.tokens[id].find_first_of("0123456789") != std::string::npos;
            EXPECT_FALSE(alone && has_digit) << learnt.tokens[id];
            merged = merged || has_digit;
        }
        EXPECT_GT(learnt.merges.size(), 0U);
    }
    EXPECT_TRUE(merged);
}

TEST(BpeTrainer, WritesFilesThatTheTokenizerReads) {
    const std::string text = "the cat, the hat, the <end> and 123 naïve cafés";
    const BpeTraining options{.vocabulary = 290, .special = {"<pad>", "<end>"}, .single_digits = true};
    const LearntVocabulary learnt = learn(text + text, options);
    const auto tokenizer = Tokenizer::parse(tokenizerJson(learnt, options.special), "learnt");
    EXPECT_EQ(tokenizer->size(), learnt.tokens.size() + 2);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
    const auto end = tokenizer->idOf("<end>");
    ASSERT_TRUE(end);
    EXPECT_EQ(*end, static_cast<TokenId>(learnt.tokens.size() + 1));
    EXPECT_TRUE(tokenizer->isSpecial(*end));
    EXPECT_THAT(tokenizer->encode(text), testing::Contains(*end));
    EXPECT_EQ(tokenizer->encode("the").size(), 1U) << "the most frequent word has become one token";
    EXPECT_EQ(tokenizer->encode("123").size(), 3U);
    const auto config =
        nlohmann::json::parse(tokenizerConfigJson(learnt.tokens.size(), {"<pad>", "<end_of_sentence>"}, "{{ 1 }}"));
    EXPECT_EQ(config.at("eos_token"), "<end_of_sentence>");
    EXPECT_EQ(config.at("chat_template"), "{{ 1 }}");
    EXPECT_FALSE(config.contains("bos_token"));
}

TEST(BpeTrainer, RefusesWhatCannotBe) {
    const auto refusal = [](const BpeTraining& options, std::string_view text) -> std::string {
        try {
            BpeTrainer(options).add(text);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(refusal({.vocabulary = 256, .special = {"<a>"}}, ""), HasSubstr("no room"));
    EXPECT_THAT(refusal({.vocabulary = 300, .special = {"<a>", "<a>"}}, ""), HasSubstr("different"));
    EXPECT_THAT(refusal({.vocabulary = 300, .special = {}}, "ab\xFF"), HasSubstr("byte 2"));
    EXPECT_EQ(publishedSpecialTokens().size(), 36U);
}

} // namespace
} // namespace fulgurite
