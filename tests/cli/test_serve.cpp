// SPDX-License-Identifier: Apache-2.0
// `serve` as an administrator runs it: a configuration file, tokens that come and go, signals, damaged files.
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/client/http_client.h"
#include "tests/support/engine_process.h"
#include "tests/unit/temporary_folder.h"
#include "tests/unit/test_paths.h"

#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

namespace fulgurite::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct Answer {
    int status = 0;
    std::string body;
};

struct Heard final : client::HttpHandler {
    void onHead(int status, const std::map<std::string, std::string>& /*headers*/) override {
        answer.status = status;
    }
    void onBody(std::string_view bytes) override { answer.body += bytes; }
    void onEnd() override { done.set_value(answer); }
    void onError(const Error& error) override { done.set_value({-1, error.what()}); }

    Answer answer;
    std::promise<Answer> done;
};

class ServeTest : public testing::Test {
  protected:
    // A model that cannot be loaded: tokens, files and signals need none.
    void start(std::vector<std::string> more, bool with_model = false) {
        std::vector<std::string> arguments{"serve", "--listen", "127.0.0.1:0", "--data",
                                           (folder / "data").string()};
        if (!with_model) {
            arguments.insert(arguments.end(), {"--model", (folder / "none").string()});
        }
        arguments.insert(arguments.end(), more.begin(), more.end());
        node = std::make_unique<Process>(arguments);
        ASSERT_TRUE(node->waitFor("\n"));
        const json line = json::parse(node->output());
        endpoint.host = "127.0.0.1";
        endpoint.port = line.at("port").get<std::uint16_t>();
        endpoint.tls = line.value("tls", false);
        endpoint.fingerprint = line.value("fingerprint", "");
    }
    Answer ask(const std::string& path, const std::string& token = "", const std::string& body = "") {
        const auto heard = std::make_shared<Heard>();
        client::HttpRequest request;
        request.method = body.empty() ? "GET" : "POST";
        request.path = path;
        request.body = body;
        request.headers["Content-Type"] = "application/json";
        if (!token.empty()) {
            request.headers["Authorization"] = "Bearer " + token;
        }
        http.start(endpoint, request, heard);
        return heard->done.get_future().get();
    }
    template <class Condition>
    static bool eventually(const Condition& condition) {
        for (int i = 0; i < 1000; ++i) {
            if (condition()) {
                return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return false;
    }
    std::string newToken(const std::string& name, const std::string& scopes, std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"token", "new", "--file", tokens(), name, "--scopes", scopes};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Outcome outcome = runEngine(arguments);
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        return outcome.out.substr(0, outcome.out.find('\n'));
    }
    std::string tokens() const { return (folder / "tokens.json").string(); }
    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(folder / name) << text;
        return (folder / name).string();
    }

    TemporaryFolder folder;
    std::unique_ptr<Process> node;
    client::HttpEndpoint endpoint;
    client::HttpClient http;
};

TEST_F(ServeTest, TokensComeAndGoWhileItRuns) {
    const std::string ada = newToken("ada", "prompt,train");
    start({"--token-file", tokens()});
    EXPECT_EQ(ask("/fulgurite/v1/runs").status, 401);
    EXPECT_EQ(ask("/fulgurite/v1/runs", ada).status, 200);
    EXPECT_EQ(ask("/metrics", ada).status, 403);
    const std::string bob = newToken("bob", "train", {"--requests-per-minute", "1"});
    EXPECT_TRUE(eventually([&] { return ask("/fulgurite/v1/access", bob).status == 200; }));
    EXPECT_EQ(ask("/fulgurite/v1/runs", bob).status, 200);
    EXPECT_EQ(ask("/fulgurite/v1/runs", bob).status, 429);
    const Outcome twice = runEngine({"token", "new", "--file", tokens(), "bob"});
    EXPECT_EQ(twice.status, 1);
    EXPECT_THAT(twice.err, HasSubstr("--add"));
    EXPECT_EQ(runEngine({"token", "revoke", "--file", tokens(), "ada"}).status, 0);
    EXPECT_TRUE(eventually([&] { return ask("/fulgurite/v1/access", ada).status == 401; }));
    const std::string list = runEngine({"token", "list", "--file", tokens()}).out;
    EXPECT_THAT(list, HasSubstr("1/min"));
    EXPECT_THAT(list, Not(HasSubstr("ada")));
    write("tokens.json", "{ broken");
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    EXPECT_EQ(ask("/fulgurite/v1/access", bob).status, 200) << "a broken list changes nothing";
}

