// SPDX-License-Identifier: Apache-2.0
// The event stream of one capture: start, progress, done or error. A client that leaves ends the capture.
#pragma once

#include "core/node/capture_service.h"
#include "core/node/http_types.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace fulgurite::node {

class CaptureJob final : public ReplySource, public CaptureObserver {
  public:
    // `claim` hears the id before the capture is there; may be empty.
    explicit CaptureJob(std::function<void(const std::string& id)> claim) : claim_(std::move(claim)) {}

    std::stop_token stopToken() const { return stop_.get_token(); }

    void start(std::function<void()> wake) override;
    Pull pull(std::string& out) override;
    ReplyHead head() const override;
    std::string heartbeat() const override;
    void shutDown() override;
    void close() override;

    void onStart(const std::string& id, const probe::CaptureEstimate& estimate) override;
    void onProgress(std::size_t done, std::size_t total) override;
    void onDone(const std::string& id, const capture::CaptureInfo& info) override;
    void onError(const Error& error) override;

  private:
    void post(std::string text, bool last);

    std::function<void(const std::string&)> claim_;
    std::stop_source stop_;
    std::mutex mutex_; // guards what follows
    std::function<void()> wake_;
    std::string waiting_;                                         // events not yet taken
    std::optional<std::pair<std::size_t, std::size_t>> progress_; // the latest; earlier ones are of no use
    bool ended_ = false;
    bool shutting_down_ = false;
};

} // namespace fulgurite::node
