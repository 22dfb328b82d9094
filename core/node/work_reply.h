// SPDX-License-Identifier: Apache-2.0
// A reply that is made on another thread, whole: nothing waits for it but its client, and a client that leaves ends
// the work.
#pragma once

#include "core/node/http_types.h"
#include "core/node/task_thread.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

namespace fulgurite::node {

class WorkReply final : public ReplySource {
  public:
    // Runs `work` on `thread` when its turn comes, unless the client has left by then. What it throws becomes the
    // reply. `thread` must outlive the work.
    static std::shared_ptr<WorkReply> on(TaskThread& thread, std::function<HttpReply(const std::stop_token&)> work);

    std::stop_token stopToken() const { return stop_.get_token(); }
    // Any thread; one of the two, once.
    void reply(HttpReply reply);
    void refuse(const ApiError& error);

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
