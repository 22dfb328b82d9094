// SPDX-License-Identifier: Apache-2.0
// The node's parts without a socket: JSON and UTF-8 helpers, strict objects, scanners, HTTP reader, queue, token.
#include "core/base/utf8.h"
#include "core/generate/context_length_error.h"
#include "core/node/answer_scanner.h"
#include "core/node/api_error.h"
#include "core/node/auth.h"
#include "core/node/event_queue.h"
#include "core/node/http_reader.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/tool_call_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

namespace fulgurite::node {
namespace {

using testing::HasSubstr;

std::string refusalOf(const std::function<void()>& action) {
    try {
        action();
    } catch (const ApiError& error) {
        return std::to_string(error.status()) + " " + error.param() + ": " + error.what();
    }
    return "accepted";
}

TEST(JsonText, RefusesWhatIsNotOneBoundedObject) {
    EXPECT_THAT(refusalOf([] { parseBody("{"); }), HasSubstr("400 : the body is not valid JSON"));
    EXPECT_THAT(refusalOf([] { parseBody("[1]"); }), HasSubstr("must be a JSON object, not array"));
    EXPECT_THAT(refusalOf([] { parseBody(std::string(100'000, '[')); }), HasSubstr("nested more than 64"));
    EXPECT_THAT(refusalOf([] { parseBody("{\"a\":\"\xff\"}"); }), HasSubstr("not valid JSON"));
    EXPECT_THAT(refusalOf([] { parseBody("{\"a\":1e999}"); }), HasSubstr("not valid JSON"));
    EXPECT_THAT(refusalOf([] { parseBody("{\"a\":[1,2,3,4,5]}", {64, 4}); }), HasSubstr("more than 4 values"));
    EXPECT_EQ(refusalOf([] { parseBody("{\"a\":\"[[[\\\"[[\"}", {2, 4}); }), "accepted");
}

TEST(Errors, APromptThatIsTooLongHasTheCodeThatClientsKnow) {
    const auto seen = [](const auto& error) { return toApiError(std::make_exception_ptr(error)); };
    const ApiError too_long = seen(ContextLengthError("the prompt has 9 tokens"));
    EXPECT_EQ(too_long.status(), 400);
    EXPECT_EQ(too_long.body().at("error").at("code"), "context_length_exceeded");
    EXPECT_EQ(seen(Error(ErrorKind::InvalidInput, "x")).body().at("error").at("code"), nullptr);
}

TEST(JsonText, KnowsUtf8) {
    EXPECT_TRUE(isUtf8("caf\xC3\xA9 \xE4\xBD\xA0 \xF0\x9F\x98\x80"));
    for (const char* bad :
         {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE4\xBD", "\x80", "\xFF"}) {
        EXPECT_FALSE(isUtf8(bad));
        EXPECT_TRUE(isUtf8(replaceInvalidUtf8(bad)));
    }
    EXPECT_EQ(characterCount("caf\xC3\xA9"), 4U);
    EXPECT_EQ(dumpJson("\xE4"), "\"\xEF\xBF\xBD\"");
}

TEST(ObjectReader, NamesTheFieldAndTheNearestKnownName) {
    const nlohmann::json object = nlohmann::json::parse(
        R"({"temprature": 1, "n": 1.5, "big": 18446744073709551615, "low": -3, "flag": 1, "none": null})");
    ObjectReader reader(object, "sampler");
    EXPECT_FALSE(reader.number("temperature", 0, 2).has_value());
    EXPECT_THAT(refusalOf([&] { reader.integer("n", 1, 8); }), HasSubstr("400 sampler.n"));
    EXPECT_THAT(refusalOf([&] { reader.integer("big", 0, 8); }), HasSubstr("between 0 and 8"));
    EXPECT_THAT(refusalOf([&] { reader.integer("low", 0, 8); }), HasSubstr("not -3"));
    EXPECT_THAT(refusalOf([&] { reader.boolean("flag"); }), HasSubstr("must be true or false, not number"));
    EXPECT_EQ(reader.seed("big"), UINT64_MAX);
    EXPECT_FALSE(reader.string("none").has_value());
    EXPECT_THAT(refusalOf([&] { reader.finish(); }), HasSubstr("did you mean 'temperature'?"));
}

TEST(ObjectReader, TokenIdsMustBeInTheVocabulary) {
    EXPECT_EQ(readTokenIds(nlohmann::json::parse("[0,9]"), "tokens", 10), (std::vector<std::int32_t>{0, 9}));
    for (const char* bad : {"[10]", "[-1]", "[1.0]", "[\"1\"]", "[18446744073709551615]", "{}"}) {
        EXPECT_THAT(refusalOf([&] { readTokenIds(nlohmann::json::parse(bad), "tokens", 10); }),
                    HasSubstr("400 tokens"));
    }
}

TEST(ToolCallScanner, TellsBlocksFromWhatIsAroundThem) {
    const std::string text = "Look: <tool_calls>\n{\"a\"}\n</tool_calls> done <tool";
    for (std::size_t step = 1; step < 20; ++step) {
        ToolCallScanner scanner;
        std::string outside;
        std::string inside;
        int closed = 0;
        const auto take = [&](const ScannedText& piece) {
            (piece.inside ? inside : outside) += piece.text;
            closed += piece.closes ? 1 : 0;
        };
        for (std::size_t i = 0; i < text.size(); i += step) {
            for (const ScannedText& piece : scanner.push(text.substr(i, step))) {
                take(piece);
            }
        }
        take(scanner.flush());
        EXPECT_EQ(outside, "Look:  done <tool");
        EXPECT_EQ(inside, "\n{\"a\"}\n");
        EXPECT_EQ(closed, 1);
    }
}

struct ReadCalls {
    std::vector<ToolCallPiece> whole;
    std::vector<std::string> fragments; // of the arguments
    std::string content;
};

ReadCalls readCalls(const std::string& block, std::size_t step, bool with_mark = true) {
    ToolCallReader reader;
    ReadCalls result;
    const auto take = [&result](const ToolCallText& read) {
        for (const ToolCallPiece& piece : read.calls) {
            if (piece.call == result.whole.size()) {
                EXPECT_FALSE(piece.id.empty());
                result.whole.push_back(piece);
            } else {
                ASSERT_LT(piece.call, result.whole.size());
                EXPECT_TRUE(piece.id.empty() && piece.name.empty());
                result.whole[piece.call].arguments += piece.arguments;
            }
            result.fragments.push_back(piece.arguments);
        }
        result.content += read.content;
    };
    for (std::size_t i = 0; i < block.size(); i += step) {
        ToolCallText read;
        reader.push(std::string_view(block).substr(i, step), read);
        take(read);
    }
    ToolCallText read;
    reader.close(with_mark, read);
    take(read);
    EXPECT_EQ(reader.count(), result.whole.size());
    return result;
}

TEST(ToolCallReader, HandsArgumentsOnAsTheyCome) {
    const std::string arguments = R"({"a": [1, {"b": "}\"]"}], "c": {}})";
    const std::string block = "\n{\"name\": \"add\", \"arguments\": " + arguments +
                              "}\n\n  {\"arguments\": {\"d\":2}, \"name\": \"sub\"}\n{\"name\":\"none\"}";
    for (std::size_t step = 1; step < 40; ++step) {
        const ReadCalls read = readCalls(block, step);
        ASSERT_EQ(read.whole.size(), 3U);
        EXPECT_EQ(read.whole[0].name, "add");
        EXPECT_EQ(read.whole[0].arguments, arguments);
        EXPECT_EQ(read.whole[1].name, "sub");
        EXPECT_EQ(read.whole[1].arguments, R"({"d":2})");
        EXPECT_EQ(read.whole[2].arguments, "{}");
        EXPECT_EQ(read.content, "");
        if (step == 1) {
            EXPECT_EQ(read.fragments.size(), arguments.size() + 2);
        }
    }
}

TEST(ToolCallReader, WhatIsNoCallStaysText) {
    for (std::size_t step = 1; step < 20; ++step) {
        const ReadCalls none = readCalls("\nadd(1)\n{\"name\": \"add\", \"arguments\": {}}\n", step);
        EXPECT_TRUE(none.whole.empty());
        EXPECT_EQ(none.content, "<tool_calls>\nadd(1)\n{\"name\": \"add\", \"arguments\": {}}\n</tool_calls>");
        const ReadCalls later = readCalls("{\"name\": \"add\", \"arguments\": {}}\nadd(1)\nend", step);
        EXPECT_EQ(later.whole.size(), 1U);
        EXPECT_EQ(later.content, "add(1)\nend");
        EXPECT_EQ(readCalls(" \n", step, false).content, "<tool_calls> \n");
    }
}

TEST(ToolCallReader, WhatStandsBehindACallOnItsLineIsRead) {
    const std::string first = R"({"name": "add", "arguments": {"a": "}"}, "id": [1, "}"]})";
    const std::string second = R"({"name": "sub", "arguments": {"b": 2}})";
    for (std::size_t step = 1; step < 40; ++step) {
        const ReadCalls two = readCalls("\n" + first + " " + second + "  \n", step);
        ASSERT_EQ(two.whole.size(), 2U) << step;
        EXPECT_EQ(two.whole[0].arguments, R"({"a": "}"})");
        EXPECT_EQ(two.whole[1].name, "sub");
        EXPECT_EQ(two.whole[1].arguments, R"({"b": 2})");
        EXPECT_EQ(two.content, "");
        EXPECT_EQ(readCalls(second + " and so on\n" + first, step).content, " and so on\n");
        EXPECT_EQ(readCalls(second + " at the end", step).content, " at the end");
        const std::string unclosed = R"({"name": "sub", "arguments": {"b": 2} or "so)";
        const ReadCalls open = readCalls(unclosed + "\n" + first, step);
        EXPECT_EQ(open.whole.size(), 2U) << "a call that is not closed ends with its line";
        EXPECT_EQ(open.content, " or \"so\n");
    }
}

