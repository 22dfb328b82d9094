// SPDX-License-Identifier: Apache-2.0
#include "core/node/work_reply.h"

#include "core/node/api_error.h"

#include <utility>

namespace fulgurite::node {

std::shared_ptr<WorkReply> WorkReply::on(TaskThread& thread,
                                         std::function<HttpReply(const std::stop_token&)> work) {
    auto job = std::make_shared<WorkReply>();
    thread.enqueue([job, work = std::move(work)] {
        const std::stop_token stop = job->stopToken();
        if (stop.stop_requested()) { // nobody reads it, or the server is going down
            return job->refuse(ApiError(503, "the server is shutting down", {}, "shutting_down"));
        }
        try {
            job->reply(work(stop));
        } catch (...) {
            job->refuse(toApiError(std::current_exception()));
        }
    });
    return job;
}

void WorkReply::reply(HttpReply reply) {
    const std::lock_guard lock(mutex_);
    reply_ = std::move(reply);
    if (wake_) {
        wake_();
    }
}

void WorkReply::refuse(const ApiError& error) {
    const std::lock_guard lock(mutex_);
    reply_ = replyOf(shutting_down_ ? ApiError(503, "the server is shutting down", {}, "shutting_down") : error);
    if (wake_) {
        wake_();
    }
}

void WorkReply::start(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
    if (reply_) {
        wake_();
    }
}

ReplySource::Pull WorkReply::pull(std::string& out) {
    const std::lock_guard lock(mutex_);
    if (!reply_) {
        return Pull::Wait;
    }
    out += std::exchange(reply_->body, {});
    return Pull::End;
}

ReplyHead WorkReply::head() const {
    const std::lock_guard lock(mutex_);
    return {reply_->status, reply_->content_type, reply_->fields};
}

void WorkReply::shutDown() {
    {
        const std::lock_guard lock(mutex_);
        shutting_down_ = true;
    }
    stop_.request_stop();
}

void WorkReply::close() {
    {
        const std::lock_guard lock(mutex_);
        wake_ = nullptr;
    }
    stop_.request_stop();
}

} // namespace fulgurite::node
