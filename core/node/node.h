// SPDX-License-Identifier: Apache-2.0
// The node: admits requests, finds their endpoint, prepares them off the I/O thread.
#pragma once

#include "core/node/auth.h"
#include "core/node/endpoints.h"
#include "core/node/http_types.h"
#include "core/node/task_thread.h"

#include <memory>
#include <optional>
#include <string>

namespace fulgurite::node {

// Parsing, rendering and tokenizing run one after another on one preparing thread, so that a megabyte of prompt
// delays other prompts but no stream and no status. Views of captures have a thread of their own: a large map
// delays other views and no prompt. Runs and jobs have one too: a disk that is slow delays no answer. So have searches
// in collections.
class Node final : public RequestHandler {
  public:
    // `host`, `metrics` and what is in `services` must outlive the node.
    Node(ModelHost& host, Metrics& metrics, const std::string& token, JobLimits limits = {},
         NodeServices services = {});
    ~Node() override; // drops what waits for its threads and joins them

    std::optional<HttpReply> admit(const HttpHead& head) override;
    void handle(HttpRequest request, std::shared_ptr<Responder> responder) override;
    std::string label(const HttpHead& head) const override;

  private:
    EndpointContext context_;
    BearerToken token_;
    TaskThread preparing_;
    TaskThread inspecting_;
    TaskThread records_;
    TaskThread searching_;
};

} // namespace fulgurite::node
