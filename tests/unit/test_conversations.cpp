// SPDX-License-Identifier: Apache-2.0
// What supervised tuning learns from a conversation: the assistant's words and the end after them, tokenized as
// they are when the model speaks.
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"
#include "core/train/conversations.h"
#include "core/train/train_pass.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::filesystem::path& ember() {
    static const std::filesystem::path folder = test::sourceDir() / "resources/models/ember";
    return folder;
}

TokenIds wantedOf(const Conversation& conversation) {
    TokenIds wanted;
    for (const TokenId id : conversation.targets) {
        if (id != TrainBatch::kNoTarget) {
            wanted.push_back(id);
        }
    }
    return wanted;
}

nlohmann::ordered_json twoTurns() {
    return nlohmann::ordered_json::parse(R"([{"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 17+58?"}, {"role": "assistant", "content": "75"},
        {"role": "user", "content": "And 2 more?"}, {"role": "assistant", "content": "<think>\n75+2\n</think>\n77"}])");
}

TEST(Conversations, TeachTheAnswersAndTheirEnd) {
    const TokenIds end{ModelConfig::load(ember()).eos_token_ids};
    ASSERT_EQ(end.size(), 1U);
    const auto tokenizer = Tokenizer::load(ember());
    const auto conversation = encodeConversation(twoTurns(), ChatEncoding::load(ember(), end));
    TokenIds expected = tokenizer->encode("75");
    expected.push_back(end[0]);
    const TokenIds second = tokenizer->encode("<think>\n75+2\n</think>\n77");
    expected.insert(expected.end(), second.begin(), second.end());
    expected.push_back(end[0]);
    EXPECT_EQ(wantedOf(conversation), expected);
    ASSERT_EQ(conversation.tokens.size(), conversation.targets.size());
    for (std::size_t i = 0; i + 1 < conversation.tokens.size(); ++i) {
        if (conversation.targets[i] != TrainBatch::kNoTarget) {
            EXPECT_EQ(conversation.targets[i], conversation.tokens[i + 1]) << i;
        }
    }
    EXPECT_EQ(conversation.targets.back(), TrainBatch::kNoTarget);
    // Up to the first answer the tokens are those of the prompt that the model would see.
    auto begun = nlohmann::ordered_json::array();
    begun.push_back(twoTurns()[0]);
    begun.push_back(twoTurns()[1]);
    const auto prompt = tokenizer->encode(ChatTemplate::load(ember())->renderOrdered(begun, nullptr, true));
    EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), conversation.tokens.begin()));
    EXPECT_NE(conversation.targets[prompt.size() - 1], TrainBatch::kNoTarget) << "the answer's first token";
    EXPECT_EQ(conversation.targets[prompt.size() - 2], TrainBatch::kNoTarget);
}

TEST(Conversations, AMessageOfNoWeightIsContext) {
    const TokenIds end{ModelConfig::load(ember()).eos_token_ids};
    const ChatEncoding encoding = ChatEncoding::load(ember(), end);
    auto messages = twoTurns();
    const auto whole = encodeConversation(messages, encoding);
    messages[2]["weight"] = 0;
    messages[4]["weight"] = 1;
    const auto part = encodeConversation(messages, encoding);
    EXPECT_EQ(part.tokens, whole.tokens);
    TokenIds expected = Tokenizer::load(ember())->encode("<think>\n75+2\n</think>\n77");
    expected.push_back(end[0]);
    EXPECT_EQ(wantedOf(part), expected);
}

// A template by hand: "u:..." and "a:...", where a second answer hides the first.
ChatEncoding letters(bool hides) {
    return {.render =
                [hides](const nlohmann::ordered_json& messages, bool reply) {
                    std::string text;
                    for (std::size_t i = 0; i < messages.size(); ++i) {
                        const bool assistant = messages[i]["role"] == "assistant";
                        text += assistant ? "a:" : "u:";
                        text += hides && assistant && i + 1 < messages.size()
                                    ? "-"
                                    : messages[i]["content"].get<std::string>();
                        text += assistant ? ".;" : ";";
                    }
                    return reply ? text + "a:" : text;
                },
            .encode = [](std::string_view text) { return TokenIds(text.begin(), text.end()); },
            .end_ids = {'.'}};
}

TEST(Conversations, RefuseWhatCannotBeTaught) {
    const auto refusal = [](const nlohmann::ordered_json& messages, bool hides) -> std::string {
        try {
            encodeConversation(messages, letters(hides));
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(refusal(twoTurns(), false), "");
    EXPECT_THAT(refusal(twoTurns(), true), HasSubstr("differently"));
    EXPECT_THAT(refusal(nlohmann::ordered_json::parse(R"([{"role": "user", "content": "x"}])"), false),
                HasSubstr("nothing to learn"));
    const auto one = nlohmann::ordered_json::parse(R"([{"role": "user", "content": "x"},
                                                      {"role": "assistant", "content": "yz"}])");
    const auto conversation = encodeConversation(one, letters(false));
    EXPECT_EQ(conversation.tokens, (TokenIds{'u', ':', 'x', ';', 'a', ':', 'y', 'z', '.', ';'}));
    EXPECT_EQ(conversation.targets, (TokenIds{-1, -1, -1, -1, -1, 'y', 'z', '.', -1, -1}));
}

TEST(Conversations, AreReadFromLinesAndCut) {
    const test::TemporaryFolder folder;
    const std::vector<std::filesystem::path> files{folder / "a.jsonl"};
    const std::string line =
        R"({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "yz"}]})";
    const std::string long_prompt =
        R"({"messages": [{"role": "user", "content": "xxxxxxxxx"}, {"role": "assistant", "content": "y"}]})";
    writeFileAtomically(files[0], line + "\n\n" + long_prompt + "\n" + line);
    const Conversations all(files, letters(false), 7);
    EXPECT_EQ(all.count(), 2U) << "the long prompt leaves no answer within 7 tokens";
    EXPECT_EQ(all.tokens(), 14U);
    TokenIds tokens, targets;
    EXPECT_EQ(all.append(1, tokens, targets), 7U);
    EXPECT_EQ(targets, (TokenIds{-1, -1, -1, -1, -1, 'y', 'z'}));
    EXPECT_NE(all.checksum(), Conversations(files, letters(false), 8).checksum());
    const auto refusal = [&](const std::string& text) -> std::string {
        writeFileAtomically(files[0], text);
        try {
            Conversations(files, letters(false), 7);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(refusal(line + "\n{\"message\": []}"), AllOf(HasSubstr("a.jsonl: line 2"), HasSubstr("messages")));
    EXPECT_THAT(refusal("\n" + std::string(R"({"messages": []})")), HasSubstr("line 2: no message"));
    EXPECT_THAT(refusal(long_prompt), HasSubstr("within 7 tokens"));
}

} // namespace
} // namespace fulgurite
