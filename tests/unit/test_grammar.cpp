// SPDX-License-Identifier: Apache-2.0
// JSON schemas as grammars: what passes and what does not, and answers of a model that says anything it may, held
// against a validator of its own.
#include "core/grammar/answer_grammar.h"
#include "core/grammar/constraint.h"
#include "core/grammar/pattern_parser.h"
#include "tests/support/schema_validator.h"
#include "tests/unit/random_schemas.h"
#include "tests/unit/schema_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <regex>

namespace fulgurite::grammar {
namespace {

using ::testing::HasSubstr;

struct Case {
    const char* schema;
    std::vector<const char*> good;
    std::vector<const char*> bad;
};

TEST(SchemaGrammar, ReadsWhatTheSchemaSays) {
    const Case cases[] = {
        {R"({"type":"boolean"})", {"true", "false", " \n true"}, {"True", "null", "true ", "truefalse"}},
        {R"({"type":"integer"})", {"0", "-7", "120"}, {"01", "1.0", "+1", "1e3", "1234567890123456789"}},
        {R"({"type":"number"})", {"0.5", "-1e9", "3", "2.5E-10"}, {".5", "1.", "1e999", "NaN"}},
        {R"({"type":["string","null"]})",
         {"null", "\"\"", "\"é\\n\\u00e9\\ud83d\\ude00\""},
         {"\"\n\"", "\"\\ud83d\"", "\"\xff\"", "\"\\x\""}},
        {R"({"enum":["a","ab",3,null,{"x":[1,2]}]})",
         {"\"a\"", "\"ab\"", "3", "null", "{\"x\":[1,2]}"},
         {"\"b\"", "33", "{}"}},
        {R"({"enum":["a",3],"type":"string"})", {"\"a\""}, {"3"}},
        {R"({"const":"x\"y"})", {"\"x\\\"y\""}, {"\"x\""}},
        {R"({"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"boolean"}},"required":["b"]})",
         {"{\"b\":1}", "{\"b\": 1, \"a\": true}", "{\n  \"b\": 1,\n  \"a\": false\n}"},
         {"{}", "{\"a\":true}", "{\"a\":true,\"b\":1}", "{\"b\":1,}", "{\"b\":1,\"c\":2}"}},
        {R"({"type":"object","properties":{"ab":{"type":"integer"}},"additionalProperties":{"type":"null"}})",
         {"{}", "{\"ab\":1}", "{\"a\":null}", "{\"abc\":null,\"x\":null}", "{\"ab\":1,\"b\":null}"},
         {"{\"ab\":null}", "{\"a\":1}", "{\"\\u0061b\":null}"}},
        {R"({"type":"object","required":["k"],"additionalProperties":{"type":"integer"}})",
         {"{\"k\":1,\"z\":2}"},
         {"{}", "{\"z\":2}"}},
        {R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})",
         {"[1,2]", "[1, 2, 3]"},
         {"[]", "[1]", "[1,2,3,4]"}},
        {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
        {R"({"prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"},"minItems":1})",
         {"[1]", "[1,\"a\"]", "[1,\"a\",null,null]"},
         {"[]", "[\"a\"]", "[1,\"a\",1]"}},
        {R"({"type":"string","minLength":2,"maxLength":3})",
         {"\"ab\"", "\"éé\"", "\"a\\n\\u00e9\""},
         {"\"a\"", "\"abcd\""}},
        {R"({"type":"string","pattern":"^[a-c]+\\d{2}$"})", {"\"ab12\""}, {"\"12\"", "\"ab1\"", "\"ab123\""}},
        {R"({"type":"string","pattern":"x|^y$"})", {"\"axb\"", "\"y\"", "\"x\""}, {"\"ya\"", "\"\""}},
        {R"({"type":"string","pattern":"^[^a]$"})",
         {"\"b\"", "\"\\n\"", "\"\\\"\"", "\"\xe4\xbd\xa0\""},
         {"\"a\"", "\"\"\""}},
        {R"({"type":"string","format":"date"})",
         {"\"2024-02-29\"", "\"1999-12-31\"", "\"2000-02-29\""},
         {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-04-31\""}},
        {R"({"type":"string","format":"date-time"})",
         {"\"2024-02-29T23:59:59.5Z\"", "\"2024-01-01T00:00:00+01:00\""},
         {"\"2024-01-01\"", "\"2024-01-01T24:00:00Z\""}},
        {R"({"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#"}}]})",
         {"1", "[1,[2,[]]]"},
         {"\"a\"", "[null]"}},
        {R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["next"]}}})",
         {"{\"next\":{\"next\":null}}"},
         {"{\"next\":{}}", "{}"}},
        {R"({"type":"object"})", {"{\"a\":[1,{\"b\":null}]}", "{}"}, {"[]"}},
        {R"(true)", {"1", "{\"a\":[true]}"}, {"a"}},
    };
    for (const Case& each : cases) {
        for (const char* text : each.good) {
            EXPECT_TRUE(reads(each.schema, text)) << each.schema << " should read " << text;
        }
        for (const char* text : each.bad) {
            EXPECT_FALSE(reads(each.schema, text)) << each.schema << " should not read " << text;
        }
    }
}

