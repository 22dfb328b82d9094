// SPDX-License-Identifier: Apache-2.0
// /v1/completions and /v1/models.
#include "tests/node/node_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class CompletionTest : public NodeTest {
  protected:
    ClientReply complete(const json& more) {
        json body{{"model", "scripted"}};
        body.update(more);
        return post("/v1/completions", body);
    }
};

TEST_F(CompletionTest, ModelsAreListedAndShown) {
    EXPECT_EQ(get("/v1/models").json().at("data").at(0).at("max_model_len"), 4096);
    EXPECT_EQ(get("/v1/models/scripted").json().at("object"), "model");
    EXPECT_EQ(get("/v1/models/other").status, 404);
    // Names with spaces and slashes come escaped; what is no escape stands for itself.
    EXPECT_EQ(get("/v1/models/script%65d").status, 200);
    EXPECT_EQ(get("/v1/models/%73%63%72%69%70%74%65%64").json().at("id"), "scripted");
    EXPECT_THAT(get("/v1/models/MiniMaxAI%2fMiniMax%20M1").errorText(), HasSubstr("'MiniMaxAI/MiniMax M1'"));
    EXPECT_THAT(get("/v1/models/a%2").errorText(), HasSubstr("'a%2'"));
    EXPECT_THAT(get("/v1/models/%zz%").errorText(), HasSubstr("'%zz%'"));
    EXPECT_EQ(get("/v1/models/%ff").status, 404);
}

TEST_F(CompletionTest, PromptsOfEveryForm) {
    EXPECT_EQ(complete({{"prompt", "Hi"}}).json().at("choices").at(0).at("text"), "Hello world");
    EXPECT_EQ(service_->requests().back().stop.max_tokens, 16);
    complete({{"prompt", {72, 105}}});
    EXPECT_EQ(service_->requests().back().prompt, (TokenIds{72, 105}));
    const json batch = complete({{"prompt", {"a", "bc"}}, {"n", 2}}).json();
    ASSERT_EQ(batch.at("choices").size(), 4U);
    EXPECT_EQ(batch.at("usage").at("prompt_tokens"), 3);
    EXPECT_EQ(complete({{"prompt", {{1, 2}, {3}}}}).json().at("choices").size(), 2U);
}

TEST_F(CompletionTest, WhatIsLeftOutIsAsTheModelRecommends) {
    complete({{"prompt", "Hi"}, {"top_k", 5}});
    const SamplerParams sampler = service_->requests().back().sampler;
    EXPECT_EQ(sampler.temperature, 0.2f);
    EXPECT_EQ(sampler.top_k, 5);
    EXPECT_EQ(sampler.top_p, 1.0f);
    post("/fulgurite/v1/generate", {{"prompt", "Hi"}});
    EXPECT_EQ(service_->requests().back().sampler.temperature, 1.0f); // this one has defaults of its own
}

TEST_F(CompletionTest, EchoScoresThePrompt) {
    const json choice = complete({{"prompt", "caf\xC3\xA9"}, {"echo", true}, {"logprobs", 2}, {"max_tokens", 1}})
                            .json()
                            .at("choices")
                            .at(0);
    EXPECT_EQ(choice.at("text"), "caf\xC3\xA9Hello");
    const json& logprobs = choice.at("logprobs");
    EXPECT_EQ(logprobs.at("tokens"), json::parse(R"(["c", "a", "f", "bytes:\\xc3", "bytes:\\xa9", "Hello"])"));
    EXPECT_EQ(logprobs.at("text_offset"), json::parse("[0, 1, 2, 3, 4, 4]"));
    EXPECT_TRUE(logprobs.at("token_logprobs").at(0).is_null());
    EXPECT_TRUE(logprobs.at("top_logprobs").at(0).is_null());
    EXPECT_DOUBLE_EQ(logprobs.at("top_logprobs").at(1).at("b"), -1.5);
}