TEST(ToolCallReader, ACutCallKeepsWhatCame) {
    const ReadCalls cut = readCalls("\n{\"name\": \"add\", \"arguments\": {\"a\": 1", 3, false);
    ASSERT_EQ(cut.whole.size(), 1U);
    EXPECT_EQ(cut.whole[0].arguments, "{\"a\": 1");
    EXPECT_EQ(readCalls("\n{\"name\": \"ad", 3, false).content, "<tool_calls>\n{\"name\": \"ad");
}

TEST(EdgeTrimmer, KeepsInnerWhiteSpaceOnly) {
    EdgeTrimmer trimmer;
    EXPECT_EQ(trimmer.push(" \n"), "");
    EXPECT_EQ(trimmer.push("\na \n"), "a");
    EXPECT_EQ(trimmer.push(" b\n"), " \n b");
    EXPECT_EQ(trimmer.push(""), "");
}

TEST(HttpReader, ReadsByteByByteAndInOnePiece) {
    const std::string text = "POST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n";
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, text.size()}) {
        HttpReader reader({});
        std::string waiting;
        for (std::size_t i = 0; i < text.size(); i += step) {
            waiting += text.substr(i, step);
            for (std::size_t used = 1; used > 0 && reader.state() != HttpReader::State::Complete;) {
                used = reader.feed(waiting);
                waiting.erase(0, used);
                if (reader.state() == HttpReader::State::HeadDone) {
                    EXPECT_FALSE(reader.head().content_length.has_value());
                    reader.acceptBody();
                    used = 1;
                }
            }
        }
        ASSERT_EQ(reader.state(), HttpReader::State::Complete) << step;
        const HttpRequest request = reader.take();
        EXPECT_EQ(request.head.path, "/v1/x");
        EXPECT_EQ(request.head.query, "y=1");
        EXPECT_EQ(request.body, "abcde");
    }
}

