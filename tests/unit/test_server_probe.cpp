// SPDX-License-Identifier: Apache-2.0
// Finding out what a server is and can do, from scripted answers, and how its refusals read.
#include "core/client/engine_json.h"
#include "core/client/server_probe.h"
#include "tests/unit/scripted_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulgurite::client {
namespace {

using testing::HasSubstr;

struct Answer {
    int status;
    std::string body;
};

// Answers by "METHOD PATH"; what is not listed is not found, as FastAPI says it.
class Server {
  public:
    explicit Server(std::map<std::string, Answer> answers)
        : server_([answers = std::move(answers)](const std::string& request) {
              const std::string line = request.substr(0, request.find(" HTTP/"));
              const auto known = answers.find(line);
              const Answer answer =
                  known == answers.end() ? Answer{404, R"({"detail":"Not Found"})"} : known->second;
              return ScriptedServer::Script{
                  {ScriptedServer::answer(answer.status, "application/json", answer.body)}};
          }) {}

    ServerProbe probe() const {
        return probeServer(parseUrl("http://127.0.0.1:" + std::to_string(server_.port())), {}, {});
    }

  private:
    ScriptedServer server_;
};

const std::string kPlainChat =
    R"({"choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"length"}]})";
const std::string kScoredChat =
    R"({"choices":[{"message":{"role":"assistant","content":"Hi","reasoning_content":null},"logprobs":{"content":[
       {"token":"Hi","logprob":-0.5,"top_logprobs":[{"token":"Hi","logprob":-0.5},{"token":"No","logprob":-2}]}]}}]})";

TEST(ServerProbe, VllmIsKnownByItsModelsAndAskedForItsVersion) {
    const Server server(
        {{"GET /v1/models", {200, R"({"data":[{"id":"m1","owned_by":"vllm","max_model_len":40960}]})"}},
         {"GET /version", {200, R"({"version":"0.23.0"})"}},
         {"POST /v1/chat/completions", {200, kScoredChat}},
         {"POST /v1/completions", {200, R"({"choices":[{"text":" there"}]})"}}});
    const ServerProbe probe = server.probe();
    EXPECT_EQ(probe.facts.kind, ServerKind::Vllm);
    EXPECT_EQ(probe.facts.version, "0.23.0");
    ASSERT_TRUE(probe.info);
    EXPECT_EQ(probe.info->model.id, "m1");
    EXPECT_EQ(probe.info->model.max_positions, 40960u);
    for (const char* each : {"chat", "completions", "logprobs", "reasoning"})
        EXPECT_TRUE(probe.info->can(each)) << each;
    EXPECT_THAT(probe.facts.whyNot(*probe.info, "embeddings"), HasSubstr("vLLM gives no embeddings."));
    EXPECT_THAT(probe.facts.whyNot(*probe.info, "captures"), HasSubstr("vLLM does not expose"));
    EXPECT_GT(probe.round_trip_seconds, 0);
    for (const AbilityName& each : abilityNames())
        EXPECT_TRUE(probe.info->can(each.name) || !probe.facts.whyNot(*probe.info, each.name).empty()) << each.name;
}

TEST(ServerProbe, ARefusalOfLogProbabilitiesIsRepeatedAsTheReason) {
    int asked = 0;
    ScriptedServer server([&asked](const std::string& request) -> ScriptedServer::Script {
        if (request.starts_with("GET /v1/models "))
            return {{ScriptedServer::answer(200, "application/json", R"({"data":[{"id":"x","owned_by":"me"}]})")}};
        if (request.starts_with("GET /openapi.json"))
            return {
                {ScriptedServer::answer(200, "application/json", R"({"info":{"title":"llama.cpp Python API"}})")}};
        if (request.starts_with("POST /v1/chat") && request.find("logprobs") != std::string::npos) {
            ++asked;
            return {{ScriptedServer::answer(500, "application/json",
                                            R"({"error":{"message":"logits_all is off","type":"internal"}})")}};
        }
        if (request.starts_with("POST /v1/chat"))
            return {{ScriptedServer::answer(200, "application/json", kPlainChat)}};
        return {{ScriptedServer::answer(404, "application/json", R"({"detail":"Not Found"})")}};
    });
    const ServerProbe probe = probeServer(parseUrl("http://127.0.0.1:" + std::to_string(server.port())), {}, {});
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(probe.facts.kind, ServerKind::LlamaCppPython);
    EXPECT_TRUE(probe.info->can("chat"));
    EXPECT_EQ(probe.facts.whyNot(*probe.info, "logprobs"),
              "llama-cpp-python refuses to give log-probabilities: logits_all is off");
}

TEST(ServerProbe, ANodeThatLoadsIsANode) {
    const Server server({{"GET /fulgurite/v1/info",
                          {503, R"({"error":{"message":"the model is being loaded","code":"model_loading"}})"}}});
    const ServerProbe probe = server.probe();
    EXPECT_EQ(probe.facts.kind, ServerKind::Fulgurite);
    EXPECT_FALSE(probe.info);
    EXPECT_THAT(probe.problem, HasSubstr("being loaded"));
}

TEST(ServerProbe, NonsenseAndAWrongTokenAreOneClearError) {
    const Server page({{"GET /v1/models", {200, "<html>hello</html>"}}});
    try {
        page.probe();
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("is this an OpenAI-compatible server?"));
    }
    const Server closed({{"GET /fulgurite/v1/info", {401, R"({"error":"Unauthorized"})"}},
                         {"GET /v1/models", {401, R"({"error":"Unauthorized"})"}}});
    try {
        closed.probe();
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("the token was not accepted"));
    }
}

TEST(ServerErrors, EverySpellingBecomesOneMessage) {
    const std::tuple<int, const char*, const char*, ErrorKind> cases[] = {
        {400, R"({"error":{"message":"too long"}})", "w: too long", ErrorKind::InvalidInput},
        {400, R"({"object":"error","message":"no such model","type":"NotFoundError","code":404})",
         "w: no such model", ErrorKind::InvalidInput},
        {422, R"({"detail":[{"loc":["body","messages",0,"role"],"msg":"Field required"}]})",
         "w: body.messages.0.role: Field required", ErrorKind::InvalidInput},
        {404, R"({"detail":"Not Found"})",
         "w: the server does not know this address. Is it the server's root, "
         "without /v1?",
         ErrorKind::NotFound},
        {502, "<html><h1>502 Bad Gateway</h1></html>", "w: the proxy before the server does not reach it",
         ErrorKind::Unavailable},
        {500, "Internal Server Error", "w: Internal Server Error", ErrorKind::Internal},
        {0, R"({"error":{"message":"CUDA out of memory","type":"x"}})", "w: CUDA out of memory",
         ErrorKind::OutOfMemory},
        {400, R"({"error":[]})", "w: the server answered with status 400", ErrorKind::InvalidInput}};
    for (const auto& [status, body, text, kind] : cases) {
        const Error error = readError(status, body, "w");
        EXPECT_STREQ(error.what(), text);
        EXPECT_EQ(error.kind(), kind) << text;
    }
}

} // namespace
} // namespace fulgurite::client