TEST_F(CompletionTest, NoTokensAtAllIsAllowedWithEcho) {
    const json answer = complete({{"prompt", "ab"}, {"echo", true}, {"logprobs", 0}, {"max_tokens", 0}}).json();
    EXPECT_EQ(answer.at("choices").at(0).at("text"), "ab");
    EXPECT_EQ(answer.at("choices").at(0).at("logprobs").at("tokens").size(), 2U);
    EXPECT_EQ(answer.at("usage").at("completion_tokens"), 0);
}

TEST_F(CompletionTest, Streams) {
    const auto events = stream("/v1/completions", {{"prompt", "ab"}, {"stream", true}, {"echo", true}});
    std::string text;
    for (const ServerEvent& event : events) {
        if (event.data != "[DONE]") {
            text += event.json().at("choices").at(0).at("text").get<std::string>();
        }
    }
    EXPECT_EQ(text, "abHello world");
    EXPECT_EQ(events[events.size() - 2].json().at("choices").at(0).at("finish_reason"), "stop");
}

// A prompt may have a million tokens: what is known of it goes out as it comes, and nothing of it is collected.
TEST_F(CompletionTest, AStreamScoresThePromptAsItIsRead) {
    const json request{
        {"prompt", std::string(1000, 'a') + "\xC3\xA9"}, {"echo", true}, {"logprobs", 2}, {"max_tokens", 1}};
    const json whole = complete(request).json().at("choices").at(0);
    json streamed = request;
    streamed["stream"] = true;
    json seen{{"tokens", json::array()},
              {"token_logprobs", json::array()},
              {"top_logprobs", json::array()},
              {"text_offset", json::array()}};
    std::string text;
    std::size_t most = 0;
    const auto events = stream("/v1/completions", streamed);
    ASSERT_EQ(events.back().data, "[DONE]");
    for (const ServerEvent& event : events) {
        if (event.data == "[DONE]") {
            break;
        }
        const json choice = event.json().at("choices").at(0);
        text += choice.at("text").get<std::string>();
        most = std::max(most, choice.at("logprobs").at("tokens").size());
        for (auto& [list, values] : seen.items()) {
            for (const json& value : choice.at("logprobs").at(list)) {
                values.push_back(value);
            }
        }
    }
    EXPECT_EQ(text, whole.at("text"));
    EXPECT_EQ(seen, whole.at("logprobs"));
    EXPECT_LT(most, 200U) << "one event with all of the prompt would be as large as the prompt is";
}

TEST_F(CompletionTest, StopStringsAreNamed) {
    Script script;
    script.reason = FinishReason::Repetition;
    script.rest = "!";
    service_->setScript(script);
    const json choice = complete({{"prompt", "x"}}).json().at("choices").at(0);
    EXPECT_EQ(choice.at("text"), "Hello world!");
    EXPECT_EQ(choice.at("finish_reason"), "length");
    EXPECT_EQ(choice.at("stop_reason"), "repetition");
}

TEST_F(CompletionTest, Refusals) {
    EXPECT_EQ(complete(json::object()).errorParam(), "prompt");
    EXPECT_EQ(complete({{"prompt", ""}}).errorParam(), "prompt");
    EXPECT_EQ(complete({{"prompt", json::array()}}).errorParam(), "prompt");
    EXPECT_EQ(complete({{"prompt", {1, 10'000}}}).errorParam(), "prompt[1]");
    EXPECT_EQ(complete({{"prompt", {1, "x"}}}).errorParam(), "prompt[1]");
    EXPECT_EQ(complete({{"prompt", {"a", "b", "c"}}, {"n", 6}}).errorParam(), "n");
    EXPECT_EQ(complete({{"prompt", "x"}, {"max_tokens", 0}}).errorParam(), "max_tokens");
    EXPECT_EQ(complete({{"prompt", "x"}, {"suffix", "y"}}).errorParam(), "suffix");
    EXPECT_EQ(complete({{"prompt", "x"}, {"best_of", 3}}).errorParam(), "best_of");
    EXPECT_THAT(complete({{"prompt", "x"}, {"logprobs", true}}).errorText(),
                HasSubstr("must be an integer, not boolean"));
}

} // namespace
} // namespace fulgurite::node::test
