// SPDX-License-Identifier: Apache-2.0
#include "core/node/retrieval_job.h"

#include <algorithm>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr double kLeastSeconds = 0.5; // before this a rate says nothing

} // namespace

const char* nameOf(RetrievalState state) {
    switch (state) {
    case RetrievalState::Running:
        return "running";
    case RetrievalState::Paused:
        return "paused";
    case RetrievalState::Done:
        return "done";
    case RetrievalState::Failed:
        return "failed";
    case RetrievalState::Cancelled:
        return "cancelled";
    }
    return "";
}

RetrievalAction retrievalActionOf(const std::string& name) {
    if (name == "pause") {
        return RetrievalAction::Pause;
    }
    if (name == "resume") {
        return RetrievalAction::Resume;
    }
    if (name == "cancel") {
        return RetrievalAction::Cancel;
    }
    fail(ErrorKind::InvalidInput, "\"{}\" is no action; there are pause, resume and cancel", name);
}

RetrievalWork::RetrievalWork(std::string id, std::string kind, Work work) : work_(std::move(work)) {
    job_.id = std::move(id);
    job_.kind = std::move(kind);
}

RetrievalJob RetrievalWork::state() const {
    const std::lock_guard lock(mutex_);
    return job_;
}

bool RetrievalWork::steer(RetrievalAction action) {
    const std::lock_guard lock(mutex_);
    if (!job_.live()) {
        fail(ErrorKind::InvalidInput, "the {} has ended ({}): there is nothing to {}", job_.kind,
             nameOf(job_.state),
             action == RetrievalAction::Pause    ? "pause"
             : action == RetrievalAction::Resume ? "go on with"
                                                 : "cancel");
    }
    switch (action) {
    case RetrievalAction::Pause:
        job_.state = RetrievalState::Paused;
        stop_.request_stop();
        return false;
    case RetrievalAction::Resume:
        if (job_.state != RetrievalState::Paused) {
            return false;
        }
        job_.state = RetrievalState::Running;
        stop_ = std::stop_source();
        return true;
    case RetrievalAction::Cancel:
        job_.state = RetrievalState::Cancelled;
        stop_.request_stop();
        return false;
    }
    return false;
}

void RetrievalWork::progress(std::size_t done, std::size_t total) {
    const std::lock_guard lock(mutex_);
    // What a run that goes on passes over says nothing about the rate: the clock begins with the first step after
    // it.
    if (!measuring_) {
        measuring_ = true;
        begun_ = Clock::now();
        done_before_ = done;
    }
    job_.done = done;
    job_.total = std::max(total, done);
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    if (seconds >= kLeastSeconds && done > done_before_) {
        job_.per_second = static_cast<double>(done - done_before_) / seconds;
        job_.seconds_left = static_cast<double>(job_.total - done) / job_.per_second;
    }
}

void RetrievalWork::run(const std::stop_token& closing) {
    std::stop_token stop;
    {
        const std::lock_guard lock(mutex_);
        if (job_.state != RetrievalState::Running) {
            return; // paused or cancelled while it waited
        }
        stop = stop_.get_token();
        measuring_ = false;
    }
    std::stop_source either;
    const std::stop_callback asked(stop, [&either] { either.request_stop(); });
    const std::stop_callback closes(closing, [&either] { either.request_stop(); });
    RetrievalState end = RetrievalState::Done;
    Result result;
    try {
        result = work_([this](std::size_t done, std::size_t total) { progress(done, total); }, either.get_token());
    } catch (const Error& error) {
        end = error.kind() == ErrorKind::Cancelled ? RetrievalState::Cancelled : RetrievalState::Failed;
        result.message = error.what();
    } catch (const std::exception& error) {
        end = RetrievalState::Failed;
        result.message = error.what();
    }
    const std::lock_guard lock(mutex_);
    // Asked to stop: the state is what was asked for, or what has been asked for since.
    if (end == RetrievalState::Cancelled && stop.stop_requested()) {
        return;
    }
    job_.state = end;
    job_.message = std::move(result.message);
    job_.record = std::move(result.record);
    job_.seconds_left = 0;
}

} // namespace fulgurite::node
