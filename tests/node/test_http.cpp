// SPDX-License-Identifier: Apache-2.0
// The transport over real sockets: limits, deadlines, framing, a thousand idle connections.
#include "tests/node/node_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <new>
#include <sys/resource.h>

namespace fulgurite::node::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class HttpTest : public NodeTest {};

std::size_t threadCount() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("Threads:", 0) == 0) {
            return std::stoul(line.substr(8));
        }
    }
    return 0;
}

std::size_t residentKilobytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("VmRSS:", 0) == 0) {
            return std::stoul(line.substr(6));
        }
    }
    return 0;
}

TEST_F(HttpTest, HealthNeedsNoTokenAndTheRestDoes) {
    RawClient client = connect();
    client.send(requestText("GET", "/health", "", "", ""));
    EXPECT_EQ(client.reply().json().at("status"), "ready");
    client.send(requestText("GET", "/v1/models", "", "", ""));
    const ClientReply refused = client.reply();
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.fields.at("www-authenticate"), "Bearer");
    client.send(requestText("GET", "/v1/models", "", "", "wrong-token-wrong-token-wrong-to"));
    EXPECT_EQ(client.reply().status, 401);
    client.send(requestText("GET", "/v1/models", "")); // on the same connection
    EXPECT_EQ(client.reply().json().at("data").at(0).at("id"), "scripted");
}

TEST_F(HttpTest, WithoutATokenWebPagesAreRefused) {
    token_ = "";
    startServer();
    RawClient client = connect();
    client.send(requestText("GET", "/v1/models", "", "", ""));
    EXPECT_EQ(client.reply().status, 200);
    client.send(requestText("GET", "/v1/models", "", "Origin: https://evil.example\r\n", ""));
    EXPECT_EQ(client.reply().status, 403);
    client.send(requestText("GET", "/v1/models", "", "Sec-Fetch-Site: cross-site\r\n", ""));
    EXPECT_EQ(client.reply().status, 403);
    client.send(requestText("GET", "/v1/models", "", "Sec-Fetch-Site: none\r\n", ""));
    EXPECT_EQ(client.reply().status, 200);
}

// A page whose own name resolves to this machine asks what its browser takes for its own site: no Origin is sent.
TEST_F(HttpTest, WithoutATokenTheNodeAnswersToItsOwnNamesAlone) {
    token_ = "";
    services_.host_names = {"node-a"};
    startServer();
    const auto statusFor = [&](const std::string& host) {
        RawClient client = connect();
        client.send("GET /v1/models HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        return client.reply().status;
    };
    for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "10.1.2.3", "node-a:80",
                             "Node-A.", "app.localhost"}) {
        EXPECT_EQ(statusFor(host), 200) << host;
    }
    for (const char* host : {"evil.example", "evil.example:8080", "node-a.evil.example", "127.0.0.1.evil.example",
                             "localhost.evil.example", "[evil.example]:80", "xlocalhost", "["}) {
        EXPECT_EQ(statusFor(host), 403) << host;
    }
    RawClient old = connect();
    old.send("GET /v1/models HTTP/1.0\r\n\r\n");
    EXPECT_EQ(old.reply().status, 200) << "no browser leaves the name out";
    token_ = kToken;
    startServer();
    RawClient client = connect();
    client.send("GET /v1/models HTTP/1.1\r\nHost: any.example\r\nAuthorization: Bearer " + std::string(kToken) +
                "\r\n\r\n");
    EXPECT_EQ(client.reply().status, 200) << "with tokens no page gets in";
}

TEST_F(HttpTest, UnknownPathsMethodsAndTypesAreNamed) {
    EXPECT_EQ(get("/nowhere").status, 404);
    const ClientReply method = get("/v1/completions");
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.fields.at("allow"), "POST");
    RawClient client = connect();
    client.send("POST /v1/completions HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) +
                "\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(client.reply().status, 415);
    RawClient zipped = connect();
    zipped.send(requestText("POST", "/v1/completions", "{}", "Content-Encoding: gzip\r\n"));
    EXPECT_EQ(zipped.reply().status, 415);
}

TEST_F(HttpTest, HeadRequestsAndOldClients) {
    RawClient client = connect();
    client.send(requestText("HEAD", "/health", ""));
    EXPECT_EQ(client.reply(true).status, 200);
    RawClient old = connect();
    const std::string body = chatBody({{"stream", true}}).dump();
    old.send("POST /v1/chat/completions HTTP/1.0\r\nAuthorization: Bearer " + std::string(kToken) +
             "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
             body);
    const ClientReply reply = old.reply();
    EXPECT_EQ(reply.fields.count("transfer-encoding"), 0U);
    EXPECT_THAT(reply.body, HasSubstr("data: [DONE]"));
    EXPECT_TRUE(old.closedByServer());
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
    RawClient client = connect();
    client.send(requestText("GET", "/health", "") + requestText("POST", "/v1/chat/completions", chatBody().dump()) +
                requestText("GET", "/nowhere", ""));
    EXPECT_EQ(client.reply().json().at("status"), "ready");
    EXPECT_EQ(client.reply().json().at("object"), "chat.completion");
    EXPECT_EQ(client.reply().status, 404);
}