TEST_F(ServeTest, AConfigurationFileTakesEveryOptionAndNoOther) {
    const std::string config = write("c.json", R"({"max-body-mib":1,"log":")" + (folder / "log.jsonl").string() +
                                                   R"(","max-queue":7,"share-folder":["/srv"],"tls":true})");
    start({"--config", config});
    EXPECT_TRUE(endpoint.tls);
    const std::string large = R"({"name":")" + std::string(2'000'000, 'x') + "\"}";
    EXPECT_EQ(ask("/fulgurite/v1/runs", "", large).status, 413);
    write("c.json",
          R"({"max-body-mib":4,"max-queue":8,"tls":true,"log":")" + (folder / "log.jsonl").string() + "\"}");
    std::filesystem::rename(folder / "log.jsonl", folder / "log.1");
    node->signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return ask("/fulgurite/v1/runs", "", large).status == 200; }));
    EXPECT_TRUE(eventually([&] { return std::filesystem::exists(folder / "log.jsonl"); }));
    EXPECT_TRUE(eventually([&] {
        return readTextFile(folder / "data/audit.jsonl").find(R"("need_restart":["share-folder","max-queue"])") !=
               std::string::npos;
    }));
    write("c.json", R"({"max-body":1})");
    node->signal(SIGHUP);
    EXPECT_TRUE(eventually(
        [&] { return readTextFile(folder / "data/audit.jsonl").find("reload_failed") != std::string::npos; }));
    EXPECT_EQ(ask("/fulgurite/v1/runs", "", large).status, 200);

    for (const auto& [text, message] :
         std::map<std::string, std::string>{{R"({"listn":"x"})", "did you mean 'listen'?"},
                                            {R"({"config":"x"})", "there is no option 'config'"},
                                            {R"({"threads":"many"})", "threads"},
                                            {R"({"max-body-mib":0})", "max-body-mib"},
                                            {R"({"listen":{"a":1}})", "'listen' must be text"},
                                            {"[1]", "one JSON object"},
                                            {"{", "not valid JSON"}}) {
        const Outcome outcome = runEngine({"serve", "--config", write("bad.json", text)});
        EXPECT_EQ(outcome.status, 1) << text;
        EXPECT_THAT(outcome.err, HasSubstr(message)) << text;
    }
}

TEST(ServeReference, HasEveryOption) {
    const std::string help = runEngine({"serve", "--help"}).out;
    const std::string reference = readTextFile(sourceDir() / "docs/protocol.md");
    const std::regex option("\n +(--[a-z][a-z-]+)"); // where it is declared; others are named in texts
    std::size_t options = 0;
    for (std::sregex_iterator each(help.begin(), help.end(), option), end; each != end; ++each) {
        const std::string name = "`" + each->str(1);
        EXPECT_TRUE(reference.find(name + "`") != std::string::npos || reference.find(name + " ") != std::string::npos)
            << "docs/protocol.md lacks " << name;
        ++options;
    }
    EXPECT_GT(options, 30U);
}

TEST_F(ServeTest, AnotherTokenFileCountsFromTheSignalOnAndNoneDoesNotOpenTheNode) {
    const std::string leaked = newToken("ada", "train");
    std::filesystem::rename(tokens(), folder / "leaked.json");
    const std::string fresh = newToken("ada", "train");
    const auto configure = [&](const std::string& more) {
        return write("c.json", R"({"max-connections":100)" + more + "}");
    };
    const std::string config = configure(R"(,"token-file":")" + (folder / "leaked.json").string() + '"');
    start({"--config", config});
    EXPECT_EQ(ask("/fulgurite/v1/runs", leaked).status, 200);
    configure(R"(,"token-file":")" + tokens() + '"');
    node->signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return ask("/fulgurite/v1/runs", fresh).status == 200; }));
    EXPECT_EQ(ask("/fulgurite/v1/runs", leaked).status, 401);
    std::this_thread::sleep_for(std::chrono::milliseconds(2500)); // the node looks at its token file each second
    EXPECT_EQ(ask("/fulgurite/v1/runs", leaked).status, 401);
    EXPECT_EQ(ask("/fulgurite/v1/runs", fresh).status, 200);
    configure("");
    node->signal(SIGHUP);
    EXPECT_TRUE(eventually([&] {
        return readTextFile(folder / "data/audit.jsonl").find(R"("need_restart":["token-file"])") !=
               std::string::npos;
    }));
    EXPECT_EQ(ask("/fulgurite/v1/runs").status, 401);
    EXPECT_EQ(ask("/fulgurite/v1/runs", fresh).status, 200);
}

