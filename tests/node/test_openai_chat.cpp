// SPDX-License-Identifier: Apache-2.0
// /v1/chat/completions: validation, answers, streams, reasoning, tools, log-probabilities.
#include "tests/node/node_fixture.h"

#include <gmock/gmock.h>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPath = "/v1/chat/completions";

class ChatTest : public NodeTest {
  protected:
    ClientReply chat(const json& more = json::object()) { return post(kPath, chatBody(more)); }
    std::vector<ServerEvent> chatStream(json more = json::object()) {
        more["stream"] = true;
        return stream(kPath, chatBody(more));
    }
    GenerateRequest last() const { return service_->requests().back(); }
};

// The joined deltas of one field of choice 0.
std::string joined(const std::vector<ServerEvent>& events, const std::string& field) {
    std::string text;
    for (const ServerEvent& event : events) {
        if (event.data == "[DONE]") {
            break;
        }
        const json chunk = event.json();
        for (const json& choice : chunk.at("choices")) {
            if (choice.at("index") == 0 && choice.at("delta").contains(field)) {
                text += choice["delta"][field].get<std::string>();
            }
        }
    }
    return text;
}

TEST_F(ChatTest, AnswersWithUsage) {
    const json answer = chat().json();
    EXPECT_EQ(answer.at("object"), "chat.completion");
    EXPECT_THAT(answer.at("id").get<std::string>(), testing::StartsWith("chatcmpl-"));
    EXPECT_EQ(answer.at("model"), "scripted");
    const json& choice = answer.at("choices").at(0);
    EXPECT_EQ(choice.at("message").at("role"), "assistant");
    EXPECT_EQ(choice.at("message").at("content"), "Hello world");
    EXPECT_FALSE(choice.at("message").contains("reasoning_content"));
    EXPECT_EQ(choice.at("finish_reason"), "stop");
    EXPECT_TRUE(choice.at("logprobs").is_null());
    // "[user]Hi" is 8 bytes, then the end of sentence, then "[assistant]" is 11.
    EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 20);
    EXPECT_EQ(answer.at("usage").at("completion_tokens"), 2);
    EXPECT_EQ(answer.at("usage").at("total_tokens"), 22);
}

TEST_F(ChatTest, StreamsChunksAndUsage) {
    const auto events = chatStream({{"stream_options", {{"include_usage", true}}}});
    ASSERT_GE(events.size(), 5U);
    EXPECT_EQ(events[0].json().at("choices").at(0).at("delta").at("role"), "assistant");
    EXPECT_EQ(joined(events, "content"), "Hello world");
    EXPECT_EQ(events.back().data, "[DONE]");
    const json usage = events[events.size() - 2].json();
    EXPECT_TRUE(usage.at("choices").empty());
    EXPECT_EQ(usage.at("usage").at("completion_tokens"), 2);
    const json finish = events[events.size() - 3].json();
    EXPECT_EQ(finish.at("choices").at(0).at("finish_reason"), "stop");
    EXPECT_TRUE(finish.at("usage").is_null());
}

TEST_F(ChatTest, ReasoningIsApart) {
    service_->setScript(Script::of({"<thi", "nk>\n", "17+58", "\n</", "think", ">\n\n", "It is ", "75."}));
    const json message = chat().json().at("choices").at(0).at("message");
    EXPECT_EQ(message.at("reasoning_content"), "17+58");
    EXPECT_EQ(message.at("content"), "It is 75.");
    const auto events = chatStream();
    EXPECT_EQ(joined(events, "reasoning_content"), "17+58");
    EXPECT_EQ(joined(events, "content"), "It is 75.");
}

TEST_F(ChatTest, HeldTextOfAnUnfinishedThoughtIsNotLost) {
    Script script = Script::of({"<think>", "so ", "</th"});
    script.rest = "in";
    service_->setScript(script);
    EXPECT_EQ(chat().json().at("choices").at(0).at("message").at("reasoning_content"), "so </thin");
}

