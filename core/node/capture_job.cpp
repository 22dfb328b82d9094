// SPDX-License-Identifier: Apache-2.0
#include "core/node/capture_job.h"

#include "core/node/capture_json.h"
#include "core/node/json_text.h"
#include "core/node/sse.h"

namespace fulgurite::node {

ReplyHead CaptureJob::head() const {
    return {200, kEventStreamType, {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}}};
}

std::string CaptureJob::heartbeat() const {
    return keepAliveComment();
}

void CaptureJob::start(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

ReplySource::Pull CaptureJob::pull(std::string& out) {
    const std::lock_guard lock(mutex_);
    const bool any = !waiting_.empty() || progress_;
    // What waits is either from before the progress, or the end, which needs none.
    out += std::exchange(waiting_, {});
    if (progress_ && !ended_) {
        appendEvent(out, "progress", {{"done", progress_->first}, {"total", progress_->second}});
    }
    progress_.reset();
    return ended_ ? Pull::End : any ? Pull::More : Pull::Wait;
}

void CaptureJob::shutDown() {
    {
        const std::lock_guard lock(mutex_);
        shutting_down_ = true;
    }
    stop_.request_stop();
}

void CaptureJob::close() {
    {
        const std::lock_guard lock(mutex_);
        wake_ = nullptr;
    }
    stop_.request_stop();
}

void CaptureJob::onStart(const std::string& id, const probe::CaptureEstimate& estimate) {
    if (claim_) {
        claim_(id);
    }
    std::string text;
    nlohmann::json data = toJson(estimate);
    data["id"] = id;
    appendEvent(text, "start", data);
    post(std::move(text), false);
}

void CaptureJob::onProgress(std::size_t done, std::size_t total) {
    const std::lock_guard lock(mutex_);
    progress_ = {done, total};
    if (wake_) {
        wake_();
    }
}

void CaptureJob::onDone(const std::string& id, const capture::CaptureInfo& info) {
    std::string text;
    appendEvent(text, "done", captureEntry(id, info));
    post(std::move(text), true);
}

void CaptureJob::onError(const Error& error) {
    ApiError told = toApiError(error);
    {
        const std::lock_guard lock(mutex_);
        if (shutting_down_) {
            told = ApiError(503, "the server is shutting down", {}, "shutting_down");
        }
    }
    std::string text;
    appendEvent(text, "error", told.body());
    post(std::move(text), true);
}

void CaptureJob::post(std::string text, bool last) {
    const std::lock_guard lock(mutex_);
    waiting_ += text;
    ended_ = ended_ || last;
    if (wake_) {
        wake_();
    }
}

} // namespace fulgurite::node
