// SPDX-License-Identifier: Apache-2.0
// Background loading of the one model, and its changes.
#include "core/node/model_host.h"

#include "core/node/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fulgurite::node {

namespace {

// Questions about the model take moments; what lasts longer is work.
constexpr std::chrono::milliseconds kMoment{300};
constexpr double kMostRetrySeconds = 60;
constexpr double kRetryInUse = 5;
constexpr double kRetryChanging = 2;

} // namespace

const char* nameOf(ModelHost::State state) {
    switch (state) {
    case ModelHost::State::Loading:
        return "loading";
    case ModelHost::State::Ready:
        return "ready";
    case ModelHost::State::Leaving:
        return "leaving";
    case ModelHost::State::Unloaded:
        return "unloaded";
    case ModelHost::State::Failed:
        break;
    }
    return "failed";
}

void LoadProgress::tell(const std::string& name, std::uint64_t done, std::uint64_t total) {
    if (cancelled_) {
        throw Error(ErrorKind::Cancelled, "loading was stopped");
    }
    const std::lock_guard lock(mutex_);
    step_ = {name, done, total};
}

LoadProgress::Step LoadProgress::now() const {
    const std::lock_guard lock(mutex_);
    return step_;
}

ModelHost::ModelHost(Loader load, std::function<void(const ModelHost&)> changed)
    : changed_(std::move(changed)),
      order_(Order{{}, std::move(load)}),
      began_(std::chrono::steady_clock::now()),
      thread_([this] { work(); }) {}

ModelHost::~ModelHost() {
    {
        const std::lock_guard lock(uses_->mutex);
        stopping_ = true;
        progress_->cancel();
    }
    uses_->changed.notify_all();
    thread_.join();
}

void ModelHost::work() {
    std::unique_lock lock(uses_->mutex);
    for (;;) {
        uses_->changed.wait(lock, [this] { return stopping_ || order_; });
        if (stopping_) {
            return;
        }
        const Order order = *std::exchange(order_, std::nullopt);
        if (service_ && !drained(lock, order)) {
            continue;
        }
        carryOut(lock, order);
        if (changed_) {
            lock.unlock();
            changed_(*this);
            lock.lock();
        }
    }
}

// False: the model stays.
bool ModelHost::drained(std::unique_lock<std::mutex>& lock, const Order& order) {
    uses_->changed.wait(lock, [this] { return stopping_ || cancelled_ || uses_->count == 0; });
    if (stopping_ || cancelled_) {
        state_ = State::Ready;
        return false;
    }
    state_ = State::Loading;
    progress_->tell(order.load ? "unloading the model before it" : "unloading");
    std::unique_ptr<ModelService> old = std::move(service_);
    lock.unlock();
    old.reset();
    lock.lock();
    return true;
}

void ModelHost::carryOut(std::unique_lock<std::mutex>& lock, const Order& order) {
    std::unique_ptr<ModelService> made;
    std::string failure;
    bool stopped = false;
    if (order.load) {
        lock.unlock();
        try {
            progress_->tell("opening");
            made = order.load(*progress_);
        } catch (const Error& error) {
            stopped = error.kind() == ErrorKind::Cancelled;
            failure = stopped ? fmt::format("loading {} was stopped", order.name) : error.what();
        } catch (const std::exception& error) {
            failure = error.what();
        }
        lock.lock();
    }
    service_ = std::move(made);
    failure_ = order.load ? failure : "the model was unloaded";
    state_ = service_ ? State::Ready : order.load && !stopped ? State::Failed : State::Unloaded;
}

std::shared_ptr<ModelService> ModelHost::lend() const {
    ++uses_->count;
    return {service_.get(), [uses = uses_](ModelService*) {
                {
                    const std::lock_guard lock(uses->mutex);
                    --uses->count;
                }
                uses->changed.notify_all();
            }};
}

ModelHost::State ModelHost::state() const {
    const std::lock_guard lock(uses_->mutex);
    return state_;
}