TEST(HttpReader, AHeadThatAnnouncesABodyTakesNoMemoryForIt) {
    HttpReader reader({});
    reader.feed("POST / HTTP/1.1\r\nContent-Length: 33554432\r\n\r\n");
    ASSERT_EQ(reader.state(), HttpReader::State::HeadDone);
    reader.acceptBody();
    EXPECT_EQ(reader.feed(std::string(1000, 'x')), 1000U);
    EXPECT_EQ(reader.state(), HttpReader::State::Body);
    EXPECT_EQ(reader.bodyBytes(), 1000U);
    const HttpRequest begun = reader.take();
    EXPECT_EQ(begun.body, std::string(1000, 'x'));
    EXPECT_LT(begun.body.capacity(), 10'000U);
}

int failureOf(const std::string& text, HttpLimits limits = {}) {
    HttpReader reader(limits);
    std::size_t used = reader.feed(text);
    if (reader.state() == HttpReader::State::HeadDone) {
        reader.acceptBody();
        used += reader.feed(std::string_view(text).substr(used));
    }
    return reader.state() == HttpReader::State::Failed ? reader.error().status() : 0;
}

TEST(HttpReader, RefusesWhatIsNotHttpOrTooLarge) {
    EXPECT_EQ(failureOf("hello\r\n\r\n"), 400);
    EXPECT_EQ(failureOf("GET / HTTP/3.9\r\n\r\n"), 505);
    EXPECT_EQ(failureOf("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x')), 431);
    EXPECT_EQ(failureOf("GET / HTTP/1.1\r\n" + std::string(20'000, 'x')), 431);
    EXPECT_EQ(failureOf("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    EXPECT_EQ(
        failureOf("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", {1024, 5}),
        413);
    EXPECT_EQ(failureOf("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), 400);
    EXPECT_EQ(failureOf("GET /\xff HTTP/1.1\r\n\r\n"), 400);
}

TEST(EventQueue, DropsTokensButNeverTheEnd) {
    EventQueue queue(16 * sizeof(GenerationEvent));
    int wakes = 0;
    queue.setWake([&] { ++wakes; });
    int accepted = 0;
    for (int i = 0; i < 100; ++i) {
        accepted += queue.push({0, TokenEvent{}}) ? 1 : 0;
    }
    EXPECT_EQ(accepted, 16);
    EXPECT_TRUE(queue.overflowed());
    EXPECT_TRUE(queue.push({0, FinishEvent{}}));
    EXPECT_EQ(wakes, 1);
    EXPECT_EQ(queue.drain(10).size(), 10U);
    EXPECT_EQ(wakes, 2) << "some are left";
    EXPECT_EQ(queue.drain(100).size(), 7U);
    EXPECT_EQ(wakes, 2);
    EXPECT_FALSE(queue.push({0, TokenEvent{}})) << "after a gap, later tokens would make no sense";
}

TEST(EventQueue, ProgressReportsReplaceEachOther) {
    EventQueue queue(1 << 20);
    for (std::size_t done = 0; done < 1000; ++done) {
        queue.push({0, PrefillProgress{0, done, 1000, 0}});
    }
    const auto events = queue.drain(100);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<PrefillProgress>(events[0].what).done, 999U);
}

TEST(AccessControl, ComparesWholeTokens) {
    const AccessControl access("0123456789abcdef");
    EXPECT_TRUE(access.identify("Bearer 0123456789abcdef"));
    EXPECT_TRUE(access.identify("bearer 0123456789abcdef"));
    for (const char* bad : {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0",
                            "Basic 0123456789abcdef", "0123456789abcdef"}) {
        EXPECT_FALSE(access.identify(bad)) << bad;
    }
    EXPECT_TRUE(AccessControl("").identify(""));
}

TEST(TokenFile, IsCheckedAndWarnedAbout) {
    const std::string path = testing::TempDir() + "fulgurite-token-" + std::to_string(::getpid());
    std::ofstream(path) << "0123456789abcdef\n";
    ::chmod(path.c_str(), 0644);
    EXPECT_TRUE(readTokenFile(path).readable_by_others);
    ::chmod(path.c_str(), 0600);
    EXPECT_FALSE(readTokenFile(path).readable_by_others);
    EXPECT_EQ(readTokenFile(path).token, "0123456789abcdef");
    std::ofstream(path) << "short\n";
    EXPECT_THROW(readTokenFile(path), Error);
    std::ofstream(path) << "0123456789 abcdef\n";
    EXPECT_THROW(readTokenFile(path), Error);
    ::unlink(path.c_str());
    EXPECT_THROW(readTokenFile(path), Error);
}

} // namespace
} // namespace fulgurite::node
