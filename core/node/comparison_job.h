// SPDX-License-Identifier: Apache-2.0
// The reply to a comparison: its arrays as safetensors once it is done, or an error. A client that leaves ends it.
#pragma once

#include "core/node/capture_service.h"
#include "core/node/http_types.h"

#include <mutex>
#include <optional>
#include <stop_token>

namespace fulgurite::node {

class ComparisonJob final : public ReplySource {
  public:
    std::stop_token stopToken() const { return stop_.get_token(); }
    // Any thread, once.
    void take(const std::optional<capture::TokenComparison>& result, const std::optional<Error>& error);

    void start(std::function<void()> wake) override;
    Pull pull(std::string& out) override;
    ReplyHead head() const override;
    void shutDown() override;
    void close() override;

  private:
    std::stop_source stop_;
    mutable std::mutex mutex_; // guards what follows
    std::function<void()> wake_;
    std::optional<HttpReply> reply_;
    bool shutting_down_ = false;
};

} // namespace fulgurite::node
