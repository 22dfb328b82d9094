// SPDX-License-Identifier: Apache-2.0
// The client against a server that plays scripts, and its parsers against any cut and any damage.
#include "core/client/engine_client.h"
#include "core/client/engine_json.h"
#include "core/client/openai_json.h"
#include "core/client/sse_parser.h"
#include "tests/unit/scripted_server.h"

#include <cmath>
#include <condition_variable>
#include <gmock/gmock.h>
#include <mutex>

namespace fulgurite::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

const std::string info_body = R"({"protocol":1,"engine":{"version":"0.1.0"},"model":{"id":"ember","path":"/m",
"architecture":"MiniMaxM1ForCausalLM","parameters":7000000,"weight_bytes":14000000,"dtype":"bf16",
"layers":["lightning","softmax"],"hidden_size":192,"heads":6,"kv_heads":2,"head_dim":32,"experts":8,"top_k":2,
"vocab_size":6144,"max_positions":32768,"sampling":{"temperature":0.2,"top_k":40,"top_p":null}},"memory":{"limit_bytes":1000,"kv_bytes_per_token":256,"state_bytes":9000},
"machine":{"cores":2,"simd":"avx2","memory_bytes":5000},"capabilities":["chat","generate"],"later":true})";

const std::string token_data = R"({"tokens":[{"id":5,"text":"75","channel":"answer","logprob":-0.5,
"logprob_after":-0.25,"rank":1,"entropy":0.9,"kept":3,"kept_mass":0.95,"forced":false,
"before":[[5,-0.5,"75"],[6,null,"74"]],"after":[[5,-0.25,"75"]]}]})";

const std::string done_data = R"({"reason":"end_of_sentence","stop_string":"","rest":"","usage":{"prompt_tokens":9,
"reused_tokens":4,"completion_tokens":1,"thinking_tokens":0},"timings":{"queue_seconds":0,"prefill_seconds":0.1,
"decode_seconds":0.2}})";

std::string oneLine(std::string text) {
    std::erase(text, '\n');
    return text;
}

// Collects a generation and lets the test wait for it.
class Collector : public GenerateListener {
  public:
    void onStart(const StreamStart& start) override { add("start " + std::to_string(start.prompt_tokens)); }
    void onPrefill(const StreamPrefill& prefill) override { add("prefill " + std::to_string(prefill.done)); }
    void onTokens(std::vector<TokenInfo> tokens) override {
        for (const TokenInfo& token : tokens)
            add("token " + token.text);
    }
    void onDone(const StreamDone& done) override { add("done " + done.reason, true); }
    void onError(const Error& error) override {
        kind = error.kind();
        add(std::string("error ") + error.what(), true);
    }

    void waitFor(std::size_t events) {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, 10s, [&] { return events_.size() >= events; }));
    }
    std::vector<std::string> all() {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, 10s, [&] { return ended_; }));
        return events_;
    }
    std::size_t count() {
        const std::scoped_lock lock(mutex_);
        return events_.size();
    }
    std::optional<ErrorKind> kind;

  private:
    void add(std::string event, bool last = false) {
        const std::scoped_lock lock(mutex_);
        EXPECT_FALSE(ended_) << "called after the end: " << event;
        events_.push_back(std::move(event));
        ended_ = last;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> events_;
    bool ended_ = false;
};

template <class T>
Outcome<T> wait(const std::function<void(Callback<T>)>& ask) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Outcome<T>> result;
    ask([&](Outcome<T> outcome) {
        const std::scoped_lock lock(mutex);
        result = std::move(outcome);
        changed.notify_all();
    });
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 10s, [&] { return result.has_value(); }));
    return result ? *result : Outcome<T>(Error(ErrorKind::Internal, "no answer"));
}

std::unique_ptr<EngineClient> clientOf(const ScriptedServer& server, const std::string& token = "secret") {
    return connectToNode(parseUrl("http://127.0.0.1:" + std::to_string(server.port())), {token, {}});
}

GenerateRequest sampleRequest() {
    GenerateRequest request;
    request.prompt = std::vector<ChatMessage>{{"user", "What is 17+58?", {}}, {"assistant", "75", {1, 2}}};
    request.continue_tokens = {7};
    request.sampling.logit_bias[3] = -100;
    request.stopping.repetition_run = 3000;
    return request;
}

