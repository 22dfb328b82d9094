// SPDX-License-Identifier: Apache-2.0
// The node: admits requests, finds their endpoint, prepares them off the I/O thread.
#pragma once

#include "core/node/auth.h"
#include "core/node/endpoints.h"
#include "core/node/http_types.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace fulgurite::node {

// Parsing, rendering and tokenizing run one after another on one preparing thread, so that a megabyte of prompt
// delays other prompts but no stream and no status.
class Node final : public RequestHandler {
  public:
    // `host` and `metrics` must outlive the node.
    Node(ModelHost& host, Metrics& metrics, const std::string& token, JobLimits limits = {});
    ~Node() override; // refuses what waits for preparation and joins

    std::optional<HttpReply> admit(const HttpHead& head) override;
    void handle(HttpRequest request, std::shared_ptr<Responder> responder) override;
    std::string label(const HttpHead& head) const override;

  private:
    void prepareLoop();
    void enqueue(std::function<void()> task);

    EndpointContext context_;
    BearerToken token_;

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::thread preparer_;
};

} // namespace fulgurite::node