TEST_F(ChatTest, ToolCallsAreParsedWhenToolsWereGiven) {
    service_->setScript(
        Script::of({"<think>", "use <tool_calls> now", "</think>", "\nLet me see.\n<tool", "_calls>\n",
                    R"({"name": "add", "arguments": {"a": 1}})", "\n", R"({"name": "sub"})", "\n</tool_calls>"}));
    const json tools = json::array({{{"type", "function"}, {"function", {{"name", "add"}}}}});
    const json choice = chat({{"tools", tools}}).json().at("choices").at(0);
    EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
    EXPECT_EQ(choice.at("message").at("content"), "Let me see.\n");
    ASSERT_EQ(choice.at("message").at("tool_calls").size(), 2U);
    EXPECT_EQ(choice.at("message").at("tool_calls").at(0).at("function").at("arguments"), R"({"a": 1})");
    EXPECT_EQ(choice.at("message").at("tool_calls").at(1).at("function").at("name"), "sub");
    EXPECT_THAT(chat().json().at("choices").at(0).at("message").at("content").get<std::string>(),
                HasSubstr("<tool_calls>"));
    json calls = json::array();
    for (const ServerEvent& event : chatStream({{"tools", tools}})) {
        if (event.data == "[DONE]") {
            continue;
        }
        const json delta = event.json().at("choices").at(0).at("delta");
        for (const json& call : delta.value("tool_calls", json::array())) {
            calls.push_back(call);
        }
    }
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(calls.at(0).at("index"), 0);
    EXPECT_EQ(calls.at(1).at("index"), 1);
    EXPECT_EQ(calls.at(1).at("function").at("name"), "sub");
    service_->setScript(Script::of({"<tool_calls>", "add(1)", "</tool_calls>"}));
    const json spoiled = chat({{"tools", tools}}).json().at("choices").at(0);
    EXPECT_EQ(spoiled.at("finish_reason"), "stop");
    EXPECT_EQ(spoiled.at("message").at("content"), "<tool_calls>add(1)</tool_calls>");
}

TEST_F(ChatTest, ArgumentsOfToolCallsAreStreamedInFragments) {
    service_->setScript(Script::of(
        {"<tool_calls>\n{\"name\": ", "\"add\", \"arguments\": {", "\"a\": ", "1", "}", "}\n</tool", "_calls>"}));
    const json tools = json::array({{{"type", "function"}, {"function", {{"name", "add"}}}}});
    std::vector<std::string> fragments;
    std::string finish;
    for (const ServerEvent& event : chatStream({{"tools", tools}})) {
        if (event.data == "[DONE]") {
            continue;
        }
        const json choice = event.json().at("choices").at(0);
        for (const json& call : choice.at("delta").value("tool_calls", json::array())) {
            EXPECT_EQ(call.at("index"), 0);
            EXPECT_EQ(call.contains("id"), fragments.empty());
            EXPECT_EQ(call.at("function").contains("name"), fragments.empty());
            fragments.push_back(call.at("function").at("arguments"));
        }
        finish = choice.at("finish_reason").is_null() ? finish : choice.at("finish_reason").get<std::string>();
    }
    EXPECT_THAT(fragments, ElementsAre("{", "\"a\": ", "1", "}"));
    EXPECT_EQ(finish, "tool_calls");
}

TEST_F(ChatTest, LogprobsCarryBytesOfBrokenCharacters) {
    service_->setScript(Script::of({"\xE4\xBD", "\xA0", "ok"}));
    const json answer = chat({{"logprobs", true}, {"top_logprobs", 3}}).json();
    const json& entries = answer.at("choices").at(0).at("logprobs").at("content");
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].at("bytes"), json::parse("[228, 189]"));
    EXPECT_THAT(entries[0].at("token").get<std::string>(), HasSubstr("\xEF\xBF\xBD"));
    EXPECT_EQ(entries[2].at("token"), "ok");
    EXPECT_DOUBLE_EQ(entries[2].at("logprob"), -0.5);
    ASSERT_EQ(entries[2].at("top_logprobs").size(), 3U);
    EXPECT_EQ(entries[2].at("top_logprobs").at(1).at("token"), "b");
    EXPECT_EQ(last().alternatives, 3);
    std::size_t streamed = 0;
    for (const ServerEvent& event : chatStream({{"logprobs", true}})) {
        if (event.data != "[DONE]" && !event.json().at("choices").at(0).at("logprobs").is_null()) {
            streamed += event.json()["choices"][0]["logprobs"]["content"].size();
        }
    }
    EXPECT_EQ(streamed, 3U);
}

