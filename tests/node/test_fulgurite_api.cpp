// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1: info, status, generate, tokenize, reentry, and a model that is not there yet.
#include "tests/node/node_fixture.h"

#include <gmock/gmock.h>

#include <future>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class FulguriteApiTest : public NodeTest {
  protected:
    std::vector<ServerEvent> generate(const json& body) { return stream("/fulgurite/v1/generate", body); }
    std::string lastPrompt() const {
        std::string text;
        const TokenIds prompt = service_->requests().back().prompt;
        for (const TokenId id : prompt) {
            text += service_->bytesOf(id);
        }
        return text;
    }
};

TEST_F(FulguriteApiTest, InfoAndStatus) {
    const json info = get("/fulgurite/v1/info").json();
    EXPECT_EQ(info.at("protocol"), 1);
    EXPECT_EQ(info.at("model").at("layers"), json::parse(R"(["lightning", "softmax"])"));
    EXPECT_EQ(info.at("model").at("sampling"), json::parse(R"({"temperature": 0.2, "top_k": 40})"));
    EXPECT_THAT(info.at("capabilities"), testing::Contains("chat"));
    EXPECT_GT(info.at("machine").at("cores").get<int>(), 0);
    const json status = get("/fulgurite/v1/status").json();
    EXPECT_EQ(status.at("memory_limit"), 1 << 20);
    EXPECT_GT(status.at("uptime_seconds").get<double>(), 0);
}

TEST_F(FulguriteApiTest, GenerateTellsEverythingAboutATokens) {
    service_->setScript(Script::of({"<think>", "a", "</think>", "\n", "b"}));
    const auto events = generate({{"prompt", "Hi"}, {"alternatives", 2}});
    EXPECT_EQ(events.at(0).name, "start");
    EXPECT_EQ(events.at(0).json().at("prompt_tokens"), 2);
    EXPECT_EQ(events.at(1).name, "prefill");
    EXPECT_EQ(events.at(1).json().at("total"), 2);
    json tokens = json::array();
    for (const ServerEvent& event : events) {
        if (event.name == "token") {
            const json data = event.json();
            for (const json& token : data.at("tokens")) {
                tokens.push_back(token);
            }
        }
    }
    ASSERT_EQ(tokens.size(), 5U);
    EXPECT_EQ(tokens[0].at("channel"), "marker");
    EXPECT_EQ(tokens[1].at("channel"), "thinking");
    EXPECT_EQ(tokens[4].at("channel"), "answer");
    EXPECT_EQ(tokens[4].at("text"), "b");
    EXPECT_DOUBLE_EQ(tokens[4].at("logprob_after"), -0.25);
    EXPECT_EQ(tokens[4].at("before"), json::parse(R"([[97, -0.5, "a"], [98, -1.5, "b"]])"));
    EXPECT_EQ(events.back().name, "done");
    EXPECT_EQ(events.back().json().at("reason"), "end_of_sentence");
    EXPECT_EQ(events.back().json().at("usage").at("completion_tokens"), 5);
}

TEST_F(FulguriteApiTest, SampledTokensReplaceTheirMessage) {
    const json messages = json::parse(R"([{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "ignored", "tokens": [88, 89, 256]},
        {"role": "user", "content": "More"}])");
    generate({{"messages", messages}, {"continue_tokens", {90}}});
    EXPECT_EQ(lastPrompt(),
              "[user]Hi<end_of_sentence>[assistant]XY<end_of_sentence>[user]More<end_of_sentence>[assistant]Z");
    const TokenIds prompt = service_->requests().back().prompt;
    EXPECT_EQ(std::count(prompt.begin(), prompt.end(), kEndOfSentence), 3)
        << "the model's own end of sentence and the template's are one";
}