TEST(SchemaGrammar, ThoughtsComeFirst) {
    const std::string schema = R"({"type":"boolean"})";
    EXPECT_TRUE(reads(schema, "<think>any <b> \xff{thing</thin </think>\n\ntrue"));
    EXPECT_TRUE(reads(schema, "\n<think></think>false"));
    EXPECT_FALSE(reads(schema, "<think>no end true"));
    EXPECT_FALSE(reads(schema, "<think></think>well, true"));
    EXPECT_FALSE(reads(schema, "thinking true"));
}

TEST(SchemaGrammar, ComparesNumbersDigitByDigit) {
    std::mt19937 random(5);
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    const auto spelled = [&](int places) {
        const int scale = places == 0 ? 1 : places == 1 ? 10 : 100;
        const int value = pick(-300, 300);
        std::string text = std::to_string(std::abs(value) / scale);
        if (places > 0) {
            const std::string rest = std::to_string(std::abs(value) % scale);
            text += "." + std::string(static_cast<std::size_t>(places) - rest.size(), '0') + rest;
        }
        return (value < 0 ? "-" : "") + text;
    };
    for (int round = 0; round < 300; ++round) {
        const bool whole = pick(0, 1) == 1;
        Schema schema{{"type", whole ? "integer" : "number"}};
        const char* low = pick(0, 1) == 1 ? "minimum" : "exclusiveMinimum";
        const char* high = pick(0, 1) == 1 ? "maximum" : "exclusiveMaximum";
        if (pick(0, 3) > 0) {
            schema[low] = Schema::parse(spelled(pick(0, 2)));
        }
        if (pick(0, 3) > 0) {
            schema[high] = Schema::parse(spelled(pick(0, 2)));
        }
        const std::string text = schema.dump();
        std::optional<Machine> machine;
        try {
            machine.emplace(grammarOf(text));
        } catch (const SchemaError& error) { // nothing lies between the bounds, and none of the numbers will
            EXPECT_THAT(error.what(), HasSubstr("no answer"));
        }
        const test::SchemaValidator validator(schema);
        for (int i = 0; i < 40; ++i) {
            const std::string number = spelled(whole ? 0 : pick(0, 2));
            if (number[0] != '-' || Schema::parse(number).get<double>() != 0) { // zero has no sign here
                EXPECT_EQ(machine && readBy(*machine, number), validator.problemOf(Schema::parse(number)).empty())
                    << text << " " << number;
            }
        }
    }
}

TEST(SchemaGrammar, PatternsMatchWhatTheLibraryMatches) {
    const char* patterns[] = {"^(a|bc)*d?$", "b{2,3}c", "^[a-c]{0,2}(x|y)+$", "^a.c$", "^\\w+-\\d*$",
                              "^(a*)*b$",    "a|b|^c$", "^(?:ab|a)(bc|c)$"};
    std::mt19937 random(9);
    for (const char* pattern : patterns) {
        const std::string schema = Schema{{"type", "string"}, {"pattern", pattern}}.dump();
        const std::regex expected(pattern);
        Machine machine(grammarOf(schema));
        for (int i = 0; i < 400; ++i) {
            std::string text;
            const int length = std::uniform_int_distribution<int>(0, 6)(random);
            for (int j = 0; j < length; ++j) {
                text += "abcdxy-19"[std::uniform_int_distribution<int>(0, 8)(random)];
            }
            EXPECT_EQ(readBy(machine, "\"" + text + "\""), std::regex_search(text, expected))
                << pattern << " " << text;
        }
    }
}