TEST_F(HttpTest, ChunkedBodiesAndExpectContinue) {
    RawClient client = connect();
    const std::string body = chatBody().dump();
    client.send("POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) +
                "\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_THAT(client.receiveUntil("\r\n\r\n"), HasSubstr("100 Continue"));
    for (const char c : body) {
        client.send("1\r\n" + std::string(1, c) + "\r\n");
    }
    client.send("0\r\n\r\n");
    EXPECT_EQ(client.reply().status, 200);
}

TEST_F(HttpTest, AHundredMegabytesAreRefusedWithoutBeingKept) {
    const std::size_t before = residentKilobytes();
    RawClient client = connect();
    ASSERT_TRUE(client.send("POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) +
                            "\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n"));
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(client.send(piece)) << "the refusal must not reset a client that is still sending";
    }
    EXPECT_EQ(client.reply().status, 413);
    EXPECT_LT(residentKilobytes(), before + 20 * 1024);
    EXPECT_EQ(get("/v1/models").status, 200);
}

TEST_F(HttpTest, AChunkedFloodIsCutAtTheLimit) {
    options_.limits.body_bytes = 1 << 20;
    startServer();
    RawClient client = connect();
    client.send("POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) +
                "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    for (int i = 0; i < 32; ++i) {
        client.send(chunk);
    }
    EXPECT_EQ(client.reply().status, 413);
    RawClient extension = connect(); // a chunk header without end
    extension.send("POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) +
                   "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                   std::string(100'000, 'x'));
    EXPECT_EQ(extension.reply().status, 400);
}

std::string beginning(const std::string& path, std::size_t bytes, const std::string& token) {
    return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

TEST_F(HttpTest, BodiesTogetherHaveALimit) {
    options_.body_memory = 1 << 20;
    startServer();
    const std::string most(900'000, 'x');
    RawClient first = connect();
    first.send(beginning("/v1/completions", 1'000'000, kToken) + most);
    std::this_thread::sleep_for(milliseconds(200));
    RawClient second = connect();
    second.send(beginning("/v1/completions", 1'000'000, kToken) + most);
    EXPECT_EQ(second.reply().status, 503);
    first.close();
    ASSERT_TRUE(eventually([&] {
        RawClient third = connect();
        third.send(beginning("/v1/completions", most.size(), kToken) + most);
        return third.reply().status == 400; // read, and no JSON
    }));
}

// Eight heads that announce as much as a node takes must not cost the others a byte.
TEST_F(HttpTest, WhatIsOnlyAnnouncedTakesNoMemory) {
    options_.body_memory = 1 << 20;
    startServer();
    std::vector<RawClient> silent;
    for (int i = 0; i < 8; ++i) {
        silent.push_back(connect());
        silent.back().send(beginning("/v1/completions", 1 << 20, kToken) + "{");
    }
    std::this_thread::sleep_for(milliseconds(200));
    EXPECT_EQ(post("/v1/chat/completions", chatBody()).status, 200);
    for (const char* path : {"/health", "/ready", "/v1/models"}) { // and some take no body at all
        RawClient client = connect();
        client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + kToken +
                    "\r\nContent-Length: 33554432\r\n\r\n");
        EXPECT_EQ(client.reply().status, 400) << path;
        RawClient chunked = connect();
        chunked.send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                     kToken + "\r\nTransfer-Encoding: chunked\r\n\r\n");
        EXPECT_EQ(chunked.reply(true).status, 400) << path;
    }
}

TEST_F(HttpTest, OneNameFillsHalfOfTheMemoryForBodies) {
    options_.body_memory = 1 << 20;
    options_.limits.body_bytes = 1 << 18;
    const std::string flood = addToken("flood", {Scope::Prompt});
    const std::string person = addToken("person", {Scope::Prompt});
    startServer();
    const std::string half(250'000, 'x');
    std::vector<RawClient> slow;
    for (int i = 0; i < 2; ++i) {
        slow.push_back(connect());
        slow.back().send(beginning("/v1/completions", 260'000, flood) + half);
    }
    std::this_thread::sleep_for(milliseconds(200));
    RawClient third = connect();
    third.send(beginning("/v1/completions", 260'000, flood) + half);
    const ClientReply refused = third.reply();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.fields.at("retry-after"), "1");
    EXPECT_EQ(ask(person, "POST", "/v1/chat/completions", chatBody()).status, 200);
}

TEST_F(HttpTest, ATickThatFailsIsNotTheLast) {
    std::atomic<int> ticks = 0;
    options_.on_tick = [&ticks] {
        ++ticks;
        throw std::bad_alloc();
    };
    startServer();
    EXPECT_TRUE(eventually([&] { return ticks >= 2; }));
    EXPECT_EQ(get("/v1/models").status, 200);
    stopServer();
}

TEST_F(HttpTest, WhatCannotBeReadHasAnIdToo) {
    options_.limits.head_bytes = 4096;
    options_.limits.body_bytes = 1000;
    startServer();
    for (const std::string& text :
         {std::string("GET /health HTTP/9.9\r\n\r\n"), "GET /" + std::string(8000, 'x') + " HTTP/1.1\r\n\r\n",
          requestText("POST", "/v1/completions", std::string(2000, 'x')),
          "POST /v1/completions HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) +
              "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n"}) {
        RawClient client = connect();
        client.send(requestText("GET", "/health", "")); // it is not that of the request before
        const std::string before = client.reply().fields.at("x-request-id");
        client.send(text);
        const ClientReply refused = client.reply();
        EXPECT_GE(refused.status, 400) << text.substr(0, 40);
        ASSERT_TRUE(refused.fields.contains("x-request-id")) << text.substr(0, 40);
        EXPECT_NE(refused.fields.at("x-request-id"), before);
    }
}

TEST_F(HttpTest, SlowRequestsRunIntoTheirDeadline) {
    options_.timeouts.head = milliseconds(200);
    options_.timeouts.body_grace = milliseconds(200);
    options_.timeouts.body_rate = 1'000'000;
    options_.timeouts.idle = milliseconds(300);
    startServer();
    RawClient head = connect();
    ASSERT_TRUE(head.send("GET /health HT")); // a byte now and then does not buy more time
    for (int i = 0; i < 8; ++i) {
        std::this_thread::sleep_for(milliseconds(50));
        head.send("T");
    }
    EXPECT_EQ(head.reply().status, 408);
    RawClient body = connect();
    body.send("POST /v1/completions HTTP/1.1\r\nAuthorization: Bearer " + std::string(kToken) +
              "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{");
    EXPECT_EQ(body.reply().status, 408);
    RawClient idle = connect();
    EXPECT_TRUE(idle.closedByServer());
}

TEST_F(HttpTest, GarbageGetsOneErrorAndTheServerGoesOn) {
    for (const std::string& bytes :
         {std::string("\x16\x03\x01\x02", 4), std::string("GET\r\n\r\n"), std::string(1000, '\0'),
          std::string("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n")}) {
        RawClient client = connect();
        client.send(bytes + "\r\n\r\n");
        EXPECT_EQ(client.reply().status, 400);
    }
    RawClient large = connect();
    large.send("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
    EXPECT_EQ(large.reply().status, 431);
    EXPECT_EQ(get("/health").status, 200);
}

TEST_F(HttpTest, AThousandIdleConnectionsHoldNoThread) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
    ::setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 2200) {
        GTEST_SKIP() << "needs 2200 file descriptors, this process may have " << files.rlim_cur;
    }
    const std::size_t threads = threadCount();
    std::vector<RawClient> clients;
    for (int i = 0; i < 1000; ++i) {
        clients.push_back(connect());
    }
    ASSERT_TRUE(eventually([&] { return metrics_->openConnections() == 1000; }));
    EXPECT_EQ(threadCount(), threads);
    EXPECT_EQ(post("/v1/chat/completions", chatBody()).json().at("choices").at(0).at("message").at("content"),
              "Hello world");
    clients[999].send(requestText("GET", "/health", ""));
    EXPECT_EQ(clients[999].reply().status, 200);
}

TEST_F(HttpTest, ATooFullServerClosesTheLongestIdleConnection) {
    options_.max_connections = 4;
    startServer();
    std::vector<RawClient> clients;
    for (int i = 0; i < 6; ++i) {
        clients.push_back(connect());
        ASSERT_TRUE(eventually([&] { return metrics_->openConnections() == std::min(i + 1, 4); }));
        std::this_thread::sleep_for(milliseconds(10));
    }
    EXPECT_TRUE(clients[0].closedByServer());
    clients[5].send(requestText("GET", "/health", ""));
    EXPECT_EQ(clients[5].reply().status, 200);
}

TEST_F(HttpTest, MetricsCountRoutesAndNotWhateverClientsSend) {
    get("/some/secret/path");
    get("/health");
    post("/v1/chat/completions", chatBody());
    const std::string text = get("/metrics").body;
    EXPECT_THAT(text, HasSubstr("fulgurite_http_requests_total{route=\"other\",code=\"404\"} 1"));
    EXPECT_THAT(text, HasSubstr("fulgurite_http_requests_total{route=\"/v1/chat/completions\",code=\"200\"} 1"));
    EXPECT_THAT(text, HasSubstr("fulgurite_completion_tokens_total 2"));
    EXPECT_THAT(text, HasSubstr("fulgurite_generation_seconds_count 1"));
    EXPECT_THAT(text, testing::Not(HasSubstr("secret")));
}

} // namespace
} // namespace fulgurite::node::test