TEST(SseParser, AnyCutGivesTheSameEvents) {
    const std::string stream =
        "\xef\xbb\xbf: hello\r\nevent: token\r\ndata: {\"a\":\ndata: 1}\n\n"
        "data\r\rid: 7\ndata:x\r\n\r\nevent: empty\n\ndata: last\n\n data: ignored\n\ndata: cut";
    const auto parse = [&stream](std::size_t step) {
        std::vector<std::string> events;
        SseParser parser;
        for (std::size_t at = 0; at < stream.size(); at += step)
            parser.push(std::string_view(stream).substr(at, step), [&](const SseEvent& event) {
                events.push_back(event.name + "|" + event.data + "|" + event.id);
            });
        return events;
    };
    const std::vector<std::string> whole = parse(stream.size());
    EXPECT_THAT(whole, ElementsAre("token|{\"a\":\n1}|", "message||", "message|x|7", "message|last|7"));
    for (std::size_t step = 1; step < 40; ++step)
        EXPECT_EQ(parse(step), whole) << step;
}

TEST(SseParser, AnEndlessEventIsRefused) {
    SseParser parser(100);
    EXPECT_THROW(parser.push("data: " + std::string(200, 'x'), [](const SseEvent&) {}), Error);
}

TEST(Urls, AreReadStrictly) {
    EXPECT_EQ(parseUrl("http://127.0.0.1:80/").url(), "http://127.0.0.1:80");
    EXPECT_EQ(parseUrl("https://node.example/prefix/").url(), "https://node.example:443/prefix");
    EXPECT_EQ(parseUrl("http://[::1]:9000").host, "::1");
    EXPECT_EQ(parseUrl("http://[::1]:9000").port, 9000);
    for (const char* bad :
         {"", "ftp://x", "http://", "http://x:0", "http://x:70000", "http://x:9y", "http://a@b", "http://a b"})
        EXPECT_THROW(parseUrl(bad), Error) << bad;
}

TEST(Protocol, InfoIsReadAndErrorsNameTheField) {
    const EngineInfo info = readInfo(info_body, "node");
    EXPECT_EQ(info.model.id, "ember");
    EXPECT_THAT(info.model.layers, ElementsAre("lightning", "softmax"));
    EXPECT_TRUE(info.can("generate"));
    EXPECT_EQ(info.state_bytes, 9000u);
    EXPECT_EQ(info.model.sampling.temperature, 0.2);
    EXPECT_EQ(info.model.sampling.top_k, 40);
    EXPECT_FALSE(info.model.sampling.top_p);
    const auto message = [](std::string body, const std::string& from, const std::string& to) -> std::string {
        body.replace(body.find(from), from.size(), to);
        try {
            readInfo(body, "node");
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_EQ(message(info_body, R"("heads":6)", R"("heads":"6")"),
              "node: model.heads: expected a whole number, found a string");
    EXPECT_THAT(message(info_body, R"("heads":6)", R"("heads":-6)"), HasSubstr("model.heads: -6 is outside"));
    EXPECT_THAT(message(info_body, R"("id":"ember",)", ""), HasSubstr("model: field \"id\" is missing"));
    EXPECT_THAT(message(info_body, R"("softmax")", "7"), HasSubstr("model.layers[1]: expected a string"));
    EXPECT_THAT(message(info_body, "{", "["), HasSubstr("is not JSON"));
    EXPECT_THAT(message(info_body, R"("protocol":1)", R"("protocol":999)"), HasSubstr("update this program"));
}

TEST(Protocol, TokensAreRead) {
    const std::vector<TokenInfo> tokens = readTokens(token_data, "node");
    ASSERT_EQ(tokens.size(), 1u);
    EXPECT_EQ(tokens[0].text, "75");
    EXPECT_EQ(tokens[0].before.size(), 2u);
    EXPECT_EQ(tokens[0].before[1].logprob, -INFINITY);
    EXPECT_THROW(readTokens(R"({"tokens":[{"id":5}]})", "node"), Error);
    EXPECT_THROW(readTokens(R"({"tokens":[[1]]})", "node"), Error);
}

// Every prefix and every changed byte of a good document is either read or refused; nothing else happens.
TEST(Protocol, DamageIsAnErrorAndNothingElse) {
    for (std::size_t i = 0; i < token_data.size(); ++i)
        for (const char byte : {'\0', '"', '9', '-', '}'}) {
            std::string damaged = token_data;
            damaged[i] = byte;
            try {
                readTokens(damaged, "node");
            } catch (const Error&) {
            }
            EXPECT_THROW(readTokens(std::string_view(token_data).substr(0, i), "node"), Error);
        }
}

TEST(Protocol, RequestsSayWhatWasMeant) {
    const std::string body = generateBody(sampleRequest());
    EXPECT_THAT(body, HasSubstr(R"("messages":[{"content":"What is 17+58?","role":"user"},)"));
    EXPECT_THAT(body, HasSubstr(R"("tokens":[1,2])"));
    EXPECT_THAT(body, HasSubstr(R"("continue_tokens":[7])"));
    EXPECT_THAT(body, HasSubstr(R"("logit_bias":{"3":-100.0})"));
    EXPECT_THAT(body, HasSubstr(R"("repetition":{"probability":0.99,"run":3000})"));
    GenerateRequest raw;
    raw.prompt = RawText{"Once\xff"};
    EXPECT_THAT(generateBody(raw), HasSubstr("\"prompt\":\"Once"));
}

TEST(NodeClient, AsksWithItsToken) {
    ScriptedServer server({{{ScriptedServer::answer(200, "application/json", info_body)}},
                           {{ScriptedServer::answer(503, "application/json", R"({"status":"loading"})")}},
                           {{ScriptedServer::answer(401, "application/json", R"({"error":{"message":"no"}})")}}});
    const auto client = clientOf(server);
    const auto info = wait<EngineInfo>([&](auto callback) { client->info(callback); });
    ASSERT_TRUE(info.ok());
    EXPECT_EQ(info.value().model.vocab_size, 6144u);
    EXPECT_THAT(server.requests().at(0), HasSubstr("GET /fulgurite/v1/info HTTP/1.1\r\n"));
    EXPECT_THAT(server.requests().at(0), HasSubstr("Authorization: Bearer secret\r\n"));
    const auto health = wait<Health>([&](auto callback) { client->health(callback); });
    ASSERT_TRUE(health.ok());
    EXPECT_EQ(health.value().state, HealthState::Loading);
    const auto refused = wait<EngineLoad>([&](auto callback) { client->load(callback); });
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().what(), HasSubstr(": no"));
}

TEST(NodeClient, StreamsAnAnswer) {
    using S = ScriptedServer;
    const std::string prefill = R"({"reused":4,"done":9,"total":9,"tokens_per_second":100})";
    ScriptedServer server({{{S::streamHead() + S::event("start", R"({"id":"g1","prompt_tokens":9})")},
                            {S::event("prefill", prefill) + S::chunk(": keep-alive\n\n"), 20},
                            {S::event("token", oneLine(token_data)).substr(0, 40), 20},
                            {S::event("token", oneLine(token_data)).substr(40), 20},
                            {S::event("done", oneLine(done_data)) + "0\r\n\r\n", 20}}});
    const auto client = clientOf(server);
    const auto listener = std::make_shared<Collector>();
    client->generate(sampleRequest(), listener);
    EXPECT_THAT(listener->all(), ElementsAre("start 9", "prefill 9", "token 75", "done end_of_sentence"));
}

TEST(NodeClient, AConnectionThatEndsEarlyKeepsWhatCame) {
    using S = ScriptedServer;
    ScriptedServer server({{{S::streamHead() + S::event("token", oneLine(token_data))}}});
    const auto client = clientOf(server);
    const auto listener = std::make_shared<Collector>();
    client->generate(sampleRequest(), listener);
    const std::vector<std::string> events = listener->all();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0], "token 75");
    EXPECT_THAT(events[1], HasSubstr("connection"));
}

