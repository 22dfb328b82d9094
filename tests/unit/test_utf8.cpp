// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/utf8.h"

#include <gtest/gtest.h>

namespace fulgurite {
namespace {

TEST(Utf8, AcceptsTheEdgesOfEveryRange) {
    for (const char32_t code :
         {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
        std::string text = "12345678";
        appendUtf8(text, code);
        EXPECT_EQ(validUtf8Prefix(text), text.size()) << std::hex << static_cast<std::uint32_t>(code);
        const Utf8Char decoded = decodeUtf8(text.data() + 8);
        EXPECT_EQ(decoded.code, code);
        EXPECT_EQ(decoded.length, text.size() - 8);
    }
}

TEST(Utf8, RefusesWhatTheStandardRefuses) {
    for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                            "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "\xC3("}) {
        EXPECT_EQ(validUtf8Prefix(std::string("abc") + bad), 3u) << bad;
    }
    try {
        requireUtf8("ok\xFFmore", "the prompt");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
        EXPECT_NE(std::string(error.what()).find("the prompt: invalid UTF-8 at byte 2 (0xFF)"), std::string::npos);
    }
}

TEST(Utf8, ReplacesMaximalIllFormedParts) {
    EXPECT_EQ(replaceInvalidUtf8("a\xF0\x9F\x98z"), "a\uFFFDz");
    EXPECT_EQ(replaceInvalidUtf8("\xE0\x80\x80"), "\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(replaceInvalidUtf8("\xF0\x9F\x98\x80"), "\U0001F600");
    EXPECT_EQ(replaceInvalidUtf8("\xC3\xC3\xA9"), "\uFFFDé");
}

TEST(Utf8, FindsTheIncompleteTail) {
    EXPECT_EQ(incompleteUtf8Tail(""), 0u);
    EXPECT_EQ(incompleteUtf8Tail("abc"), 0u);
    EXPECT_EQ(incompleteUtf8Tail("é"), 0u);
    EXPECT_EQ(incompleteUtf8Tail("a\xC3"), 1u);
    EXPECT_EQ(incompleteUtf8Tail("a\xF0\x9F"), 2u);
    EXPECT_EQ(incompleteUtf8Tail("a\xF0\x9F\x98"), 3u);
    EXPECT_EQ(incompleteUtf8Tail("a\xE0\x80"), 0u); // no byte could make this whole
    EXPECT_EQ(incompleteUtf8Tail("\x80\x80\x80\x80"), 0u);
}

TEST(Json, ErrorsNameFileAndField) {
    const auto message = [](auto work) -> std::string {
        try {
            work();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::Corrupt);
            return error.what();
        }
        return "no error";
    };
    const nlohmann::json value = parseJson(R"({"a": {"b": [1, 18446744073709551615, "x"]}, "n": null})", "f.json");
    const JsonField root(value, "f.json", ErrorKind::Corrupt);
    EXPECT_EQ(root.at("a").at("b").at(std::size_t{0}).integer(0, 1), 1);
    EXPECT_FALSE(root.has("n"));
    EXPECT_EQ(message([&] { root.at("z"); }), "f.json: field \"z\" is missing");
    EXPECT_EQ(message([&] { root.at("a").string(); }), "f.json: a: expected a string, found an object");
    EXPECT_EQ(message([&] { root.at("a").at("b").at(1).integer(0, 5); }),
              "f.json: a.b[1]: 18446744073709551615 is outside 0 to 5");
    EXPECT_NE(message([] {
                  parseJson("{\n\"a\": tru}", "g.json");
              }).find("g.json: not valid JSON: parse error at line 2"),
              std::string::npos);
    EXPECT_NE(message([] { parseJson(std::string(200, '['), "deep.json"); }).find("nested deeper than 128"),
              std::string::npos);
}

} // namespace
} // namespace fulgurite
