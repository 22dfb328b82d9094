// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/text/tokenizer.h"
#include "tests/unit/reference_tokenizer.h"
#include "tests/unit/test_paths.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

namespace fulgurite {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

const std::string& smallJson() {
    static const std::string text = readTextFile(test::sourceDir() / "tests/data/tokenizer_small/tokenizer.json");
    return text;
}

std::shared_ptr<const Tokenizer> small() {
    static const auto tokenizer = Tokenizer::parse(smallJson(), "tokenizer.json");
    return tokenizer;
}

std::filesystem::path publishedFile() {
    return test::sharedData("minimax-m1") / "tokenizer.json";
}

// The default model's, where the tree has it.
std::filesystem::path defaultFile() {
    return test::sourceDir() / "resources/models/ember/tokenizer.json";
}

std::string messageOf(const std::string& json, ErrorKind kind) {
    try {
        Tokenizer::parse(json, "t.json");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
    return "no error";
}

std::string changed(const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json json = nlohmann::json::parse(smallJson());
    change(json);
    return json.dump();
}

// Letters of many scripts, marks, spaces, digits, added tokens and their beginnings.
std::string randomText(std::mt19937& random) {
    static const std::vector<std::string> parts = {" ",
                                                   "  ",
                                                   "\n",
                                                   "\r\n",
                                                   "\t",
                                                   "'s",
                                                   "'LL",
                                                   "'ſ",
                                                   "don't",
                                                   "the",
                                                   "The",
                                                   "THE",
                                                   "12",
                                                   "3",
                                                   "é",
                                                   "é",
                                                   "\u0301",
                                                   "\u0323",
                                                   "你",
                                                   "好",
                                                   "かﾞ",
                                                   "が",
                                                   "привет",
                                                   "Мир",
                                                   "ǅ",
                                                   "ʰ",
                                                   "Ⅷ",
                                                   "½",
                                                   "٣",
                                                   "한",
                                                   "ᄒ",
                                                   "ᅡ",
                                                   "ᆫ",
                                                   "😀",
                                                   "👍🏽",
                                                   "\u00A0",
                                                   "\u2003",
                                                   "\u3000",
                                                   "\u0085",
                                                   "/",
                                                   "//",
                                                   "!",
                                                   "...",
                                                   "<",
                                                   "<pad>",
                                                   "<end_of_sentence>",
                                                   "<end_of",
                                                   "אָ",
                                                   "ক্ত",
                                                   "\u212B",
                                                   "\u0958",
                                                   "_",
                                                   "-",
                                                   "\u200D",
                                                   "\u1E9B\u0323",
                                                   "x",
                                                   "Q"};
    std::string text;
    const std::size_t count = random() % 24;
    for (std::size_t i = 0; i < count; ++i) {
        text += parts[random() % parts.size()];
    }
    return text;
}

void compareWithReference(const Tokenizer& tokenizer, const std::string& json, int rounds) {
    const test::ReferenceTokenizer reference(json);
    std::mt19937 random(20240611);
    for (int i = 0; i < rounds; ++i) {
        const std::string text = randomText(random);
        ASSERT_EQ(tokenizer.encode(text), reference.encode(text))
            << "text: " << nlohmann::json(text).dump(-1, ' ', true);
    }
}

TEST(Tokenizer, AgreesWithThePlainReference) {
    compareWithReference(*small(), smallJson(), 4000);
}

TEST(Tokenizer, PublishedOneAgreesWithThePlainReference) {
    if (!std::filesystem::exists(publishedFile())) {
        GTEST_SKIP() << "MiniMax-M1's tokenizer is not on this machine: " << publishedFile();
    }
    compareWithReference(*Tokenizer::load(publishedFile()), readTextFile(publishedFile()), 2000);
}

TEST(Tokenizer, DefaultModelAgreesWithThePlainReference) {
    if (!std::filesystem::exists(defaultFile())) {
        GTEST_SKIP() << "the default model is not in this tree: " << defaultFile();
    }
    compareWithReference(*Tokenizer::load(defaultFile()), readTextFile(defaultFile()), 2000);
}

TEST(Tokenizer, PublishedVectors) {
    if (!std::filesystem::exists(publishedFile())) {
        GTEST_SKIP() << "MiniMax-M1's tokenizer is not on this machine: " << publishedFile();
    }
    const auto tokenizer = Tokenizer::load(publishedFile());
    EXPECT_EQ(tokenizer->size(), 200036u);
    const std::vector<std::pair<std::string, TokenIds>> vectors = {
        {"<think>", {60, 37959, 62}},
        {"</think>", {1579, 37959, 62}},
        {"<tool_calls>", {60, 45382, 144303, 62}},
        {"</tool_calls>", {1579, 45382, 144303, 62}},
        {"Hello, world!", {19739, 44, 2035, 33}},
        {"MiniMax-M1 supports 1,000,000 tokens.",
         {83617, 12973, 5145, 49, 12709, 32, 49, 44, 1450, 44, 1450, 26313, 46}},
        {"don't DON'T I'll", {84464, 197932, 13098}},
        {"你好，世界！", {56658, 69511, 1275}},
        {"  leading  spaces\n\n\tTab", {32, 7440, 32, 14525, 367, 9, 23884}},
        {"def f(x):\n    return x**2  # comment\n",
         {2601, 284, 4704, 3345, 326, 1126, 1905, 705, 50, 32, 1621, 5507, 10}},
        {"naïve café Ünïcode", {3759, 10802, 342, 22778, 38834, 110, 10802, 3689}},
        {"😀👍🏽", {21557, 128, 136460, 187447}},
        {"1234567890", {10010, 26551, 39490, 48}},
        {"\r\n", {2535}},
        {"e\u0301", {337}},
        {"<beginning_of_sentence>user name=user\nHi<end_of_sentence>\n<beginning_of_sentence>ai name=assistant\n",
         {200019, 3995, 1925, 133646, 10, 22700, 200020, 10, 200019, 1361, 1925, 61, 153156, 10}},
        {"<begin_of_document><beginning_of_sentence>system ai_setting=assistant\nYou are a helpful assistant."
         "<end_of_sentence>\n<beginning_of_sentence>user name=user\nHello!<end_of_sentence>\n"
         "<beginning_of_sentence>ai name=assistant\n",
         {200034, 200019, 28463, 28609,  100932, 61,     153156, 10,     2985,   457, 258,
          12473,  23413,  46,    200020, 10,     200019, 3995,   1925,   133646, 10,  19739,
          33,     200020, 10,    200019, 1361,   1925,   61,     153156, 10}},
    };
    for (const auto& [text, ids] : vectors) {
        EXPECT_EQ(tokenizer->encode(text), ids) << text;
    }
}

TEST(Tokenizer, SpecialTokensParseOrNot) {
    const TokenId end = *small()->idOf("<end_of_sentence>");
    EXPECT_TRUE(small()->isSpecial(end));
    EXPECT_EQ(small()->bytesOf(end), "<end_of_sentence>");
    EXPECT_THAT(small()->encode("<end_of_sentence>"), ElementsAre(end));
    const TokenIds spelled = small()->encode("<end_of_sentence>", SpecialTokens::AsText);
    EXPECT_GT(spelled.size(), 1u);
    EXPECT_THAT(spelled, testing::Each(testing::Lt(static_cast<TokenId>(small()->size() - 4))));
    EXPECT_EQ(small()->decode(spelled), "<end_of_sentence>");
    EXPECT_EQ(small()->decode(small()->encode("a<end_of_sentence>b"), false), "ab");
    // What begins like one is text.
    EXPECT_EQ(small()->decode(small()->encode("<<end_of_sentence<pad>")), "<<end_of_sentence<pad>");
    EXPECT_EQ(small()->encode("<<end_of_sentence<pad>").back(), *small()->idOf("<pad>"));
}

TEST(Tokenizer, OutOfRangeIdsAreEmpty) {
    EXPECT_EQ(small()->bytesOf(-1), "");
    EXPECT_EQ(small()->bytesOf(static_cast<TokenId>(small()->size())), "");
    EXPECT_FALSE(small()->isSpecial(1 << 30));
    EXPECT_FALSE(small()->idOf("no such token").has_value());
    EXPECT_EQ(small()->decode(TokenIds{-5, 65, 1 << 30}), "A");
}

TEST(Tokenizer, RefusesInvalidUtf8) {
    EXPECT_THROW(small()->encode("abc\xFF"), Error);
    EXPECT_TRUE(small()->encode("").empty());
}

TEST(Tokenizer, StreamingNeverBreaksACharacter) {
    std::mt19937 random(7);
    for (int i = 0; i < 500; ++i) {
        TokenIds ids = small()->encode(randomText(random) + "😀你");
        for (int extra = 0; extra < 6; ++extra) { // fragments that make no sense too
            ids.insert(ids.begin() + static_cast<std::ptrdiff_t>(random() % ids.size()),
                       static_cast<TokenId>(random() % small()->size()));
        }
        for (const bool keep : {true, false}) {
            StreamDecoder decoder(small(), keep);
            std::string all;
            for (const TokenId id : ids) {
                const std::string text = decoder.push(id);
                EXPECT_NO_THROW(small()->encode(text));
                all += text;
            }
            all += decoder.flush();
            EXPECT_EQ(all, small()->decode(ids, keep));
        }
    }
}

TEST(Tokenizer, HostileInputTakesNoQuadraticTime) {
    constexpr std::size_t kSize = 1 << 20;
    std::string mixed_marks;
    for (std::size_t i = 0; i < kSize / 4; ++i) {
        mixed_marks += "\u0301\u0323";
    }
    const std::vector<std::string> texts = {
        std::string(kSize, 'e'), std::string(kSize, ' '), std::string(kSize, '\n'), std::string(kSize, '<'),
        std::string(kSize, '!'), std::string(kSize, 'A'), std::string(kSize, '\''), mixed_marks};
    const auto begin = std::chrono::steady_clock::now();
    for (const std::string& text : texts) {
        const TokenIds ids = small()->encode(text);
        EXPECT_FALSE(ids.empty());
    }
    // A quadratic algorithm takes hours here; the limit leaves room for sanitizers and busy machines.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(120));
}

TEST(Tokenizer, ManyThreadsAgree) {
    const auto fresh = Tokenizer::parse(smallJson(), "tokenizer.json");
    const std::string text = "The lazy dog, they don't know the answer; naïve café. 你好，世界！";
    const TokenIds expected = small()->encode(text);
    std::vector<std::jthread> threads;
    std::vector<int> wrong(4);
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                wrong[t] += fresh->encode(text) != expected ? 1 : 0;
            }
        });
    }
    threads.clear();
    EXPECT_THAT(wrong, testing::Each(0));
}

