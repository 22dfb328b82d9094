// SPDX-License-Identifier: Apache-2.0
// Clients that leave, clients that do not read, and a server that goes down while it answers.
#include "tests/node/node_fixture.h"

#include <gmock/gmock.h>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;

class StreamTest : public NodeTest {
  protected:
    void endless(milliseconds pause = milliseconds(1)) {
        Script script;
        script.endless = true;
        script.pause = pause;
        service_->setScript(script);
    }
    static constexpr const char* kChat = "/v1/chat/completions";
};

TEST_F(StreamTest, LeavingAStreamCancelsIt) {
    endless();
    RawClient client = connect();
    client.send(requestText("POST", kChat, chatBody({{"stream", true}, {"n", 2}}).dump()));
    EXPECT_THAT(client.receiveUntil("Hello"), HasSubstr("200 OK"));
    EXPECT_EQ(service_->running(), 2U);
    client.close();
    EXPECT_TRUE(eventually([&] { return service_->running() == 0; }));
    EXPECT_EQ(service_->cancelled(), 2U);
}

TEST_F(StreamTest, LeavingWhileWaitingForAWholeReplyCancelsIt) {
    endless();
    RawClient client = connect();
    client.send(requestText("POST", kChat, chatBody().dump()));
    ASSERT_TRUE(eventually([&] { return service_->tokensSent() > 5; }));
    client.close();
    EXPECT_TRUE(eventually([&] { return service_->running() == 0; }));
}

TEST_F(StreamTest, AClientThatDoesNotReadIsGivenUp) {
    limits_.queue_bytes = 64 * 1024;
    startServer();
    endless(milliseconds(0));
    RawClient client(server_->port(), 4096);
    client.send(
        requestText("POST", kChat, chatBody({{"stream", true}, {"logprobs", true}, {"top_logprobs", 20}}).dump()));
    // The engine is never held up: it goes on at its own speed until it is told to stop.
    EXPECT_TRUE(eventually([&] { return service_->tokensSent() > 0 && service_->running() == 0; }));
    EXPECT_EQ(service_->cancelled(), 1U);
    // Once it reads again, it learns what happened.
    EXPECT_THAT(client.receiveUntil("[DONE]"), HasSubstr("did not read its stream fast enough"));
    EXPECT_THAT(get("/metrics").body, HasSubstr("fulgurite_streams_dropped_total{reason=\"slow_client\"} 1"));
}

TEST_F(StreamTest, AClientThatNeverReadsLosesItsConnection) {
    limits_.queue_bytes = 16 << 20; // more than the kernel buffers
    options_.timeouts.write = milliseconds(200);
    startServer();
    endless(milliseconds(0));
    RawClient client(server_->port(), 4096);
    client.send(
        requestText("POST", kChat, chatBody({{"stream", true}, {"logprobs", true}, {"top_logprobs", 20}}).dump()));
    ASSERT_TRUE(eventually([&] { return service_->tokensSent() > 0; }));
    EXPECT_TRUE(eventually([&] { return metrics_->openConnections() == 0; }));
    EXPECT_TRUE(eventually([&] { return service_->running() == 0; }));
}

TEST_F(StreamTest, AReplyThatGrowsTooLargeIsCut) {
    limits_.reply_bytes = 10'000;
    startServer();
    endless(milliseconds(0));
    limits_.queue_bytes = std::size_t{64} << 20;
    const ClientReply reply = post(kChat, chatBody({{"logprobs", true}}));
    EXPECT_NE(reply.status, 200);
    EXPECT_TRUE(eventually([&] { return service_->running() == 0; }));
}

TEST_F(StreamTest, SilentStreamsAreKeptAlive) {
    options_.timeouts.heartbeat = milliseconds(50);
    startServer();
    Script script;
    script.pause = milliseconds(400);
    service_->setScript(script);
    const ClientReply reply = post(kChat, chatBody({{"stream", true}}));
    EXPECT_THAT(reply.body, HasSubstr(": keep-alive\n\n"));
    EXPECT_THAT(reply.body, HasSubstr("[DONE]"));
}

TEST_F(StreamTest, ShuttingDownLetsAnswersFinish) {
    Script script;
    script.tokens = std::vector<std::string>(20, "x");
    script.pause = milliseconds(20);
    service_->setScript(script);
    RawClient client = connect();
    client.send(requestText("POST", kChat, chatBody({{"stream", true}}).dump()));
    client.receiveUntil("\"x\"");
    RawClient idle = connect();
    server_->stop(milliseconds(5000));
    EXPECT_TRUE(idle.closedByServer());
    const std::string rest = client.receiveUntil("[DONE]");
    EXPECT_THAT(rest, HasSubstr("\"finish_reason\":\"stop\""));
    const auto refused = [&] {
        try {
            connect();
            return false;
        } catch (const std::runtime_error&) {
            return true;
        }
    };
    EXPECT_TRUE(eventually(refused)) << "nobody listens any more, a moment after the last answer";
}

TEST_F(StreamTest, AfterTheGracePeriodStreamsEndWithAnError) {
    endless(milliseconds(10));
    RawClient client = connect();
    client.send(requestText("POST", kChat, chatBody({{"stream", true}}).dump()));
    client.receiveUntil("Hello");
    server_->stop(milliseconds(100));
    EXPECT_THAT(client.receiveUntil("[DONE]"), HasSubstr("the server is shutting down"));
    EXPECT_TRUE(eventually([&] { return service_->running() == 0; }));
}

TEST_F(StreamTest, ManyStreamsAtOnce) {
    Script script;
    script.tokens = std::vector<std::string>(50, "word ");
    script.pause = milliseconds(1);
    service_->setScript(script);
    std::vector<RawClient> clients;
    for (int i = 0; i < 40; ++i) {
        clients.push_back(connect());
        clients.back().send(requestText("POST", kChat, chatBody({{"stream", true}}).dump()));
    }
    for (RawClient& client : clients) {
        const auto events = parseEvents(client.reply().body);
        EXPECT_EQ(events.back().data, "[DONE]");
        EXPECT_GE(events.size(), 52U);
    }
}

} // namespace
} // namespace fulgurite::node::test
