// SPDX-License-Identifier: Apache-2.0
// JSON that keeps its order: the same values as nlohmann's parser has, and no text that takes long.
#include "core/base/error.h"
#include "core/base/ordered_json.h"

#include <gmock/gmock.h>

namespace fulgurite {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& text) {
    try {
        parseOrdered(text, "tools");
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

std::string repeated(const std::string& part, int count, const std::string& between) {
    std::string text = part;
    for (int i = 1; i < count; ++i)
        text += between + part;
    return text;
}

TEST(OrderedJson, ReadsWhatTheLibraryReads) {
    for (const char* text :
         {"null", "-3", "18446744073709551615", "0.5", R"("a\u00e9\n")", "[]", "{}", R"([1,[2,{"z":1,"a":[]}],{}])",
          R"({"b":1,"a":{"d":null,"c":[true,{"y":{},"x":"s"}]},"z":[]})", " [ 1 , 2 ] "}) {
        EXPECT_EQ(parseOrdered(text, "x").dump(), nlohmann::ordered_json::parse(text).dump()) << text;
    }
    for (const char* text : {"", "{", "[1,]", R"({"a":})", R"({"a":1}x)", "1e999", "\"\xff\""}) {
        EXPECT_TRUE(parseOrdered(text, "x").is_discarded()) << text;
    }
    EXPECT_EQ(parseOrdered(R"({"a":1,"b":2,"a":[3]})", "x").dump(), R"({"a":[3],"b":2})") << "the last one counts";
}

TEST(OrderedJson, LeavesOutWhatNobodyWants) {
    const char* text = R"({"x":{"tools":[{"k":1}],"y":[{}]},"tools":[{"x":1,"b":2}],"z":[[1]],"w":0,"format":"f"})";
    EXPECT_EQ(parseOrdered(text, "x", {"tools", "format"}).dump(), R"({"tools":[{"x":1,"b":2}],"format":"f"})");
    EXPECT_EQ(parseOrdered("[1,{\"a\":2}]", "x", {"tools"}).dump(), R"([1,{"a":2}])");
}

TEST(OrderedJson, NothingTakesLong) {
    EXPECT_EQ(parseOrdered("[" + repeated("{}", 300'000, ",") + "]", "x").size(), 300'000U);
    std::string members;
    for (int i = 0; i < 4096; ++i)
        members += fmt::format("{}\"k{}\":0", i == 0 ? "" : ",", i);
    const std::string full = "{" + members + "}";
    EXPECT_EQ(parseOrdered("[" + repeated(full, 50, ",") + "]", "x").size(), 50U);
    EXPECT_THAT(refusal("{" + members + ",\"more\":0}"), HasSubstr("tools: an object has more than 4096 members"));
    EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("tools: values nest more than 128 levels deep"));
    EXPECT_EQ(parseOrdered("{\"left out\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", "x", {"a"}).dump(),
              "{}");
}

} // namespace
} // namespace fulgurite
