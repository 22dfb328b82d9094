// SPDX-License-Identifier: Apache-2.0
// What a node stands: going down in order, TLS with pinned certificates, clients that do not read or never finish a
// request, thousands that are idle, answers that take too long.
#include "core/client/http_client.h"
#include "core/node/tls_identity.h"
#include "tests/node/node_fixture.h"
#include "tests/unit/temporary_folder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <sys/resource.h>
#include <sys/stat.h>

namespace fulgurite::node::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class ServingTest : public NodeTest {
  protected:
    RawClient endless(const std::string& mark = "Hello") {
        Script script;
        script.endless = true;
        script.pause = milliseconds(2);
        service_->setScript(script);
        RawClient client = connect();
        client.send(requestText("POST", "/v1/chat/completions", chatBody({{"stream", true}}).dump()));
        client.receiveUntil(mark);
        return client;
    }
};

TEST_F(ServingTest, GoingDownItIsNotReadyRefusesWorkAndLetsAnswersEnd) {
    options_.on_drain = [this] { node_->drain(); };
    startServer();
    RawClient idle = connect();
    Script script = Script::of(std::vector<std::string>(100, "word "));
    script.pause = milliseconds(10);
    service_->setScript(script);
    RawClient running = connect();
    running.send(requestText("POST", "/v1/chat/completions", chatBody({{"stream", true}}).dump()));
    running.receiveUntil("word");
    server_->stop(std::chrono::seconds(30));
    ASSERT_TRUE(eventually([&] { return ask("", "GET", "/ready").status == 503; }));
    EXPECT_EQ(ask("", "GET", "/ready").json().at("status"), "draining");
    EXPECT_EQ(ask("", "GET", "/health").status, 200);
    const ClientReply refused = post("/v1/chat/completions", chatBody());
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.json()["error"]["code"], "shutting_down");
    EXPECT_EQ(refused.fields.at("connection"), "close");
    EXPECT_TRUE(idle.closedByServer());
    const std::string rest = running.receiveUntil("[DONE]");
    EXPECT_THAT(rest, HasSubstr("\"finish_reason\":\"stop\""));
    thread_.join(); // nobody stops it a second time: the last answer's end was its end
    thread_ = std::thread([] {});
    EXPECT_THROW(connect(), std::runtime_error);
}

TEST_F(ServingTest, AnAnswerOutlastsTheGraceWithAnErrorThatSaysSo) {
    RawClient running = endless();
    server_->stop(milliseconds(50));
    EXPECT_THAT(running.receiveUntil("[DONE]"), HasSubstr("shutting_down"));
}

TEST_F(ServingTest, ABalancerHasTimeToNotice) {
    options_.on_drain = [this] { node_->drain(); };
    options_.linger = milliseconds(700);
    startServer();
    const auto begin = std::chrono::steady_clock::now();
    server_->stop(std::chrono::seconds(30));
    ASSERT_TRUE(eventually([&] { return ask("", "GET", "/ready").status == 503; }));
    thread_.join();
    thread_ = std::thread([] {});
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(650));
}

TEST_F(ServingTest, AnswersHaveATimeLimit) {
    options_.timeouts.request = milliseconds(300);
    startServer();
    RawClient running = endless();
    EXPECT_THAT(running.receiveUntil("[DONE]"), HasSubstr("time_limit"));
    EXPECT_TRUE(eventually([&] { return service_->running() == 0; }));
    Script silent;
    silent.endless = true;
    silent.pause = milliseconds(20);
    service_->setScript(silent);
    EXPECT_EQ(post("/v1/chat/completions", chatBody()).status, 408); // a whole answer has a status
}