TEST(NodeClient, CancellingClosesTheConnection) {
    using S = ScriptedServer;
    ScriptedServer server({{{S::streamHead() + S::event("token", oneLine(token_data)), 0, true}}});
    const auto client = clientOf(server);
    const auto listener = std::make_shared<Collector>();
    const auto call = client->generate(sampleRequest(), listener);
    listener->waitFor(1);
    call->cancel();
    EXPECT_EQ(listener->all().size(), 2u);
    EXPECT_EQ(listener->kind, ErrorKind::Cancelled);
    for (int i = 0; i < 200 && !server.sawClose(); ++i)
        std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(server.sawClose());
}

TEST(NodeClient, EndingTheClientEndsItsCalls) {
    using S = ScriptedServer;
    ScriptedServer server({{{S::streamHead(), 0, true}}});
    auto client = clientOf(server);
    const auto listener = std::make_shared<Collector>();
    const auto call = client->generate(sampleRequest(), listener);
    std::this_thread::sleep_for(50ms);
    client.reset();
    call->cancel(); // of a client that has gone: nothing happens
    EXPECT_EQ(listener->count(), 1u);
    EXPECT_EQ(listener->kind, ErrorKind::Cancelled);
}

TEST(NodeClient, RefusalsAndNonsenseAreOneClearError) {
    using S = ScriptedServer;
    const std::string no_memory = R"({"error":{"message":"needs 100 GB, 12 GB free","type":"out_of_memory"}})";
    ScriptedServer server({{{S::answer(507, "application/json", no_memory)}},
                           {{S::answer(200, "text/html", "<html>router login</html>")}},
                           {{"SSH-2.0-OpenSSH_9.2\r\n"}},
                           {{S::streamHead() + S::event("token", R"({"tokens":[{"id":"x"}]})")}},
                           {{S::streamHead() + S::event("error", R"({"error":{"message":"device lost"}})")}}});
    const auto client = clientOf(server);
    const auto ask = [&client] {
        const auto listener = std::make_shared<Collector>();
        client->generate(sampleRequest(), listener);
        const std::vector<std::string> events = listener->all();
        EXPECT_EQ(events.size(), 1u);
        return events.back();
    };
    EXPECT_THAT(ask(), HasSubstr("needs 100 GB, 12 GB free"));
    EXPECT_THAT(ask(), HasSubstr("is this a Fulgurite node?"));
    EXPECT_THAT(ask(), HasSubstr("127.0.0.1"));
    EXPECT_THAT(ask(), HasSubstr("tokens[0].id: expected a whole number"));
    EXPECT_THAT(ask(), HasSubstr("device lost"));
}