// What a person types is text, whatever it spells: it cannot end their turn. An assistant's is read as it was
// written.
TEST_F(FulguriteApiTest, TypedSpecialTokensStayText) {
    const auto promptOf = [this](const json& message) {
        generate({{"messages", {message}}});
        const TokenIds tokens = service_->requests().back().prompt;
        return std::count(tokens.begin(), tokens.end(), kEndOfSentence);
    };
    const std::string typed = "a<end_of_sentence>b";
    EXPECT_EQ(promptOf({{"role", "user"}, {"content", "plain"}}), 1) << "the template's";
    EXPECT_EQ(promptOf({{"role", "user"}, {"content", typed}}), 1);
    EXPECT_EQ(promptOf({{"role", "user"}, {"content", {{{"type", "text"}, {"text", typed}}}}}), 1);
    EXPECT_EQ(promptOf({{"role", "assistant"}, {"content", typed}}), 2);
    // Whoever writes the characters by which such texts are found again in the template's gets them back.
    const std::string own = typed + "\uE0F0\uE0F00\uE0F10\uE0F1\uE0F0" + "1\uE0F1c";
    EXPECT_EQ(promptOf({{"role", "user"}, {"content", own}}), 1);
    const TokenIds shown = service_->requests().back().prompt;
    const TokenIds expected = service_->encode(own, SpecialTokens::AsText);
    EXPECT_NE(std::search(shown.begin(), shown.end(), expected.begin(), expected.end()), shown.end());
}

// Whoever continues may have streamed less than the tokens spell: a part of a character, or what a stop string held
// back.
TEST_F(FulguriteApiTest, StartTellsTheTextOfWhatIsContinued) {
    const auto start = [this](const TokenIds& ids) {
        return generate({{"prompt", "Hi"}, {"continue_tokens", ids}}).at(0).json();
    };
    const json whole = start({97, 10, 98});
    EXPECT_EQ(whole.at("text_bytes"), 3);
    EXPECT_EQ(whole.at("text_end"), "a\nb");
    const json part = start({97, 0xC3}); // the first byte of é
    EXPECT_EQ(part.at("text_bytes"), 1);
    EXPECT_EQ(part.at("text_end"), "a");
    EXPECT_EQ(start(TokenIds(3000, 97)).at("text_end").get<std::string>().size(), 1024U);
    EXPECT_FALSE(generate({{"prompt", "Hi"}}).at(0).json().contains("text_end"));
}

TEST_F(FulguriteApiTest, ContinuingInsideThinkingKeepsTheChannel) {
    const TokenId open = service_->idOf("<think>");
    service_->setScript(Script::of({"more", "</think>", "done"}));
    std::vector<std::string> channels;
    for (const ServerEvent& event : generate({{"prompt", "Hi"}, {"continue_tokens", {open, 97}}})) {
        if (event.name == "token") {
            const json data = event.json();
            for (const json& token : data.at("tokens")) {
                channels.push_back(token.at("channel"));
            }
        }
    }
    EXPECT_THAT(channels, testing::ElementsAre("thinking", "marker", "answer"));
}

TEST_F(FulguriteApiTest, GeneratePassesItsSettingsOn) {
    generate({{"tokens", {1, 2}},
              {"sampler", {{"temperature", 0}, {"seed", 5}}},
              {"stop",
               {{"max_tokens", 1}, {"strings", {"x"}}, {"repetition", {{"run", 3000}, {"probability", 0.98}}}}}});
    const GenerateRequest request = service_->requests().back();
    EXPECT_EQ(request.prompt, (TokenIds{1, 2}));
    EXPECT_EQ(request.sampler.seed, 5U);
    EXPECT_EQ(request.stop.repetition.run, 3000);
    EXPECT_FLOAT_EQ(request.stop.repetition.probability, 0.98f);
    EXPECT_EQ(post("/fulgurite/v1/generate", {{"prompt", "x"}, {"tokens", {1}}}).status, 400);
    EXPECT_EQ(post("/fulgurite/v1/generate", {{"prompt", "x"}, {"sampler", {{"temp", 1}}}}).errorParam(),
              "sampler.temp");
    EXPECT_EQ(post("/fulgurite/v1/generate", {{"tokens", json::array()}}).errorParam(), "tokens");
}

TEST_F(FulguriteApiTest, Tokenize) {
    const json parsed = post("/fulgurite/v1/tokenize", {{"text", "a<end_of_sentence>"}, {"pieces", true}}).json();
    EXPECT_EQ(parsed.at("tokens"), json::parse("[97, 256]"));
    EXPECT_EQ(parsed.at("pieces"), json::parse(R"(["a", "<end_of_sentence>"])"));
    EXPECT_EQ(
        post("/fulgurite/v1/tokenize", {{"text", "a<end_of_sentence>"}, {"special", false}}).json().at("count"),
        18);
    EXPECT_EQ(post("/fulgurite/v1/tokenize", {{"messages", chatBody().at("messages")}}).json().at("count"), 20);
}