TEST(Tokenizer, MergesAsPairsReadTheSame) {
    const std::string json = changed([](nlohmann::json& file) {
        for (auto& merge : file["model"]["merges"]) {
            const auto text = merge.get<std::string>();
            const std::size_t space = text.find(' ');
            merge = {text.substr(0, space), text.substr(space + 1)};
        }
    });
    EXPECT_EQ(Tokenizer::parse(json, "t.json")->encode("the lazy dog"), small()->encode("the lazy dog"));
}

TEST(TokenizerFile, NormalizedAddedTokensMatchAfterNfc) {
    const auto tokenizer = Tokenizer::parse(changed([](nlohmann::json& file) {
                                                file["added_tokens"][0]["content"] = "<é>";
                                                file["added_tokens"][0]["normalized"] = true;
                                                file["added_tokens"][0]["special"] = false;
                                            }),
                                            "t.json");
    const TokenId id = *tokenizer->idOf("<é>");
    EXPECT_THAT(tokenizer->encode("<e\u0301>"), ElementsAre(id));
    EXPECT_THAT(tokenizer->encode("<é>", SpecialTokens::AsText), ElementsAre(id)); // not special: always a token
}

TEST(TokenizerFile, ErrorsNameTheField) {
    using Json = nlohmann::json;
    EXPECT_THAT(messageOf("{", ErrorKind::Corrupt), HasSubstr("t.json: not valid JSON"));
    EXPECT_THAT(messageOf("[]", ErrorKind::Corrupt), HasSubstr("expected an object, found an array"));
    EXPECT_THAT(messageOf("{}", ErrorKind::Corrupt), HasSubstr("\"model\" is missing"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"].erase("merges"); }), ErrorKind::Corrupt),
                HasSubstr("model: field \"merges\" is missing"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["vocab"] = 3; }), ErrorKind::Corrupt),
                HasSubstr("model.vocab: expected an object, found a number"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["vocab"]["the"] = "x"; }), ErrorKind::Corrupt),
                HasSubstr("expected an integer"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["vocab"]["the"] = 65; }), ErrorKind::Corrupt),
                HasSubstr("id 65 is given to"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["vocab"]["zzz"] = 5000; }), ErrorKind::Corrupt),
                HasSubstr("\"zzz\" has id 5000, but there are only 421 tokens"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["vocab"]["a b"] = 420; }), ErrorKind::Corrupt),
                HasSubstr("\"a b\" (id 420) is not spelled in the byte-level alphabet"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["merges"][3] = "zz qq"; }), ErrorKind::Corrupt),
                HasSubstr("merges[3]: \"zz\" is not in model.vocab"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["merges"][3] = "abc"; }), ErrorKind::Corrupt),
                HasSubstr("merges[3]: expected two tokens"));
    EXPECT_THAT(
        messageOf(changed([](Json& f) { f["model"]["merges"][3] = f["model"]["merges"][2]; }), ErrorKind::Corrupt),
        HasSubstr("is listed twice"));
    EXPECT_THAT(messageOf(changed([](Json& f) {
                              f["model"]["merges"][3] = {"a", "b", "c"};
                          }),
                          ErrorKind::Corrupt),
                HasSubstr("merges[3]: expected two tokens"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["merges"] = "a b"; }), ErrorKind::Corrupt),
                HasSubstr("model.merges: expected an array, found a string"));
    EXPECT_THAT(messageOf("{\"model\": {\"vocab\": {\"a\": 1, \"a\": 2}}}", ErrorKind::Corrupt),
                HasSubstr("missing"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["added_tokens"][1]["content"] = "<pad>"; }), ErrorKind::Corrupt),
                HasSubstr("\"<pad>\" is listed twice"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["added_tokens"][0]["content"] = "the"; }), ErrorKind::Corrupt),
                HasSubstr("added_tokens gives \"the\" the id"));
    EXPECT_THAT(messageOf(changed([](Json& f) {
                              f["model"]["vocab"]["Āx"] = f["model"]["vocab"]["Ā"];
                              f["model"]["vocab"].erase("Ā");
                          }),
                          ErrorKind::Corrupt),
                HasSubstr("byte 0x00"));
}

