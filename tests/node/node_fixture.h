// SPDX-License-Identifier: Apache-2.0
// The real server on a free loopback port, with a scripted model behind it, and a client made of one raw socket.
#pragma once

#include "core/node/http_server.h"
#include "core/node/model_host.h"
#include "core/node/node.h"
#include "tests/node/scripted_service.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace fulgurite::node::test {

inline constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

struct ClientReply {
    int status = 0;
    std::map<std::string, std::string> fields; // names in lower case
    std::string body;                          // chunks joined

    nlohmann::json json() const { return nlohmann::json::parse(body); }
    std::string errorParam() const { return json().at("error").at("param").get<std::string>(); }
    std::string errorText() const { return json().at("error").at("message").get<std::string>(); }
};

struct ServerEvent {
    std::string name;
    std::string data;

    nlohmann::json json() const { return nlohmann::json::parse(data); }
};

std::vector<ServerEvent> parseEvents(const std::string& body);

// Blocking, with a time limit of ten seconds on every read.
class RawClient {
  public:
    explicit RawClient(std::uint16_t port, int receive_buffer = 0);
    ~RawClient();
    RawClient(RawClient&& other) noexcept;
    RawClient(const RawClient&) = delete;

    // False when the server has closed.
    bool send(const std::string& bytes);
    // Some bytes, or an empty string at the end of the connection (and on a time-out).
    std::string receive();
    // Until `mark` has been seen or the connection ended; all that was read.
    std::string receiveUntil(const std::string& mark);
    // One whole reply. `head_only`: the reply to a HEAD request.
    ClientReply reply(bool head_only = false);
    bool closedByServer(); // true when nothing but the end arrives
    void close();

  private:
    bool fill();

    int fd_ = -1;
    std::string buffer_;
};

std::string requestText(const std::string& method, const std::string& path, const std::string& body,
                        const std::string& fields = {}, const std::string& token = kToken);

class NodeTest : public testing::Test {
  protected:
    void SetUp() override { startServer(); }
    void TearDown() override { stopServer(); }

    // Again with other options; the fixture starts one with these defaults.
    void startServer();
    void stopServer();

    ClientReply get(const std::string& path);
    ClientReply post(const std::string& path, const nlohmann::json& body);
    // Any method, with any token.
    ClientReply ask(const std::string& token, const std::string& method, const std::string& path,
                    const nlohmann::json& body = nlohmann::json::object());
    // Adds one to tokens_ and returns its secret.
    std::string addToken(const std::string& name, ScopeSet scopes, AccessLimits limits = {});
    std::vector<ServerEvent> stream(const std::string& path, const nlohmann::json& body);
    nlohmann::json chatBody(const nlohmann::json& more = nlohmann::json::object()) const;
    RawClient connect() const { return RawClient(server_->port()); }

    std::function<std::unique_ptr<ModelService>()> load_ = [] { return std::make_unique<ScriptedService>(); };
    HttpServerOptions options_;
    JobLimits limits_;
    NodeServices services_; // owned by the test
    std::string token_ = kToken;
    TokenList tokens_; // in place of the one token, when it has any
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<HttpServer> server_;
    std::unique_ptr<ModelHost> host_;
    std::unique_ptr<AccessControl> access_;
    std::shared_ptr<RequestJournal> journal_; // null: none
    std::unique_ptr<Node> node_;
    ScriptedService* service_ = nullptr; // owned by host_; null behind another model
    std::thread thread_;
};

// Polls until `condition` holds; false after ten seconds.
template <class Condition>
bool eventually(const Condition& condition) {
    for (int i = 0; i < 2000; ++i) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

} // namespace fulgurite::node::test