std::string ModelHost::messageLocked() const {
    switch (state_) {
    case State::Loading:
        return "the model is being loaded";
    case State::Ready:
        return "ready";
    case State::Leaving:
        return "the model is about to be unloaded; what uses it has time to end";
    case State::Unloaded:
    case State::Failed:
        break;
    }
    return failure_;
}

std::string ModelHost::message() const {
    const std::lock_guard lock(uses_->mutex);
    return messageLocked();
}

ModelHost::Status ModelHost::status() const {
    const std::lock_guard lock(uses_->mutex);
    Status status;
    status.state = state_;
    status.message = messageLocked();
    status.in_use = uses_->count;
    status.cancellable = state_ == State::Leaving || state_ == State::Loading;
    if (status.cancellable) {
        status.wanted = name_;
        status.step = progress_->now();
        status.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    }
    return status;
}

std::shared_ptr<ModelService> ModelHost::find() const {
    const std::lock_guard lock(uses_->mutex);
    return state_ == State::Ready ? lend() : nullptr;
}

std::shared_ptr<ModelService> ModelHost::look() const {
    const std::lock_guard lock(uses_->mutex);
    return state_ == State::Ready || state_ == State::Leaving ? lend() : nullptr;
}

std::shared_ptr<ModelService> ModelHost::get() const {
    if (std::shared_ptr<ModelService> service = find()) {
        return service;
    }
    const Status now = status();
    switch (now.state) {
    case State::Failed:
        throw ApiError(503, "the model could not be loaded: " + now.message, {}, "model_failed");
    case State::Unloaded:
        throw ApiError(503, "this node has no model now: " + now.message, {}, "model_unloaded");
    case State::Ready: // it has become so since
    case State::Loading:
    case State::Leaving:
        break;
    }
    throw ApiError(503, now.message, {}, "model_loading").retryAfter(retrySeconds());
}

void ModelHost::requireReady() const {
    if (state() != State::Ready) {
        get();
    }
}

// By what is left of the bytes, where that is known.
double ModelHost::retrySeconds() const {
    const Status now = status();
    if (now.step.total == 0 || now.step.done == 0) {
        return 1;
    }
    const double left = now.seconds *
                        static_cast<double>(now.step.total - std::min(now.step.total, now.step.done)) /
                        static_cast<double>(now.step.done);
    return std::clamp(left, 1.0, kMostRetrySeconds);
}

void ModelHost::change(const std::string& name, Loader load, bool wait) {
    std::unique_lock lock(uses_->mutex);
    const auto refuse_second = [this] {
        if (state_ == State::Loading || state_ == State::Leaving) {
            throw ApiError(409, "the model is being changed already; stop that first, or wait for its end", {},
                           "model_changing")
                .retryAfter(kRetryChanging);
        }
    };
    refuse_second();
    if (!wait && service_ && !uses_->changed.wait_for(lock, kMoment, [this] { return uses_->count == 0; })) {
        throw ApiError(409,
                       fmt::format("{} request(s) use the model; give \"when_busy\":\"wait\" to let them end first",
                                   uses_->count),
                       {}, "model_in_use")
            .retryAfter(kRetryInUse);
    }
    refuse_second(); // the lock was open for a moment
    name_ = name;
    cancelled_ = false;
    progress_ = std::make_shared<LoadProgress>();
    began_ = std::chrono::steady_clock::now();
    state_ = service_ ? State::Leaving : State::Loading;
    order_ = Order{name, std::move(load)};
    lock.unlock();
    uses_->changed.notify_all();
}

bool ModelHost::cancel() {
    {
        const std::lock_guard lock(uses_->mutex);
        if (state_ != State::Loading && state_ != State::Leaving) {
            return false;
        }
        cancelled_ = true;
        progress_->cancel();
    }
    uses_->changed.notify_all();
    return true;
}

} // namespace fulgurite::node