TEST(TokenizerFile, SaysWhatItDoesNotSupport) {
    using Json = nlohmann::json;
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["type"] = "Unigram"; }), ErrorKind::Unsupported),
                HasSubstr("Unigram"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["normalizer"]["type"] = "NFKC"; }), ErrorKind::Unsupported),
                HasSubstr("NFKC"));
    EXPECT_THAT(
        messageOf(changed([](Json& f) { f["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "\\w+"; }),
                  ErrorKind::Unsupported),
        HasSubstr("the split pattern \"\\w+\""));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["model"]["byte_fallback"] = true; }), ErrorKind::Unsupported),
                HasSubstr("byte_fallback = true"));
    EXPECT_THAT(messageOf(changed([](Json& f) { f["added_tokens"][0]["lstrip"] = true; }), ErrorKind::Unsupported),
                HasSubstr("lstrip"));
    EXPECT_THAT(messageOf(changed([](Json& f) {
                              f["post_processor"] = {{"type", "TemplateProcessing"}};
                          }),
                          ErrorKind::Unsupported),
                HasSubstr("TemplateProcessing"));
}

TEST(TokenizerFile, MissingFileIsNamed) {
    try {
        Tokenizer::load("/no/such/model");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::NotFound);
        EXPECT_THAT(error.what(), HasSubstr("/no/such/model"));
    }
}

} // namespace
} // namespace fulgurite
