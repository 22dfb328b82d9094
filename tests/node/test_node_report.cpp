// SPDX-License-Identifier: Apache-2.0
// How a node fares: its report and its log.
#include "core/node/node_log.h"
#include "tests/node/node_fixture.h"

namespace fulgurite::node::test {
namespace {

class NodeReportTest : public NodeTest {};

TEST(NodeLog, KeepsTheLatestAndCountsOn) {
    NodeLog log(3);
    for (int i = 0; i < 5; ++i) {
        log.add(i == 4 ? LogLevel::Error : LogLevel::Info, std::to_string(i));
    }
    const std::vector<LogLine> all = log.from(0, 100);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all.front().text, "2");
    EXPECT_EQ(all.front().number, 3u);
    EXPECT_EQ(all.back().level, LogLevel::Error);
    EXPECT_GT(all.back().time_us, 0);
    EXPECT_EQ(log.from(5, 100).size(), 1u);
    EXPECT_EQ(log.from(0, 2).front().text, "3");
    EXPECT_EQ(log.from(3, 2).front().text, "2") << "who goes on from a number misses none";
    EXPECT_EQ(log.from(3, 2).back().number + 1, 5U);
    EXPECT_TRUE(log.from(log.next(), 100).empty());
}

TEST_F(NodeReportTest, TellsMachineModelAndGpus) {
    ASSERT_TRUE(eventually([this] { return host_->state() == ModelHost::State::Ready; }));
    const ClientReply reply = get("/fulgurite/v1/node");
    ASSERT_EQ(reply.status, 200);
    const nlohmann::json report = reply.json();
    EXPECT_GT(report["machine"]["cores"].get<int>(), 0);
    EXPECT_GT(report["machine"]["memory_total_bytes"].get<std::uint64_t>(), 0u);
    EXPECT_GT(report["machine"]["process_bytes"].get<std::uint64_t>(), 0u);
    EXPECT_GE(report["uptime_seconds"].get<double>(), 0);
    EXPECT_GT(report["clock"].get<double>(), 1.6e9);
    EXPECT_EQ(report["model"]["state"], "ready");
    // Devices, or a sentence in their place.
    EXPECT_NE(report["gpu"]["devices"].empty(), report["gpu"]["problem"].get<std::string>().empty());
}

TEST_F(NodeReportTest, RequestsLeaveLines) {
    ASSERT_TRUE(eventually([this] { return host_->state() == ModelHost::State::Ready; }));
    const std::uint64_t before = nodeLog().next();
    const auto events = stream("/fulgurite/v1/generate", {{"prompt", "hello"}});
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(post("/fulgurite/v1/generate", {{"nonsense", 1}}).status, 400);
    ASSERT_TRUE(eventually([before] { return nodeLog().next() >= before + 2; }));
    const nlohmann::json log = get("/fulgurite/v1/node/log").json();
    std::string all;
    for (const nlohmann::json& line : log["lines"]) {
        all += line["level"].get<std::string>() + " " + line["text"].get<std::string>() + "\n";
    }
    EXPECT_NE(all.find("POST /fulgurite/v1/generate 200"), std::string::npos) << all;
    EXPECT_NE(all.find("POST /fulgurite/v1/generate 400"), std::string::npos) << all;
    const std::uint64_t next = log["next"].get<std::uint64_t>();
    EXPECT_TRUE(get("/fulgurite/v1/node/log?from=" + std::to_string(next)).json()["lines"].empty());
}

} // namespace
} // namespace fulgurite::node::test