TEST_F(ChatTest, PassesEverySettingOn) {
    chat({{"temperature", 0.5},
          {"top_p", 0.9},
          {"top_k", -1},
          {"min_p", 0.1},
          {"seed", -7},
          {"max_completion_tokens", 1},
          {"presence_penalty", 1},
          {"frequency_penalty", -1},
          {"repetition_penalty", 1.1},
          {"stop", {"a", "b"}},
          {"stop_token_ids", {3}},
          {"ignore_eos", true},
          {"thinking_budget", 9},
          {"logit_bias", {{"42", -100}}},
          {"n", 3},
          {"user", "me"},
          {"metadata", json::object()},
          {"store", false},
          {"parallel_tool_calls", true},
          {"response_format", {{"type", "text"}}},
          {"tool_choice", "auto"},
          {"stream", nullptr}});
    const auto requests = service_->requests();
    ASSERT_EQ(requests.size(), 3U);
    const GenerateRequest& second = requests[1];
    EXPECT_FLOAT_EQ(second.sampler.temperature, 0.5f);
    EXPECT_FLOAT_EQ(second.sampler.top_p, 0.9f);
    EXPECT_EQ(second.sampler.top_k, 0);
    EXPECT_FLOAT_EQ(second.sampler.min_p, 0.1f);
    EXPECT_EQ(second.sampler.seed, static_cast<std::uint64_t>(-7) + 1);
    EXPECT_FLOAT_EQ(second.sampler.repetition_penalty, 1.1f);
    EXPECT_EQ(second.sampler.logit_bias.at(42), -100.0f);
    EXPECT_EQ(second.stop.max_tokens, 1);
    EXPECT_THAT(second.stop.strings, ElementsAre("a", "b"));
    EXPECT_THAT(second.stop.token_ids, ElementsAre(3));
    EXPECT_TRUE(second.stop.ignore_eos);
    EXPECT_EQ(second.stop.thinking_budget, 9);
    EXPECT_FALSE(second.report_tokens);
}

TEST_F(ChatTest, SeveralChoicesAndTheirUsage) {
    const json answer = chat({{"n", 3}, {"max_tokens", 1}}).json();
    ASSERT_EQ(answer.at("choices").size(), 3U);
    EXPECT_EQ(answer.at("choices").at(2).at("index"), 2);
    EXPECT_EQ(answer.at("choices").at(2).at("finish_reason"), "length");
    EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 20);
    EXPECT_EQ(answer.at("usage").at("completion_tokens"), 3);
}

TEST_F(ChatTest, ContentMayBeParts) {
    chat({{"messages",
           {{{"role", "developer"}, {"content", "Be kind."}},
            {{"role", "user"}, {"content", {{{"type", "text"}, {"text", "Hi"}}}}}}}});
    const std::string expected = "[system]Be kind.";
    const TokenIds prompt = last().prompt;
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), prompt.begin()));
}

struct Refusal {
    const char* body; // merged into a good request
    const char* param;
    const char* text;
};

TEST_F(ChatTest, RefusesWithTheNameOfTheField) {
    const Refusal refusals[] = {
        {R"({"temperature": 3})", "temperature", "between 0 and 2"},
        {R"({"temperature": "hot"})", "temperature", "must be a number, not string"},
        {R"({"top_p": 1.5})", "top_p", "between"},
        {R"({"max_tokens": 0})", "max_tokens", "between 1"},
        {R"({"max_tokens": 1, "max_completion_tokens": 2})", "max_tokens", "differs"},
        {R"({"n": 17})", "n", "between 1 and 16"},
        {R"({"stop": ""})", "stop", "not empty"},
        {R"({"stop": [1]})", "stop", "not empty"},
        {R"({"logit_bias": {"x": 1}})", "logit_bias", "not a token id"},
        {R"({"logit_bias": {"10000": 1}})", "logit_bias", "not a token id"},
        {R"({"logit_bias": {"1": 101}})", "logit_bias", "between -100 and 100"},
        {R"({"top_logprobs": 2})", "top_logprobs", "only together"},
        {R"({"logprobs": true, "top_logprobs": 21})", "top_logprobs", "between 0 and 20"},
        {R"({"stream_options": {"include_usage": true}})", "stream_options", "only together"},
        {R"({"response_format": {"type": "xml"}})", "response_format.type", "json_schema"},
        {R"({"tool_choice": "required"})", "tool_choice", "no tools"},
        {R"({"functions": []})", "functions", "send 'tools'"},
        {R"({"reasoning_effort": "low"})", "reasoning_effort", "thinking_budget"},
        {R"({"temprature": 1})", "temprature", "did you mean 'temperature'"},
        {R"({"tools": [{"type": "function"}]})", "tools[0].name", "function with a name"},
        {R"({"messages": []})", "messages", "at least one"},
        {R"({"messages": [{"role": "user"}]})", "messages[0].content", "missing"},
        {R"({"messages": [{"role": "king", "content": "x"}]})", "messages[0].role", "must be system"},
        {R"({"messages": [{"role": "user", "content": 1}]})", "messages[0].content", "string or a list"},
        {R"({"messages": [{"role": "user", "content": "x", "colour": 1}]})", "messages[0].colour", "unknown"},
        {R"({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]})",
         "messages[0].content[0]", "text only"},
        {R"({"messages": [{"role": "assistant", "content": "x", "tokens": [1]}]})", "messages[0].tokens",
         "unknown"},
    };
    for (const Refusal& refusal : refusals) {
        const ClientReply reply = chat(json::parse(refusal.body));
        EXPECT_EQ(reply.status, 400) << refusal.body;
        EXPECT_EQ(reply.errorParam(), refusal.param) << refusal.body;
        EXPECT_THAT(reply.errorText(), HasSubstr(refusal.text)) << refusal.body;
    }
    const ClientReply unknown = chat({{"model", "gpt-4"}});
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(unknown.json().at("error").at("code"), "model_not_found");
    EXPECT_TRUE(service_->requests().empty());
}