TEST_F(ServeTest, AMistakeInOneFileChangesNothingAtAll) {
    const std::string ada = newToken("ada", "train");
    const auto configure = [&](int body, const std::string& file) {
        return write("c.json", R"({"tls-cert":")" + (folder / "cert.pem").string() + R"(","tls-key":")" +
                                   (folder / "key.pem").string() + R"(","max-body-mib":)" + std::to_string(body) +
                                   R"(,"token-file":")" + file + "\"}");
    };
    {
        start({"--tls"}); // makes a certificate
        std::filesystem::copy_file(folder / "data/tls/certificate.pem", folder / "cert.pem");
        std::filesystem::copy_file(folder / "data/tls/key.pem", folder / "key.pem");
        node.reset();
    }
    start({"--config", configure(1, tokens())});
    const std::string large = R"({"name":")" + std::string(2'000'000, 'x') + "\"}";
    EXPECT_EQ(ask("/fulgurite/v1/runs", ada, large).status, 413);
    const std::string next = (folder / "next.json").string(); // without her
    EXPECT_EQ(runEngine({"token", "new", "--file", next, "bob", "--scopes", "train"}).status, 0);
    write("cert.pem", "no certificate");
    configure(4, next);
    node->signal(SIGHUP);
    EXPECT_TRUE(eventually(
        [&] { return readTextFile(folder / "data/audit.jsonl").find("reload_failed") != std::string::npos; }));
    EXPECT_EQ(ask("/fulgurite/v1/runs", ada, large).status, 413) << "neither tokens nor limits";
}

TEST_F(ServeTest, FoldersOfModelsAreThereOrItSaysSo) {
    const Outcome outcome = runEngine({"serve", "--listen", "127.0.0.1:0", "--models", (folder / "nowhere").string()});
    EXPECT_NE(outcome.status, 0);
    EXPECT_THAT(outcome.err, HasSubstr("--models " + (folder / "nowhere").string()));
    std::filesystem::create_directories(folder / "models/broken");
    std::ofstream(folder / "models/broken/config.json") << "{}";
    start({"--models", (folder / "models").string()});
    const json choices = json::parse(ask("/fulgurite/v1/model/choices").body).at("choices");
    ASSERT_EQ(choices.size(), 1U);
    EXPECT_EQ(choices[0].at("id"), "broken");
    EXPECT_THAT(choices[0].at("problem").get<std::string>(), testing::StartsWith("config.json"));
    // The audit file has who did what, and what came of it.
    EXPECT_EQ(ask("/fulgurite/v1/model/load", "", R"({"model":"broken"})").status, 409);
    EXPECT_TRUE(eventually([&] {
        return readTextFile(folder / "data/audit.jsonl").find("/fulgurite/v1/model/load") != std::string::npos;
    }));
}

TEST_F(ServeTest, SigtermDrainsAndEndsWithZero) {
    start({"--grace-seconds", "60"}, true);
    ASSERT_TRUE(eventually([&] { return ask("/ready").status == 200; }));
    const auto heard = std::make_shared<Heard>();
    client::HttpRequest request;
    request.method = "POST";
    request.path = "/fulgurite/v1/generate";
    request.headers["Content-Type"] = "application/json";
    request.body = R"({"prompt":"a","stop":{"max_tokens":600,"ignore_eos":true}})";
    http.start(endpoint, request, heard);
    ASSERT_TRUE(eventually([&] {
        return json::parse(ask("/fulgurite/v1/status").body).at("completion_tokens_total").get<int>() > 0;
    }));
    node->signal(SIGTERM);
    EXPECT_TRUE(eventually([&] { return ask("/ready").status == 503 || ask("/ready").status == -1; }));
    const Answer answer = heard->done.get_future().get();
    EXPECT_THAT(answer.body, HasSubstr("\"reason\":\"max_tokens\""));
    EXPECT_EQ(node->finish().status, 0);
}

TEST_F(ServeTest, DamagedFilesCostTheirOwnFeatureAndSayWhy) {
    std::filesystem::create_directories(folder / "data");
    for (const char* name : {"runs.fulgurite", "images.fulgurite", "owners.fulgurite"}) {
        write(std::string("data/") + name, "this is no database, however long one looks at it");
    }
    start({}, true);
    ASSERT_TRUE(eventually([&] { return ask("/ready").status == 200; }));
    const json status = json::parse(ask("/fulgurite/v1/status").body);
    std::map<std::string, std::string> problems;
    for (const json& problem : status.at("problems")) {
        problems[problem.at("feature")] = problem.at("reason");
    }
    EXPECT_EQ(problems.size(), 4U) << status.dump();
    EXPECT_THAT(problems["runs"], HasSubstr("runs.fulgurite"));
    EXPECT_THAT(problems["jobs"], HasSubstr("runs file"));
    EXPECT_THAT(problems["image libraries"], HasSubstr("images.fulgurite"));
    EXPECT_THAT(problems["owners"], HasSubstr(".damaged-"));
    EXPECT_EQ(ask("/fulgurite/v1/runs").status, 400);
    EXPECT_EQ(ask("/fulgurite/v1/collections").status, 200);
    node->signal(SIGTERM);
    const Outcome outcome = node->finish();
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.err, HasSubstr("runs are off: "));
    EXPECT_THAT(outcome.err, HasSubstr("image libraries are off: "));
}

} // namespace
} // namespace fulgurite::test