TEST(SchemaGrammar, RefusesByName) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"type":"object","properties":{"a":{"oneOf":[{}]}}})",
         "'schema.properties.a.oneOf': the schema keyword 'oneOf'"},
        {R"({"oneOf":[{}]})", "'oneOf' is not supported: write 'anyOf'"},
        {R"({"not":{}})", "'not' is not supported: say what is allowed"},
        {R"({"type":"integer","multipleOf":2})", "'multipleOf' is not supported: list the values"},
        {R"({"type":"array","uniqueItems":true})", "'uniqueItems'"},
        {R"({"type":"object","patternProperties":{}})", "'patternProperties'"},
        {R"({"type":"string","format":"uri"})", "'format' is not supported with 'uri'"},
        {R"({"type":"string","pattern":"a","maxLength":2})", "'maxLength' is not supported beside 'pattern'"},
        {R"~({"type":"string","pattern":"(?=a)"})~", "looking around"},
        {R"({"type":"string","pattern":"(a)\\1"})", "a reference back"},
        {R"({"type":"string","pattern":"a\\b"})", "this escape"},
        {R"({"type":"string","pattern":"(a"})", "')' is missing"},
        {R"({"type":"string","pattern":"["})", "']' is missing"},
        {R"({"type":"string","pattern":"a{2"})", "'}' is missing"},
        {R"({"type":"string","pattern":"*"})", "nothing before it"},
        {R"({"type":"string","pattern":"a{2000}"})", "more than 1000"},
        {R"({"allOf":[{"type":"string"},{"type":"integer"}]})", "'allOf'"},
        {R"({"anyOf":[{}],"properties":{}})", "'properties' is not supported beside 'anyOf'"},
        {R"({"$ref":"other.json"})", "must lead to a place in this schema"},
        {R"({"$ref":"#/$defs/x"})", "leads nowhere"},
        {R"({"$ref":"#"})", "goes round in a circle"},
        {R"({"anyOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}})",
         "circle"},
        {R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})", "no answer of any length"},
        {R"({"type":"object","properties":{"a":false},"required":["a"]})", "no answer of any length"},
        {R"({"type":"integer","minimum":5,"maximum":4})", "no answer of any length"},
        {R"({"type":"object","required":["a"],"additionalProperties":false})", "not among the properties"},
        {R"({"type":"array","minItems":3,"maxItems":2})", "less than"},
        {R"({"type":"array","minItems":-1})", "whole number"},
        {R"({"type":"thing"})", "must be object"},
        {R"({"type":"integer","minimum":1e300})", "less than 1e15"},
        {R"({"enum":[]})", "at least one"},
        {R"([])", "a schema is an object"},
        {R"~({"type":"string","pattern":"(((a{900}){900}){900})"})~", "too large"},
    };
    for (const auto& [schema, message] : cases) {
        EXPECT_THAT(refusal(schema), HasSubstr(message)) << schema;
    }
}

// A vocabulary of all bytes and some longer tokens that cross every border there is.
std::vector<std::string> vocabulary() {
    std::vector<std::string> words;
    for (int byte = 0; byte < 256; ++byte) {
        words.emplace_back(1, static_cast<char>(byte));
    }
    for (const char* word :
         {"{\"",      "\":",    "\": ", "\",\"", "\"}",  "\"]",     "}]",         "]}",   "[[",  "{\"a\":", "true",
          "false}",   "null,",  "nul",  "12",    "-1",   "0.",      "e-",         "ab",   "abc", "\\u00",   "\\\"",
          "\xc3\xa9", "\xa9\"", ", ",   "],[",   "\n  ", "<think>", "</think>\n", "nk>{", "e\":"}) {
        words.emplace_back(word);
    }
    words.emplace_back(); // the end
    return words;
}

std::shared_ptr<const TokenTrie> trieOf(const std::vector<std::string>& words) {
    return std::make_shared<TokenTrie>(
        words.size(), [&](TokenId id) { return std::string_view(words[static_cast<std::size_t>(id)]); },
        TokenIds{static_cast<TokenId>(words.size() - 1)});
}