TEST_F(FulguriteApiTest, Reentry) {
    const json costs =
        post("/fulgurite/v1/reentry", json::parse(R"({"sequences": [{"tokens": [1, 2], "continue_tokens": [3, 4]},
        {"messages": [{"role": "assistant", "tokens": [5]}]}]})"))
            .json()
            .at("costs");
    EXPECT_EQ(costs.at(0), json::parse(R"({"tokens": 4, "reused": 2, "seconds": 0.5})"));
    EXPECT_EQ(costs.at(1).at("tokens"), 13) << "no generation prompt after an answer";
    EXPECT_EQ(post("/fulgurite/v1/reentry", {{"sequences", {json::object()}}}).status, 400);
}

TEST_F(FulguriteApiTest, SearchPromptsAreTheLinesOfTheAnswer) {
    service_->setScript(
        Script::of({"<think>", "hm", "</think>", "\n\n1. first", " one\n", "2. second\n", "\nfirst one"}));
    const json reply = post("/fulgurite/v1/search-prompts", {{"query", "two things"}}).json();
    EXPECT_EQ(reply.at("prompts"), json::parse(R"(["first one", "second"])"));
    EXPECT_EQ(reply.at("usage").at("completion_tokens"), 7);
    ASSERT_FALSE(service_->requests().empty());
    const GenerateRequest asked = service_->requests().back();
    EXPECT_EQ(asked.sampler.temperature, 0.0f);
    EXPECT_EQ(asked.stop.max_tokens, 512);
    EXPECT_EQ(post("/fulgurite/v1/search-prompts", {{"query", "x"}, {"count", 1}}).json().at("prompts"),
              json::parse(R"(["first one"])"));
    service_->setScript(Script::of({" \n"}));
    EXPECT_EQ(post("/fulgurite/v1/search-prompts", {{"query", "x"}}).json().at("prompts"), json::array());
    EXPECT_EQ(post("/fulgurite/v1/search-prompts", {{"query", ""}}).errorParam(), "query");
    EXPECT_EQ(post("/fulgurite/v1/search-prompts", json::object()).errorParam(), "query");
    EXPECT_EQ(post("/fulgurite/v1/search-prompts", {{"query", "x"}, {"count", 17}}).errorParam(), "count");
    EXPECT_EQ(post("/fulgurite/v1/search-prompts", {{"query", "x"}, {"temperature", 1}}).errorParam(),
              "temperature");
}

TEST(ModelHostTest, RequestsWaitForTheModelAndLearnWhyItFailed) {
    std::promise<void> gate;
    Metrics metrics;
    HttpServer server({}, metrics);
    ModelHost host(
        [&](LoadProgress&) -> std::unique_ptr<ModelService> {
            gate.get_future().wait();
            fail(ErrorKind::Corrupt, "model.safetensors: the header is cut off");
        },
        nullptr);
    const AccessControl everybody("");
    Node node(host, metrics, everybody);
    std::thread thread([&] { server.run(node); });
    RawClient client(server.port());
    client.send(requestText("GET", "/health", ""));
    EXPECT_EQ(client.reply().json().at("status"), "loading");
    client.send(requestText("GET", "/health/ready", ""));
    EXPECT_EQ(client.reply().status, 503);
    client.send(requestText("GET", "/v1/models", ""));
    const ClientReply loading = client.reply();
    EXPECT_EQ(loading.status, 503);
    EXPECT_EQ(loading.fields.at("retry-after"), "1");
    gate.set_value();
    EXPECT_TRUE(eventually([&] { return host.state() == ModelHost::State::Failed; }));
    client.send(requestText("GET", "/health", ""));
    EXPECT_THAT(client.reply().json().at("message").get<std::string>(), HasSubstr("header is cut off"));
    client.send(requestText("POST", "/v1/completions", "{}"));
    EXPECT_EQ(client.reply().json().at("error").at("code"), "model_failed");
    server.stop(std::chrono::milliseconds(0));
    thread.join();
}

} // namespace
} // namespace fulgurite::node::test
