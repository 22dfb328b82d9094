// SPDX-License-Identifier: Apache-2.0
// Schemas that are long rather than wrong: they take neither the stack nor hours.
#include "core/base/utf8.h"
#include "tests/unit/schema_reading.h"

#include <gmock/gmock.h>

namespace fulgurite::grammar {
namespace {

using ::testing::HasSubstr;

TEST(SchemaGrammar, ChainsAndLongNamesTakeNoStack) {
    std::string chain = R"({"$ref":"#/$defs/0","$defs":{)";
    constexpr int kLinks = 10'000;
    for (int i = 0; i < kLinks; ++i) {
        chain += fmt::format(R"("{}":{{"anyOf":[{{"$ref":"#/$defs/{}"}}]}},)", i, i + 1);
    }
    EXPECT_THAT(refusal(chain + fmt::format(R"("{}":true}}}})", kLinks)), HasSubstr("nest more than 256 levels deep"));
    const std::string name(60'000, 'n');
    EXPECT_EQ(refusal(fmt::format(R"({{"type":"object","properties":{{"{}":true}},"additionalProperties":true}})", name)), "accepted");
}

TEST(SchemaGrammar, LongListsThatLeanOnEachOtherTakeAMoment) {
    std::string list = R"({"anyOf":[true)";
    for (int i = 0; i < 20'000; ++i) {
        list += fmt::format(R"(,{{"$ref":"#/anyOf/{}"}})", i);
    }
    EXPECT_EQ(refusal(list + "]}"), "accepted");
    std::string members;
    for (std::uint32_t code = 0x10000; code < 0x10000 + 60'000; code += 2) {
        appendUtf8(members, code);
    }
    EXPECT_EQ(refusal(R"({"type":"string","pattern":"[)" + members + R"(]"})"), "accepted");
}

TEST(SchemaGrammar, OtherNamesAreNoneOfTheTaken) {
    const auto passes = [](const std::string& text) {
        return reads(R"({"type":"object","properties":{"a":{"type":"integer"},"ab":{"type":"integer"},"a\n":true},)"
                       R"("additionalProperties":{"type":"string"}})",
                       text);
    };
    for (const char* name : {"b", "aa", "abc", "aab", "ba", "b a", "~"}) {
        EXPECT_TRUE(passes(fmt::format(R"({{"{}":"x"}})", name))) << name;
    }
    EXPECT_FALSE(passes(R"({"a":"x"})"));
    EXPECT_FALSE(passes(R"({"ab":"x"})"));
    EXPECT_FALSE(passes(R"({"":"x"})"));
    EXPECT_TRUE(passes(R"({"a":1,"ab":2,"b":"x"})"));
}

} // namespace
} // namespace fulgurite::grammar
