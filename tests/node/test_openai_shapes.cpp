// SPDX-License-Identifier: Apache-2.0
// /v1/chat/completions: prescribed answers and calls. What the engine does with them is tested with the engine.
#include "core/grammar/constraint.h"
#include "tests/node/node_fixture.h"

#include <gmock/gmock.h>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ShapeTest : public NodeTest {
  protected:
    ClientReply chat(const json& more) { return post("/v1/chat/completions", chatBody(more)); }
    std::shared_ptr<grammar::Constraint> lastConstraint() const { return service_->requests().back().constraint; }
};

json format(const json& schema) {
    return {{"type", "json_schema"}, {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", schema}}}};
}

json tool(const std::string& name, const json& parameters) {
    return {{"type", "function"}, {"function", {{"name", name}, {"parameters", parameters}}}};
}

// Whether the constraint lets these bytes pass, to its end.
bool passes(const std::shared_ptr<grammar::Constraint>& constraint, std::string_view text) {
    const auto trie = std::make_shared<grammar::TokenTrie>(
        1, [](TokenId) { return std::string_view("x"); }, TokenIds{0});
    grammar::ConstraintMatcher matcher(constraint, trie);
    return matcher.advance(text) && matcher.mask()->allows(0);
}

TEST_F(ShapeTest, FormatsBecomeConstraints) {
    chat(json::object());
    EXPECT_EQ(lastConstraint(), nullptr);
    chat({{"response_format", {{"type", "text"}}}});
    EXPECT_EQ(lastConstraint(), nullptr);
    chat({{"response_format", {{"type", "json_object"}}}});
    EXPECT_TRUE(passes(lastConstraint(), "<think>so</think>{\"a\":[1,null]}"));
    EXPECT_FALSE(passes(lastConstraint(), "[1]"));
    const json schema = json::parse(R"({"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]})");
    chat({{"response_format", format(schema)}, {"n", 2}});
    const auto requests = service_->requests();
    EXPECT_TRUE(passes(requests.back().constraint, "{\"a\": true}"));
    EXPECT_FALSE(passes(requests.back().constraint, "{}"));
    EXPECT_EQ(requests[requests.size() - 2].constraint, requests.back().constraint);
    chat({{"response_format", format(schema)}});
    EXPECT_EQ(lastConstraint(), requests.back().constraint) << "what one request worked out serves the next";
}

// The order in which a schema names its members is the order of the answer, so it must survive the parser.
TEST_F(ShapeTest, MembersKeepTheirOrder) {
    const std::string body =
        R"({"messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_schema",
        "json_schema":{"name":"x","schema":{"type":"object","properties":{"z":{"const":1},"a":{"const":2}},
        "required":["z","a"]}}}})";
    RawClient client = connect();
    client.send(requestText("POST", "/v1/chat/completions", body));
    EXPECT_EQ(client.reply().status, 200);
    EXPECT_TRUE(passes(lastConstraint(), "{\"z\":1,\"a\":2}"));
    EXPECT_FALSE(passes(lastConstraint(), "{\"a\":2,\"z\":1}"));
}

TEST_F(ShapeTest, RequiredCallsBecomeConstraints) {
    const json tools = {
        tool("add", {{"type", "object"}, {"properties", {{"a", {{"type", "integer"}}}}}, {"required", {"a"}}}),
        tool("now", nullptr)};
    const std::string add = "<tool_calls>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_calls>";
    const std::string both = "<tool_calls>\n{\"name\":\"now\",\"arguments\":{}}\n{\"name\":\"add\",\"arguments\":{"
                             "\"a\":1}}\n</tool_calls>";
    chat({{"tools", tools}});
    EXPECT_EQ(lastConstraint(), nullptr);
    chat({{"tools", tools}, {"tool_choice", "required"}});
    EXPECT_TRUE(passes(lastConstraint(), add));
    EXPECT_TRUE(passes(lastConstraint(), both));
    EXPECT_FALSE(passes(lastConstraint(), "no"));
    chat({{"tools", tools}, {"tool_choice", "required"}, {"parallel_tool_calls", false}});
    EXPECT_TRUE(passes(lastConstraint(), add));
    EXPECT_FALSE(passes(lastConstraint(), both));
    chat({{"tools", tools}, {"tool_choice", {{"type", "function"}, {"function", {{"name", "now"}}}}}});
    EXPECT_FALSE(passes(lastConstraint(), add));
    EXPECT_TRUE(passes(lastConstraint(), "<tool_calls>\n{\"name\":\"now\",\"arguments\":{}}\n</tool_calls>"));
}

TEST_F(ShapeTest, RefusesWithTheNameOfTheField) {
    const json object = {{"type", "object"}};
    const json tools = {tool("add", {{"type", "object"}, {"minProperties", 1}}), tool("now", object)};
    const std::tuple<json, const char*, const char*> refusals[] = {
        {{{"response_format", {{"type", "json_schema"}}}}, "response_format.json_schema", "missing"},
        {{{"response_format", {{"type", "json_schema"}, {"json_schema", {{"schema", object}}}}}},
         "response_format.json_schema.name",
         "missing"},
        {{{"response_format", {{"type", "json_schema"}, {"json_schema", {{"name", "x"}}}}}},
         "response_format.json_schema.schema",
         "missing"},
        {{{"response_format", {{"type", "json_object"}, {"colour", 1}}}}, "response_format.colour", "unknown"},
        {{{"response_format", format({{"properties", {{"a", {{"not", object}}}}}})}},
         "response_format.json_schema.schema.properties.a.not",
         "'not' is not supported"},
        {{{"tools", tools}, {"tool_choice", "required"}},
         "tools[0].function.parameters.minProperties",
         "'minProperties'"},
        {{{"tools", tools}, {"tool_choice", "sometimes"}}, "tool_choice", "must be"},
        {{{"tools", tools}, {"tool_choice", {{"type", "function"}, {"function", {{"name", "gone"}}}}}},
         "tool_choice",
         "no tool 'gone'"},
        {{{"tools", {tools[1]}}, {"tool_choice", "required"}, {"response_format", {{"type", "json_object"}}}},
         "tool_choice",
         "at once"},
    };
    for (const auto& [body, param, text] : refusals) {
        const ClientReply reply = chat(body);
        EXPECT_EQ(reply.status, 400) << body;
        EXPECT_EQ(reply.errorParam(), param) << body;
        EXPECT_THAT(reply.errorText(), HasSubstr(text)) << body;
    }
    EXPECT_TRUE(service_->requests().empty());
}

} // namespace
} // namespace fulgurite::node::test