// Draws what is allowed, closing brackets and strings more often than not. nullopt: no end in sight.
std::optional<std::string> randomAnswer(ConstraintMatcher& matcher, const std::vector<std::string>& words,
                                        std::mt19937& random) {
    std::string text;
    for (int i = 0; i < 3000 && !matcher.complete(); ++i) {
        const auto mask = matcher.mask();
        EXPECT_GT(mask->count, 0U) << text;
        std::vector<TokenId> all;
        std::vector<TokenId> closing;
        for (TokenId id = 0; static_cast<std::size_t>(id) < words.size(); ++id) {
            if (mask->allows(id)) {
                const std::string& word = words[static_cast<std::size_t>(id)];
                all.push_back(id);
                if (word.empty() || word.find_first_of("\"}]>") != std::string::npos) {
                    closing.push_back(id);
                }
            }
        }
        if (all.empty()) {
            return std::nullopt;
        }
        const bool close = !closing.empty() && random() % 3 == 0;
        const std::vector<TokenId>& from = close ? closing : all;
        const std::string& word = words[static_cast<std::size_t>(from[random() % from.size()])];
        if (word.empty()) {
            return text;
        }
        text += word;
        EXPECT_TRUE(matcher.advance(word)) << text;
    }
    return matcher.complete() ? std::optional(text) : std::nullopt;
}

std::string answerOf(std::string text) {
    const std::size_t end = text.find("</think>");
    return text.find("<think>") < end && end != std::string::npos ? text.substr(end + 8) : text;
}

TEST(Constraint, WhateverARandomModelSaysSatisfiesARandomSchema) {
    std::mt19937 random(20);
    const std::vector<std::string> words = vocabulary();
    const auto trie = trieOf(words);
    int finished = 0;
    int refused = 0;
    constexpr int kSchemas = 250;
    for (int round = 0; round < kSchemas; ++round) {
        const Schema schema = test::randomSchema(random);
        std::shared_ptr<Constraint> constraint;
        try {
            constraint = std::make_shared<Constraint>(schemaAnswer(schema, "schema"));
        } catch (const SchemaError& error) {
            EXPECT_THAT(error.what(), HasSubstr("no answer")) << schema.dump();
            ++refused;
            continue;
        }
        const test::SchemaValidator validator(schema);
        for (int i = 0; i < 4; ++i) {
            ConstraintMatcher matcher(constraint, trie);
            const auto text = randomAnswer(matcher, words, random);
            if (text) {
                const Schema value = Schema::parse(answerOf(*text), nullptr, false);
                ASSERT_FALSE(value.is_discarded()) << schema.dump() << "\n" << *text;
                EXPECT_EQ(validator.problemOf(value), "") << schema.dump() << "\n" << *text;
                ++finished;
            }
        }
    }
    EXPECT_GT(finished, kSchemas * 2);
    EXPECT_LT(refused, kSchemas / 4);
}

TEST(Constraint, MasksAreWhatTryingEveryTokenSays) {
    std::mt19937 random(3);
    const std::vector<std::string> words = vocabulary();
    const auto trie = trieOf(words);
    const std::string schema =
        R"({"type":"object","properties":{"a":{"type":"string","maxLength":4},"é":{"type":"array","items":{"type":"number","maximum":12.5}}},"required":["a"]})";
    const auto constraint = std::make_shared<Constraint>(grammarOf(schema));
    Machine machine(grammarOf(schema));
    for (int round = 0; round < 20; ++round) {
        ConstraintMatcher matcher(constraint, trie);
        ConfigId at = machine.start();
        for (int i = 0; i < 60 && !matcher.complete(); ++i) {
            const auto mask = matcher.mask();
            std::vector<TokenId> allowed;
            for (TokenId id = 0; static_cast<std::size_t>(id) + 1 < words.size(); ++id) {
                ConfigId after = at;
                for (const char c : words[static_cast<std::size_t>(id)]) {
                    after = after == kDead ? kDead : machine.next(after, static_cast<std::uint8_t>(c));
                }
                EXPECT_EQ(mask->allows(id), after != kDead) << words[static_cast<std::size_t>(id)];
                if (after != kDead) {
                    allowed.push_back(id);
                }
            }
            EXPECT_EQ(mask->allows(trie->ends().front()), machine.accepts(at));
            const std::string& word = words[static_cast<std::size_t>(allowed[random() % allowed.size()])];
            ASSERT_TRUE(matcher.advance(word));
            for (const char c : word) {
                at = machine.next(at, static_cast<std::uint8_t>(c));
            }
        }
    }
}

