// SPDX-License-Identifier: Apache-2.0
// Servers that nobody here wrote, from what they really answered: tests/node/foreign_servers.py recorded it
// (tests/data/foreign/NAME/). With FULGURITE_FOREIGN_URL the same checks run against a living one.
#include "core/client/server_probe.h"
#include "tests/unit/scripted_server.h"
#include "tests/unit/test_paths.h"

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <iterator>
#include <mutex>

namespace fulgurite::client {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// "GET /v1/models" is GET_v1_models.http; a chat is told apart by what it asks for.
std::string fileOf(const std::string& request) {
    std::string name = request.substr(0, request.find(" HTTP/"));
    for (char& c : name)
        c = c == '/' || c == ' ' ? '_' : c;
    if (request.find("\"stream\":true") != std::string::npos)
        name += "-stream";
    if (request.find("\"logprobs\"") != std::string::npos)
        name += "-scored";
    for (std::size_t at; (at = name.find("__")) != std::string::npos;)
        name.erase(at, 1);
    return name + ".http";
}

class Recorded {
  public:
    explicit Recorded(const fs::path& folder)
        : server_([folder](const std::string& request) {
              const std::string answer = read(folder / fileOf(request));
              return ScriptedServer::Script{
                  {answer.empty() ? ScriptedServer::answer(404, "application/json", R"({"detail":"Not Found"})")
                                  : answer}};
          }) {}
    std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }

  private:
    ScriptedServer server_;
};

class Hearing : public GenerateListener {
  public:
    void onTokens(std::vector<TokenInfo> tokens) override {
        const std::scoped_lock lock(mutex_);
        for (const TokenInfo& token : tokens) {
            (token.channel == StreamChannel::Thinking ? thinking : text) +=
                token.channel == StreamChannel::Marker ? "" : token.text;
            scored += token.rank > 0 ? 1 : 0;
            alternatives += token.before.size() > 1 ? 1 : 0;
        }
    }
    void onDone(const StreamDone& end) override { finish(end.reason, end.completion_tokens); }
    void onError(const Error& error) override { finish(error.what(), 0); }

    void wait() {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(ended_.wait_for(lock, std::chrono::minutes(3), [this] { return !reason.empty(); }));
    }

    std::string text;
    std::string thinking;
    std::string reason;
    int scored = 0;
    int alternatives = 0;
    std::size_t count = 0;

  private:
    void finish(const std::string& why, std::size_t tokens) {
        const std::scoped_lock lock(mutex_);
        reason = why;
        count = tokens;
        ended_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable ended_;
};

void check(const std::string& url, const std::string& name) {
    const HttpEndpoint endpoint = parseUrl(url);
    const ServerProbe probe = probeServer(endpoint, {}, {});
    for (const ProbeStep& step : probe.steps)
        std::cout << name << ": " << (step.ok ? "+ " : "- ") << step.name << ": " << step.text << "\n";
    ASSERT_TRUE(probe.info);
    ASSERT_EQ(probe.problem, "");
    EXPECT_TRUE(probe.info->can("chat"));
    for (const Ability& ability : abilitiesOf(*probe.info, probe.facts))
        EXPECT_TRUE(ability.state == AbilityState::Yes || !ability.why.empty()) << ability.name;

    const auto client = connectToProbed(endpoint, *probe.info, {});
    GenerateRequest request;
    request.prompt = std::vector<ChatMessage>{{"user", "Say hello.", {}}};
    request.sampling.temperature = 0;
    request.sampling.seed = 0xffffffffffULL;
    request.stopping.max_tokens = 12;
    request.alternatives = 20;
    const auto chat = std::make_shared<Hearing>();
    client->generate(request, chat);
    chat->wait();
    std::cout << name << ": chat \"" << chat->text << "\" (" << chat->reason << ", " << chat->count << " tokens, "
              << chat->scored << " scored)\n";
    EXPECT_TRUE(chat->reason == "max_tokens" || chat->reason == "end_of_sentence") << chat->reason;
    EXPECT_FALSE(chat->text.empty() && chat->thinking.empty());
    if (probe.info->can("logprobs")) {
        EXPECT_GT(chat->scored, 0);
    }

    request.continue_tokens = {1};
    const auto refused = std::make_shared<Hearing>();
    client->generate(request, refused);
    refused->wait();
    EXPECT_NE(refused->reason.find("cannot go on inside an answer"), std::string::npos);
}

class ForeignServer : public testing::TestWithParam<const char*> {};

TEST_P(ForeignServer, IsUnderstoodFromWhatItAnswered) {
    const fs::path folder = test::sourceDir() / "tests/data/foreign" / GetParam();
    ASSERT_TRUE(fs::exists(folder / "GET_v1_models.http")) << folder;
    const Recorded server(folder);
    check(server.url(), GetParam());
    const ServerProbe probe = probeServer(parseUrl(server.url()), {}, {});
    EXPECT_EQ(nameOf(probe.facts.kind),
              std::string(GetParam()) == "transformers-serve" ? "transformers serve" : "llama-cpp-python");
}
INSTANTIATE_TEST_SUITE_P(Recorded, ForeignServer, testing::Values("transformers-serve", "llama-cpp-python"));

TEST(ForeignServerLive, Answers) {
    const char* url = std::getenv("FULGURITE_FOREIGN_URL");
    if (url == nullptr)
        GTEST_SKIP() << "FULGURITE_FOREIGN_URL names no server";
    check(url, url);
}

} // namespace
} // namespace fulgurite::client
