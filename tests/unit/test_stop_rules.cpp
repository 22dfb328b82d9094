// SPDX-License-Identifier: Apache-2.0
// Stop strings and thinking markers, cut into pieces in every way.
#include "core/base/error.h"
#include "core/base/thinking.h"
#include "core/generate/prompt_thinking.h"
#include "core/generate/stop_rules.h"
#include "tests/unit/letter_script.h"

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace fulgurite {
namespace {

// `text` in pieces of random length, whole characters each.
std::vector<std::string> pieces(const std::string& text, std::mt19937& random) {
    std::vector<std::string> result(1);
    for (const char byte : text) {
        const bool starts_character = (static_cast<unsigned char>(byte) & 0xc0u) != 0x80u;
        if (starts_character && random() % 3 == 0) {
            result.emplace_back();
        }
        result.back() += byte;
    }
    return result;
}

struct Streamed {
    std::string shown;
    std::string rest;
    std::string stop;
};

Streamed stream(const std::vector<std::string>& stops, const std::vector<std::string>& texts) {
    StopStrings rules(stops);
    Streamed out;
    for (const std::string& text : texts) {
        const StopStrings::Result result = rules.push(text);
        out.shown += result.text;
        if (result.matched) {
            out.stop = rules.string(*result.matched);
            return out;
        }
    }
    out.rest = rules.flush();
    return out;
}

TEST(StopStrings, HoldsBackWhatMayBeABeginning) {
    StopStrings rules({"\nUser:"});
    EXPECT_EQ(rules.push("Hello").text, "Hello");
    EXPECT_EQ(rules.push("\n").text, "");
    EXPECT_EQ(rules.push("Us").text, "");
    EXPECT_EQ(rules.push("ual").text, "\nUsual");
    EXPECT_EQ(rules.push(" x\nUse").text, " x");
    const StopStrings::Result result = rules.push("r: more");
    EXPECT_EQ(result.text, "");
    EXPECT_EQ(result.matched, 0u);
}

TEST(StopStrings, ReleasesTheRestAtTheEnd) {
    const Streamed out = stream({"abc"}, {"xa", "b"});
    EXPECT_EQ(out.shown, "x");
    EXPECT_EQ(out.rest, "ab");
}

TEST(StopStrings, TheOneThatEndsFirstWins) {
    EXPECT_EQ(stream({"abcd", "bc"}, {"abcd"}).stop, "bc");
    EXPECT_EQ(stream({"abcd", "bc"}, {"abcd"}).shown, "a");
    EXPECT_EQ(stream({"c", "abc"}, {"ab", "c"}).stop, "abc");
    EXPECT_EQ(stream({"c", "abc"}, {"ab", "c"}).shown, "");
    EXPECT_EQ(stream({"aab"}, {"a", "a", "a", "b"}).shown, "a");
}

TEST(StopStrings, AnyCutGivesTheSameText) {
    std::mt19937 random(1);
    const std::vector<std::string> stops{"äöü", "ö!", "ab€", "€€", "</s>"};
    const std::string alphabet[] = {"ä", "ö", "ü", "!", "a", "b", "€", "<", "/", "s", ">", " "};
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        std::vector<std::string> characters;
        for (int i = 0; i < 30; ++i) {
            characters.push_back(alphabet[random() % std::size(alphabet)]);
            text += characters.back();
        }
        const Streamed one_by_one = stream(stops, characters);
        const Streamed cut = stream(stops, pieces(text, random));
        ASSERT_EQ(cut.shown + cut.rest, one_by_one.shown + one_by_one.rest) << text;
        ASSERT_EQ(cut.stop, one_by_one.stop) << text;
        const std::string all = cut.shown + cut.rest;
        ASSERT_TRUE(text.starts_with(all + cut.stop));
        ASSERT_EQ(cut.stop.empty(), all == text);
        for (const std::string& stop : stops) {
            ASSERT_EQ(all.find(stop), std::string::npos);
        }
    }
}

TEST(StopRules, RefusesWhatMakesNoSense) {
    const auto refused = [](const StopParams& params) { EXPECT_THROW(validate(params, 100), Error); };
    validate(StopParams{}, 100);
    refused({.max_tokens = -1});
    refused({.thinking_budget = -1});
    refused({.strings = {""}});
    refused({.strings = {"\xa4x"}});
    refused({.strings = std::vector<std::string>(65, "x")});
    refused({.token_ids = {100}});
    refused({.repetition = {.run = -1}});
    refused({.repetition = {.run = 1, .probability = 1.5f}});
}

TEST(RepetitionGuard, CountsAnUnbrokenRun) {
    RepetitionGuard guard({.run = 3, .probability = 0.875f});
    EXPECT_FALSE(guard.push(0.95));
    EXPECT_FALSE(guard.push(0.95));
    EXPECT_FALSE(guard.push(0.875)); // not above
    EXPECT_FALSE(guard.push(0.95));
    EXPECT_FALSE(guard.push(0.99));
    EXPECT_TRUE(guard.push(1.0));
    RepetitionGuard off({});
    for (int i = 0; i < 5000; ++i) {
        EXPECT_FALSE(off.push(1.0));
    }
}

struct Split {
    std::string answer;
    std::string thinking;
    std::string marker;
    bool operator==(const Split&) const = default;
};

void append(Split& split, const std::vector<ChannelText>& parts) {
    for (const ChannelText& part : parts) {
        std::string& to = part.channel == Channel::Answer     ? split.answer
                          : part.channel == Channel::Thinking ? split.thinking
                                                              : split.marker;
        to += part.text;
    }
}

Split splitAll(ThinkingSplitter splitter, const std::vector<std::string>& texts) {
    Split split;
    for (const std::string& text : texts) {
        append(split, splitter.push(text));
    }
    append(split, splitter.finish());
    return split;
}

TEST(ThinkingSplitter, AnyCutGivesTheSameSplit) {
    const std::pair<std::string, Split> cases[] = {
        {"<think>\nhm\n</think>\n42", {"\n42", "\nhm\n", "<think></think>"}},
        {"\n <think>a</think>b", {"\n b", "a", "<think></think>"}},
        {"plain <think>no</think>", {"plain <think>no</think>", "", ""}},
        {"<thinking", {"<thinking", "", ""}},
        {"<thi", {"<thi", "", ""}},
        {"<think>never ends </thin", {"", "never ends </thin", "<think>"}},
        {"<think>a < b </ think> </</think>x<think>", {"x<think>", "a < b </ think> </", "<think></think>"}},
        {"<think></think>", {"", "", "<think></think>"}},
        {"", {}},
    };
    std::mt19937 random(2);
    for (const auto& [text, expected] : cases) {
        for (int round = 0; round < 50; ++round) {
            EXPECT_EQ(splitAll({}, pieces(text, random)), expected) << text;
        }
    }
}

TEST(ThinkingSplitter, ResumesInsideAnAnswer) {
    EXPECT_TRUE(ThinkingSplitter::resume("<think>\nso").thinking());
    EXPECT_FALSE(ThinkingSplitter::resume("<think>\nso</think>\n").thinking());
    EXPECT_FALSE(ThinkingSplitter::resume("").thinking());
    // Wherever it is cut, an answer goes on as it would have gone on uncut.
    const std::string mentions = "<think>a</think>The tag <think> marks where it begins, </think> where it ends.";
    for (std::size_t cut = 0; cut <= mentions.size(); ++cut) {
        ThinkingSplitter uncut;
        uncut.push(mentions.substr(0, cut));
        EXPECT_EQ(splitAll(ThinkingSplitter::resume(mentions.substr(0, cut)), {mentions.substr(cut)}),
                  splitAll(uncut, {mentions.substr(cut)}))
            << cut;
        EXPECT_EQ(ThinkingSplitter::resume(mentions.substr(0, cut)).thinking(), cut >= 7 && cut < 16) << cut;
    }
    EXPECT_FALSE(ThinkingSplitter::resume("The tag <think> marks").thinking());
    const Split cut_marker = splitAll(ThinkingSplitter::resume("<think>x</th"), {"ink", ">\n7"});
    EXPECT_EQ(cut_marker.answer, "\n7");
    const Split again = splitAll(ThinkingSplitter::resume("x</think>\n"), {"<think>"});
    EXPECT_EQ(again.answer, "<think>");
}

TEST(PromptThinking, LooksAtTheAnswerThatThePromptHasBegun) {
    const auto tokenizer = test::letters::smallTokenizer();
    const TokenId begin = *tokenizer->idOf("<beginning_of_sentence>");
    const auto end = [&](const std::string& turn, bool framed = true) {
        TokenIds prompt;
        if (framed) {
            prompt = {'x', begin};
        }
        const TokenIds text = test::letters::bytes(turn); // a token for each byte
        prompt.insert(prompt.end(), text.begin(), text.end());
        return thinkingAtEnd(prompt, *tokenizer);
    };
    EXPECT_FALSE(end("ai name=assistant").splitter.thinking());
    EXPECT_FALSE(end("ai name=assistant\n").splitter.thinking());
    EXPECT_TRUE(end("ai name=assistant\n<think>\nso").splitter.thinking());
    EXPECT_EQ(end("ai name=assistant\n<think>\nso").tokens, 3u);
    EXPECT_TRUE(end("<think>so").splitter.thinking()) << "a frame without a header";
    EXPECT_EQ(end("\n<think>so").tokens, 2u);
    EXPECT_FALSE(end("ai name=assistant\n<think>a</think>The tag <think> marks").splitter.thinking());
    EXPECT_EQ(end("ai name=assistant\n<think>a</think>The tag <think> marks").tokens, 0u);
    EXPECT_FALSE(end("ai name=assistant\nThe tag <think> marks").splitter.thinking());
    // Behind text without a frame an answer begins.
    EXPECT_TRUE(end("<think>so", false).splitter.thinking());
    PromptThinking plain = end("Of marks.\n<think> is one", false);
    EXPECT_FALSE(plain.splitter.thinking());
    plain.splitter.push("<think>so");
    EXPECT_TRUE(plain.splitter.thinking());
}

TEST(ThinkingTracker, TokensOfMarkersAreMarkers) {
    ThinkingTracker tracker;
    std::vector<Channel> channels;
    const auto push = [&](const std::string& text) {
        const auto decided = tracker.push(text);
        channels.insert(channels.end(), decided.begin(), decided.end());
    };
    push("<");
    EXPECT_TRUE(tracker.undecided());
    push("think");
    push(">\n");
    EXPECT_TRUE(tracker.thinking());
    EXPECT_FALSE(tracker.undecided());
    push("a <");
    push(" b");
    push(""); // a fragment of a character
    push("€");
    EXPECT_EQ(tracker.thinkingTokens(), 4u);
    push("\n</");
    push("think");
    EXPECT_TRUE(tracker.undecided());
    push(">");
    EXPECT_FALSE(tracker.thinking());
    push("7");
    push("");
    using enum Channel;
    EXPECT_EQ(channels, (std::vector<Channel>{Marker, Marker, Marker, Thinking, Thinking, Thinking, Thinking,
                                              Marker, Marker, Marker, Answer, Answer}));
    EXPECT_EQ(tracker.thinkingTokens(), 4u);
    EXPECT_TRUE(tracker.finish().empty());
}

TEST(ThinkingTracker, WhatTurnsOutToBeNoMarkerIsReleasedInOrder) {
    ThinkingTracker tracker;
    EXPECT_TRUE(tracker.push("<").empty());
    EXPECT_TRUE(tracker.push("th").empty());
    EXPECT_EQ(tracker.push("e>"), (std::vector<Channel>{Channel::Answer, Channel::Answer, Channel::Answer}));
    ThinkingTracker ends;
    EXPECT_TRUE(ends.push("<").empty());
    EXPECT_TRUE(ends.push("").empty());
    EXPECT_EQ(ends.finish(), (std::vector<Channel>{Channel::Answer, Channel::Answer}));
}

} // namespace
} // namespace fulgurite