TEST(Constraint, MasksAreWorkedOutOnce) {
    const std::vector<std::string> words = vocabulary();
    const auto trie = trieOf(words);
    const auto constraint = std::make_shared<Constraint>(grammarOf(R"({"type":"string"})"));
    for (int round = 0; round < 3; ++round) {
        ConstraintMatcher matcher(constraint, trie);
        for (const char* word : {"\"", "a", "bc", "\xc3\xa9", "d"}) {
            matcher.mask();
            ASSERT_TRUE(matcher.advance(word));
        }
    }
    EXPECT_EQ(constraint->masksComputed(), 2U); // before the string and inside
}

// Every place of a long counted string is one of its own, so that the machine has to forget some on the way.
TEST(Constraint, LongAnswersOutliveWhatIsRemembered) {
    const auto trie = trieOf(vocabulary());
    const auto constraint = std::make_shared<Constraint>(
        grammarOf(R"({"type":"array","items":{"type":"string","minLength":60000,"maxLength":60001}})"));
    ConstraintMatcher first(constraint, trie);
    ConstraintMatcher second(constraint, trie);
    ASSERT_TRUE(second.advance("[\"ab"));
    ASSERT_TRUE(first.advance("[\"" + std::string(59999, 'x')));
    EXPECT_FALSE(first.mask()->allows('"'));
    ASSERT_TRUE(first.advance("yz"));
    EXPECT_TRUE(first.mask()->allows('"'));
    EXPECT_FALSE(first.mask()->allows('a'));
    ASSERT_TRUE(first.advance("\"]"));
    EXPECT_TRUE(first.complete());
    EXPECT_TRUE(second.mask()->allows('c'));
    EXPECT_TRUE(second.advance(std::string(59998, 'x') + "\"]"));
    EXPECT_TRUE(second.complete());
}

TEST(Constraint, NestingEndsBeforeItIsTooDeep) {
    Machine machine(grammarOf("true"));
    ConfigId at = machine.start();
    int depth = 0;
    for (ConfigId next = at; (next = machine.next(at, '[')) != kDead; at = next) {
        ++depth;
    }
    EXPECT_GT(depth, 40);
    EXPECT_LE(depth, Machine::kMaxDepth + 1); // the last one is empty
    for (int i = 0; i < depth; ++i) {
        ASSERT_NE(at, kDead);
        at = machine.next(at, ']');
    }
    EXPECT_TRUE(machine.complete(at));
}

TEST(ToolGrammar, CallsNameATool) {
    const std::vector<ToolShape> tools{
        {"add", Schema::parse(R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})"),
         "tools[0]"},
        {"now", Schema::parse(R"({"type":"object","properties":{}})"), "tools[1]"}};
    const auto reads = [&](bool several, std::string_view text) {
        Machine machine(toolCallAnswer(tools, several));
        ConfigId at = machine.start();
        for (const char c : text) {
            at = at == kDead ? kDead : machine.next(at, static_cast<std::uint8_t>(c));
        }
        return at != kDead && machine.complete(at);
    };
    const std::string one = "<tool_calls>\n{\"name\": \"add\", \"arguments\": {\"a\": 3}}\n</tool_calls>";
    const std::string two = "<think>\nhm\n</"
                            "think>\n<tool_calls>\n{\"name\":\"now\",\"arguments\":{}}\n{\"name\":\"add\","
                            "\"arguments\":{\"a\":1}}\n</tool_calls>";
    EXPECT_TRUE(reads(true, one));
    EXPECT_TRUE(reads(false, one));
    EXPECT_TRUE(reads(true, two));
    EXPECT_FALSE(reads(false, two));
    EXPECT_FALSE(reads(true, "<tool_calls>\n{\"name\": \"sub\", \"arguments\": {}}\n</tool_calls>"));
    EXPECT_FALSE(reads(true, "<tool_calls>\n{\"name\": \"add\", \"arguments\": {\"a\": \"x\"}}\n</tool_calls>"));
    EXPECT_FALSE(reads(true, "I would rather not."));
}

} // namespace
} // namespace fulgurite::grammar
