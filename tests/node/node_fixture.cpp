// SPDX-License-Identifier: Apache-2.0
// Raw HTTP client and the fixture of the node's tests.
#include "tests/node/node_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace fulgurite::node::test {

std::vector<ServerEvent> parseEvents(const std::string& body) {
    std::vector<ServerEvent> events;
    std::istringstream lines(body);
    ServerEvent event;
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("event: ", 0) == 0) {
            event.name = line.substr(7);
        } else if (line.rfind("data: ", 0) == 0) {
            event.data = line.substr(6);
        } else if (line.empty() && !event.data.empty()) {
            events.push_back(std::exchange(event, {}));
        }
    }
    return events;
}

RawClient::RawClient(std::uint16_t port, int receive_buffer) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) {
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    const timeval limit{60, 0}; // ends a test that hangs; a machine under load may take seconds
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        throw std::runtime_error("cannot connect to the test server");
    }
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

RawClient::~RawClient() {
    close();
}

void RawClient::close() {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

bool RawClient::send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            return false;
        }
        sent += static_cast<std::size_t>(count);
    }
    return true;
}

bool RawClient::fill() {
    char bytes[16384];
    ssize_t count = 0;
    do { // with its time limit a read does not go on by itself behind a signal, as of a child that ends
        count = ::recv(fd_, bytes, sizeof(bytes), 0);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) {
        return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
}

std::string RawClient::receive() {
    if (buffer_.empty()) {
        fill();
    }
    return std::exchange(buffer_, {});
}

std::string RawClient::receiveUntil(const std::string& mark) {
    while (buffer_.find(mark) == std::string::npos && fill()) {
    }
    return std::exchange(buffer_, {});
}

bool RawClient::closedByServer() {
    return buffer_.empty() && !fill();
}

ClientReply RawClient::reply(bool head_only) {
    ClientReply reply;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!fill()) {
            return reply;
        }
    }
    std::istringstream head(buffer_.substr(0, end));
    buffer_.erase(0, end + 4);
    std::string version;
    head >> version >> reply.status;
    std::string line;
    std::getline(head, line);
    while (std::getline(head, line)) {
        const std::size_t colon = line.find(": ");
        std::string name = line.substr(0, colon);
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        reply.fields[name] = line.substr(colon + 2, line.find('\r') - colon - 2);
    }
    if (head_only) {
        return reply;
    }
    if (reply.fields.count("content-length") > 0) {
        const std::size_t length = std::stoul(reply.fields["content-length"]);
        while (buffer_.size() < length && fill()) {
        }
        reply.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
        return reply;
    }
    if (reply.fields.count("transfer-encoding") == 0) { // HTTP/1.0: up to the end of the connection
        while (fill()) {
        }
        reply.body = std::exchange(buffer_, {});
        return reply;
    }
    for (;;) {
        std::size_t line_end = 0;
        while ((line_end = buffer_.find("\r\n")) == std::string::npos) {
            if (!fill()) {
                return reply;
            }
        }
        const std::size_t length = std::stoul(buffer_.substr(0, line_end), nullptr, 16);
        while (buffer_.size() < line_end + 2 + length + 2) {
            if (!fill()) {
                return reply;
            }
        }
        reply.body += buffer_.substr(line_end + 2, length);
        buffer_.erase(0, line_end + 2 + length + 2);
        if (length == 0) {
            return reply;
        }
    }
}

std::string requestText(const std::string& method, const std::string& path, const std::string& body,
                        const std::string& fields, const std::string& token) {
    std::string text = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields;
    if (!token.empty()) {
        text += "Authorization: Bearer " + token + "\r\n";
    }
    if (method == "POST" || method == "PATCH") {
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return text + "\r\n" + body;
}

void NodeTest::startServer() {
    stopServer();
    metrics_ = std::make_unique<Metrics>();
    server_ = std::make_unique<HttpServer>(options_, *metrics_);
    host_ = std::make_unique<ModelHost>([this](LoadProgress&) { return load_(); }, nullptr);
    access_ = std::make_unique<AccessControl>(token_);
    if (!tokens_.entries.empty()) {
        access_->replace({.token = {}, .list = tokens_, .is_list = true, .readable_by_others = false});
    }
    node_ = std::make_unique<Node>(*host_, *metrics_, *access_, limits_, services_, journal_);
    ASSERT_TRUE(eventually([&] { return host_->find() != nullptr; }));
    service_ = dynamic_cast<ScriptedService*>(host_->find().get());
    if (service_ != nullptr) {
        service_->setScript({});
    }
    thread_ = std::thread([this] { server_->run(*node_); });
}

void NodeTest::stopServer() {
    if (server_) {
        server_->stop(std::chrono::milliseconds(0));
        thread_.join();
    }
    node_.reset();
    host_.reset();
    server_.reset();
    service_ = nullptr;
}

ClientReply NodeTest::get(const std::string& path) {
    RawClient client = connect();
    client.send(requestText("GET", path, ""));
    return client.reply();
}

ClientReply NodeTest::post(const std::string& path, const nlohmann::json& body) {
    RawClient client = connect();
    client.send(requestText("POST", path, body.dump()));
    return client.reply();
}

ClientReply NodeTest::ask(const std::string& token, const std::string& method, const std::string& path,
                          const nlohmann::json& body) {
    RawClient client = connect();
    client.send(requestText(method, path, method == "POST" || method == "PATCH" ? body.dump() : "", {}, token));
    return client.reply(method == "HEAD");
}

std::string NodeTest::addToken(const std::string& name, ScopeSet scopes, AccessLimits limits) {
    std::string token = newToken();
    tokens_.entries.push_back({name, hashOfToken(token), scopes, limits, 0, 0});
    return token;
}

std::vector<ServerEvent> NodeTest::stream(const std::string& path, const nlohmann::json& body) {
    const ClientReply reply = post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return parseEvents(reply.body);
}

nlohmann::json NodeTest::chatBody(const nlohmann::json& more) const {
    nlohmann::json body{{"model", "scripted"},
                        {"messages", nlohmann::json::array({{{"role", "user"}, {"content", "Hi"}}})}};
    body.update(more);
    return body;
}

} // namespace fulgurite::node::test