TEST_F(ChatTest, RefusalsOfTheEngineKeepTheirKind) {
    Script script;
    script.refusal = Error(ErrorKind::OutOfMemory, "the prompt needs 9 GB and 1 GB is left");
    service_->setScript(script);
    ClientReply reply = chat();
    EXPECT_EQ(reply.status, 400);
    EXPECT_THAT(reply.errorText(), HasSubstr("9 GB"));
    EXPECT_EQ(reply.json().at("error").at("code"), "context_length_exceeded");
    EXPECT_EQ(reply.json().at("error").at("type"), "invalid_request_error");
    script.refusal = Error(ErrorKind::Unavailable, "the queue is full");
    service_->setScript(script);
    reply = chat();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.fields.at("retry-after"), "1");
}

// Where the order of members matters, looking one up takes as long as there are members: by the square for all of them.
TEST_F(ChatTest, ManyMembersHoldUpNobody) {
    json many;
    for (int i = 0; i < 300'000; ++i) {
        many[fmt::format("k{}", i)] = 0;
    }
    EXPECT_EQ(chat({{"tools", json::array()}, {"metadata", many}}).status, 200);
    const json function{{"name", "f"}, {"parameters", {{"type", "object"}, {"properties", many}}}};
    const ClientReply refused = chat({{"tools", {{{"type", "function"}, {"function", function}}}}});
    EXPECT_EQ(refused.status, 400);
    EXPECT_THAT(refused.errorText(), HasSubstr("more than 4096 members"));
}

TEST_F(ChatTest, FailuresOnTheWayAreAnErrorOrAnEvent) {
    Script script;
    script.failure = Error(ErrorKind::Internal, "the state was lost");
    service_->setScript(script);
    EXPECT_EQ(chat().status, 500);
    const auto events = chatStream();
    ASSERT_GE(events.size(), 2U);
    EXPECT_EQ(events[events.size() - 2].json().at("error").at("message"), "the state was lost");
}

TEST_F(ChatTest, InterventionsReachTheEngine) {
    chat({{"intervention", {{"heads", {{{"layer", 1}, {"head", 3}}}}, {"from", "answer"}}}});
    const GenerateRequest request = last();
    EXPECT_EQ(request.intervention.heads, (std::vector<HeadScale>{{1, 3, 0.0f}}));
    EXPECT_EQ(request.intervention.from, request.prompt.size() - 1);
}

TEST_F(ChatTest, InterventionsOnWhatTheModelDoesNotHaveAreRefused) {
    for (const auto& [field, message] : std::vector<std::pair<json, std::string>>{
             {{{"heads", {{{"layer", 1}, {"head", 4}}}}}, "layer 1 has no head 4; the model's are 0 to 3"},
             {{{"layers", {{{"layer", 2}}}}}, "no layer 2; its layers are 0 to 1"},
             {{{"experts", {{{"layer", 0}, {"expert", 99}}}}}, "has no expert 99"},
             {{{"haeds", json::array()}}, "no field \"haeds\""},
             {json::array(), "must be an object"}}) {
        const ClientReply reply = chat({{"intervention", field}});
        EXPECT_EQ(reply.status, 400);
        EXPECT_EQ(reply.json().at("error").at("param"), "intervention");
        EXPECT_THAT(reply.json().at("error").at("message").get<std::string>(), HasSubstr(message));
    }
}

} // namespace
} // namespace fulgurite::node::test