TEST_F(ServingTest, WhoeverTakesTheAnswerTooSlowlyDoesNotGetItsEnd) {
    limits_.queue_bytes = 64 << 20;
    options_.timeouts.request = milliseconds(500);
    options_.timeouts.last_words = milliseconds(500);
    startServer();
    service_->setScript(Script::of(std::vector<std::string>(400, std::string(100'000, 'x'))));
    for (const bool stream : {true, false}) {
        RawClient slow(server_->port(), 1024); // it takes a few bytes at once, and never is quiet for long
        slow.send(requestText("POST", "/v1/chat/completions", chatBody({{"stream", stream}}).dump()));
        EXPECT_TRUE(eventually([&] { return metrics_->openConnections() == 1; }));
        EXPECT_TRUE(eventually([&] { return metrics_->openConnections() == 0; })) << stream;
    }
}

TEST_F(ServingTest, TwoThousandIdleConnectionsAndSlowOnesHoldUpNoStream) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 5000) {
        GTEST_SKIP() << "needs 5000 file descriptors, this process may have " << files.rlim_cur;
    }
    std::vector<RawClient> clients;
    for (int i = 0; i < 2000; ++i) {
        clients.push_back(connect());
        if (i % 4 == 0) {
            clients.back().send("POST /v1/completions HTTP/1.1\r\nX-Slow: "); // and never the end of its head
        }
    }
    ASSERT_TRUE(eventually([&] { return metrics_->openConnections() == 2000; }));
    const std::string text = "word ";
    service_->setScript(Script::of(std::vector<std::string>(500, text)));
    const ClientReply reply = post("/v1/chat/completions", chatBody({{"stream", true}}));
    EXPECT_EQ(parseEvents(reply.body).back().data, "[DONE]");
    EXPECT_GE(metrics_->openConnections(), 2000U) << "none of them was closed for it"; // the answer's own may be by now
}

TEST_F(ServingTest, ReadersThatDoNotReadAreLetGo) {
    limits_.queue_bytes = 16 * 1024;
    options_.timeouts.write = milliseconds(500);
    options_.timeouts.idle = milliseconds(500); // of those whose whole answer found room in the system's buffers
    startServer();
    Script script = Script::of(std::vector<std::string>(3000, std::string(60, 'x')));
    service_->setScript(script);
    std::vector<RawClient> slow;
    for (int i = 0; i < 20; ++i) {
        slow.emplace_back(server_->port(), 1024);
        slow.back().send(requestText("POST", "/v1/chat/completions", chatBody({{"stream", true}}).dump()));
    }
    ASSERT_TRUE(eventually([&] { return service_->running() == 0; }));
    service_->setScript({});
    EXPECT_EQ(post("/v1/chat/completions", chatBody()).status, 200);
    EXPECT_TRUE(eventually([&] { return metrics_->openConnections() <= 1; })) << "they are let go";
}

struct Heard final : client::HttpHandler {
    void onHead(int code, const std::map<std::string, std::string>& /*headers*/) override { status = code; }
    void onBody(std::string_view bytes) override { body += bytes; }
    void onEnd() override { done.set_value({}); }
    void onError(const Error& error) override { done.set_value(error); }

    int status = 0;
    std::string body;
    std::promise<std::optional<Error>> done;
};

class TlsTest : public ServingTest {
  protected:
    void SetUp() override {
        identity_ = ownIdentity(folder_ / "tls", "127.0.0.1");
        options_.tls_certificate = identity_.certificate.string();
        options_.tls_key = identity_.key.string();
        NodeTest::SetUp();
        endpoint_ = {.host = "127.0.0.1", .port = server_->port(), .tls = true, .base_path = {}};
    }
    std::optional<Error> fetch(Heard& heard) { return fetch(heard, client_); }
    std::optional<Error> fetch(Heard& heard, client::HttpClient& client) {
        // The handler belongs to the test and outlives the exchange.
        client::HttpRequest request;
        request.path = "/health";
        client.start(endpoint_, request, std::shared_ptr<Heard>(&heard, [](Heard*) {}));
        return heard.done.get_future().get();
    }
    client::CertificateInfo look() {
        std::promise<client::CertificateInfo> seen;
        client_.lookAtCertificate(endpoint_, [&](const auto& info, const auto& error) {
            EXPECT_FALSE(error) << error->what();
            seen.set_value(info ? *info : client::CertificateInfo());
        });
        return seen.get_future().get();
    }

    TemporaryFolder folder_;
    TlsIdentity identity_;
    client::HttpEndpoint endpoint_;
    client::HttpClient client_;
};

TEST_F(TlsTest, TheCertificateIsMadeOnceAndItsKeyIsPrivate) {
    struct stat status {};
    ASSERT_EQ(::stat(identity_.key.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    const std::string before = fingerprintOf(identity_.certificate);
    EXPECT_EQ(before.size(), 64U);
    ownIdentity(folder_ / "tls", "127.0.0.1");
    EXPECT_EQ(fingerprintOf(identity_.certificate), before);
    std::filesystem::remove(identity_.key);
    EXPECT_THROW(ownIdentity(folder_ / "tls", "127.0.0.1"), Error);
}

TEST_F(TlsTest, AnUnknownCertificateIsRefusedAndItsFingerprintTold) {
    Heard heard;
    const auto error = fetch(heard);
    ASSERT_TRUE(error);
    EXPECT_THAT(error->what(), HasSubstr(fingerprintOf(identity_.certificate)));
    const client::CertificateInfo info = look();
    EXPECT_EQ(info.fingerprint, fingerprintOf(identity_.certificate));
    EXPECT_FALSE(info.trusted);
    EXPECT_THAT(info.subject, HasSubstr("Fulgurite node"));
}

TEST_F(TlsTest, AnAcceptedOneIsPinnedAndAnotherIsAClearError) {
    endpoint_.fingerprint = look().fingerprint;
    Heard heard;
    const auto error = fetch(heard);
    EXPECT_FALSE(error) << error->what();
    EXPECT_EQ(heard.status, 200);
    EXPECT_THAT(heard.body, HasSubstr("ready"));

    std::filesystem::remove_all(folder_ / "tls");
    ownIdentity(folder_ / "tls", "127.0.0.1");
    stopServer();
    startServer();
    endpoint_.port = server_->port();
    Heard other;
    const auto changed = fetch(other);
    ASSERT_TRUE(changed);
    EXPECT_THAT(changed->what(), HasSubstr("has changed"));
    EXPECT_EQ(other.status, 0);
    EXPECT_THAT(metrics_->render(nullptr), testing::Not(HasSubstr("route=\"/health\""))) << "nothing was sent";
}

TEST_F(TlsTest, WhatAnAuthorityVouchesForNeedsNoPin) {
    client::HttpClient trusting({.ca_file = identity_.certificate.string()});
    Heard heard;
    const auto error = fetch(heard, trusting);
    EXPECT_FALSE(error) << error->what();
    EXPECT_EQ(heard.status, 200);
}

TEST_F(TlsTest, AClientThatNeverAgreesIsLetGo) {
    options_.timeouts.handshake = milliseconds(200);
    startServer();
    RawClient client = connect();
    client.send("GET /health HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return metrics_->openConnections() == 0; }));
    RawClient silent = connect();
    EXPECT_TRUE(eventually([&] { return metrics_->openConnections() == 0; }));
}

} // namespace
} // namespace fulgurite::node::test