TEST(NodeClient, NobodyThereIsSaidAtOnce) {
    int port = 0;
    {
        const ScriptedServer gone(std::vector<ScriptedServer::Script>{});
        port = gone.port();
    }
    const auto client = connectToNode(parseUrl("http://127.0.0.1:" + std::to_string(port)), {});
    const auto health = wait<Health>([&](auto callback) { client->health(callback); });
    ASSERT_FALSE(health.ok());
    EXPECT_EQ(health.error().kind(), ErrorKind::Unavailable);
    EXPECT_THAT(health.error().what(), HasSubstr("nothing listens there"));
}

// What ends an answer that nothing is wrong with: it can go on later.
TEST(NodeClient, AnErrorInTheStreamIsKnownByItsCode) {
    const auto kindOf = [](const std::string& code) {
        return readError(0, R"({"error":{"message":"m","type":"server_error","code":")" + code + "\"}}", "x")
            .kind();
    };
    for (const char* code : {"shutting_down", "slow_client", "time_limit", "model_loading"})
        EXPECT_EQ(kindOf(code), ErrorKind::Unavailable) << code;
    EXPECT_EQ(kindOf("internal"), ErrorKind::Internal);
}

TEST(NodeClient, ARefusalSaysWhenToComeBack) {
    class Refused : public Collector {
      public:
        void onRefused(const Error& error, const Refusal& refusal) override {
            status = refusal.status;
            seconds = refusal.retry_seconds;
            onError(error);
        }
        int status = 0;
        double seconds = 0;
    };
    const std::string body = R"({"error":{"message":"the queue is full","code":"overloaded"}})";
    std::string busy = ScriptedServer::answer(429, "application/json", body);
    busy.insert(busy.find("Content-Length"), "Retry-After: 7\r\n");
    ScriptedServer server({{{busy}}, {{ScriptedServer::answer(400, "application/json", body)}}});
    const auto ask = [](EngineClient& client) {
        const auto listener = std::make_shared<Refused>();
        client.generate(sampleRequest(), listener);
        EXPECT_THAT(listener->all().back(), HasSubstr("the queue is full"));
        return std::pair(listener->status, listener->seconds);
    };
    const auto client = clientOf(server);
    EXPECT_EQ(ask(*client), std::pair(429, 7.0));
    EXPECT_EQ(ask(*client), std::pair(400, 0.0));
}

TEST(OpenAiClient, StreamsAnAnswer) {
    using S = ScriptedServer;
    const std::string scored = R"(data: {"id":"c1","choices":[{"delta":{"content":" 75"},"logprobs":{"content":[
{"token":" 7","logprob":-0.1,"top_logprobs":[{"token":" 7","logprob":-0.1},{"token":" 8","logprob":-3}]},
{"token":"5","logprob":-0.2,"top_logprobs":[]}]}}]})";
    ScriptedServer server(
        {{{S::answer(200, "application/json", R"({"data":[{"id":"qwen"}]})")}},
         {{S::streamHead() +
           S::chunk("data: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n")},
          {S::chunk("data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n")},
          {S::chunk(oneLine(scored) + "\n\n")},
          {S::chunk("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")},
          {S::chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}}\n\n")},
          {S::chunk("data: [DONE]\n\n") + "0\r\n\r\n"}}});
    const auto client = connectToOpenAi(parseUrl("http://127.0.0.1:" + std::to_string(server.port())), "", {});
    const auto info = wait<EngineInfo>([&](auto callback) { client->info(callback); });
    ASSERT_TRUE(info.ok());
    EXPECT_EQ(info.value().model.id, "qwen");
    EXPECT_FALSE(info.value().can("generate"));
    GenerateRequest request = sampleRequest();
    request.continue_tokens.clear();
    request.alternatives = 20;
    const auto listener = std::make_shared<Collector>();
    client->generate(request, listener);
    EXPECT_THAT(listener->all(), ElementsAre("start 0", "token hm", "token  7", "token 5", "done end_of_sentence"));
    EXPECT_THAT(server.requests().at(1), HasSubstr(R"("top_logprobs":20)"));
    const auto refused = std::make_shared<Collector>();
    client->generate(sampleRequest(), refused);
    EXPECT_EQ(refused->kind, ErrorKind::Unsupported);
}

} // namespace
} // namespace fulgurite::client
