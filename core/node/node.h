// SPDX-License-Identifier: Apache-2.0
// The node: admits requests, finds their endpoint, prepares them off the I/O thread.
#pragma once

#include "core/node/auth.h"
#include "core/node/endpoints.h"
#include "core/node/http_types.h"
#include "core/node/request_journal.h"
#include "core/node/task_thread.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

// What there is to call, for documents and tests that must miss nothing.
struct RouteInfo {
    std::string_view method;
    std::string_view path; // ends with '/' when it takes more segments
    Scope scope;
    Kind kind; // of the thing whose id stands behind the path
};

std::vector<RouteInfo> allRoutes();

// Parsing, rendering and tokenizing run one after another on one preparing thread, so that a megabyte of prompt
// delays other prompts but no stream and no status. Views of captures have a thread of their own: a large map
// delays other views and no prompt. Runs and jobs have one too: a disk that is slow delays no answer. So have
// searches in collections.
class Node final : public RequestHandler {
  public:
    // `host`, `metrics`, `access` and what is in `services` must outlive the node. Without a journal nothing is
    // written down.
    Node(ModelHost& host, Metrics& metrics, const AccessControl& access, JobLimits limits = {},
         NodeServices services = {}, std::shared_ptr<RequestJournal> journal = nullptr);
    ~Node() override; // drops what waits for its threads and joins them

    // From any thread, once: nothing new is begun and the node says that it is not ready.
    void drain() { draining_ = true; }
    // From any thread, now and then: forgets what nobody has asked for in a while.
    void tidy(std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now());

    std::optional<HttpReply> admit(HttpHead& head) override;
    void unreadable(HttpHead& head) override;
    void handle(HttpRequest request, std::shared_ptr<Responder> responder) override;
    std::string label(const HttpHead& head) const override;

  private:
    void refuseWhom(const HttpHead& head) const;
    void refuseWhat(const HttpHead& head) const;

    std::atomic<bool> draining_ = false;
    std::shared_ptr<Ledger> ledger_;
    std::shared_ptr<RequestJournal> journal_;
    EndpointContext context_;
    TaskThread preparing_;
    TaskThread inspecting_;
    TaskThread records_;
    TaskThread searching_;
};

} // namespace fulgurite::node
