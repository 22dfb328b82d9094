// SPDX-License-Identifier: Apache-2.0
// Files as replies over real sockets: asked for without their body, and cut off by the end of the node or of the
// time.
#include "core/node/file_reply.h"
#include "core/node/http_server.h"
#include "tests/node/node_fixture.h"
#include "tests/unit/temporary_folder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>

namespace fulgurite::node::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// More than the kernel takes from a server whose client does not read.
constexpr std::uintmax_t kFileBytes = std::uintmax_t{64} << 20;

class FileHandler final : public RequestHandler {
  public:
    explicit FileHandler(std::filesystem::path file) : file_(std::move(file)) {}

    std::optional<HttpReply> admit(HttpHead&) override { return std::nullopt; }
    void unreadable(HttpHead&) override {}
    void handle(HttpRequest request, std::shared_ptr<Responder> responder) override {
        if (request.head.path == "/file") {
            responder->stream(open());
        } else if (request.head.path == "/late") {
            const std::lock_guard lock(mutex_);
            late_ = std::move(responder);
        } else {
            responder->reply({200, "text/plain", "small", {}});
        }
    }
    std::string label(const HttpHead&) const override { return "file"; }

    std::shared_ptr<FileReply> open() const { return std::make_shared<FileReply>(file_, "large.bin"); }
    // Of the request for /late, once it has come.
    std::shared_ptr<Responder> late() const {
        const std::lock_guard lock(mutex_);
        return late_;
    }

  private:
    std::filesystem::path file_;
    mutable std::mutex mutex_;
    std::shared_ptr<Responder> late_;
};

class FileReplyTest : public testing::Test {
  protected:
    FileReplyTest() : handler_(folder_ / "large.bin"), server_({}, metrics_) {
        std::ofstream(folder_ / "large.bin").close();
        std::filesystem::resize_file(folder_ / "large.bin", kFileBytes);
        thread_ = std::thread([this] { server_.run(handler_); });
    }
    ~FileReplyTest() override {
        server_.stop(milliseconds(0));
        thread_.join();
    }

    TemporaryFolder folder_;
    FileHandler handler_;
    Metrics metrics_;
    HttpServer server_;
    std::thread thread_;
};

TEST_F(FileReplyTest, AWholeFileArrives) {
    RawClient client(server_.port());
    client.send(requestText("GET", "/file", ""));
    EXPECT_EQ(client.reply().body.size(), kFileBytes);
}

TEST_F(FileReplyTest, HeadHasTheHeadOfGetAndNothingBehindIt) {
    RawClient client(server_.port());
    client.send(requestText("HEAD", "/file", "") + requestText("GET", "/small", ""));
    const ClientReply head = client.reply(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_THAT(head.fields.at("content-disposition"), HasSubstr("large.bin"));
    EXPECT_EQ(head.fields.count("content-length"), 0U) << "what it would be is not known";
    EXPECT_EQ(client.reply().body, "small") << "the connection goes on with the next answer";
}

// A client must see that it has a part only.
TEST_F(FileReplyTest, AFileThatTheEndOfTheNodeCutsOffDoesNotEndAsAWholeOne) {
    RawClient client(server_.port());
    client.send(requestText("GET", "/file", ""));
    std::string tail = client.receive();
    ASSERT_THAT(tail, HasSubstr("200 OK"));
    server_.stop(milliseconds(0));
    std::size_t bytes = tail.size();
    for (std::string more = client.receive(); !more.empty(); more = client.receive()) {
        bytes += more.size();
        tail += more;
        tail.erase(0, tail.size() - std::min<std::size_t>(tail.size(), 8));
    }
    EXPECT_LT(bytes, kFileBytes);
    EXPECT_FALSE(tail.ends_with("0\r\n\r\n"));
    EXPECT_THAT(metrics_.render(nullptr), HasSubstr("fulgurite_streams_dropped_total{reason=\"shutting_down\"} 1"));
}

TEST_F(FileReplyTest, AFileThatHasNotBegunIsRefusedInWords) {
    RawClient client(server_.port());
    client.send(requestText("GET", "/late", ""));
    ASSERT_TRUE(eventually([&] { return handler_.late() != nullptr; }));
    server_.stop(milliseconds(0));
    RawClient other(server_.port());
    other.send(requestText("GET", "/small", ""));
    EXPECT_EQ(other.reply().body, "small") << "answered behind the request to stop";
    handler_.late()->stream(handler_.open());
    const ClientReply reply = client.reply();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.json().at("error").at("code"), "shutting_down");
}

TEST_F(FileReplyTest, TheEndOfTheTimeIsToldAsThat) {
    const auto file = handler_.open();
    std::string bytes;
    EXPECT_EQ(file->pull(bytes), ReplySource::Pull::More);
    const std::size_t before = bytes.size();
    file->timeOut();
    try {
        file->pull(bytes);
        FAIL() << "as if the file had ended";
    } catch (const ApiError& error) {
        EXPECT_EQ(error.status(), 408);
        EXPECT_EQ(error.code(), "time_limit");
    }
    EXPECT_EQ(bytes.size(), before);
}

} // namespace
} // namespace fulgurite::node::test
