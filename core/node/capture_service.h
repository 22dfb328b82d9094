// SPDX-License-Identifier: Apache-2.0
// Takes captures and compares models for clients, one after another on a thread of its own. Each chunk is a turn at
// the model between two rounds of the scheduler (core/generate/model_turns.h), so that answers go on.
#pragma once

#include "core/base/error.h"
#include "core/generate/request.h"
#include "core/node/capture_store.h"
#include "core/probe/capture_run.h"
#include "core/probe/comparison.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace fulgurite::node {

// What is to be captured.
struct CaptureOrder {
    TokenIds tokens;
    std::size_t sampled_from = 0; // tokens from here on were written by the model
    probe::CaptureRequest request;
    // Whose it will be: captures are named by content, and that somebody else has taken the same one must not show.
    std::string owner;
};

// Hears about one capture; the last call is onDone or onError. Called on the capture thread; must return quickly.
class CaptureObserver {
  public:
    virtual ~CaptureObserver() = default;
    virtual void onStart(const std::string& id, const probe::CaptureEstimate& estimate) = 0;
    virtual void onProgress(std::size_t done, std::size_t total) = 0;
    virtual void onDone(const std::string& id, const capture::CaptureInfo& info) = 0;
    virtual void onError(const Error& error) = 0;
};

// What is to be judged by the model as it is and under an intervention: tokens from `first` on.
struct ComparisonOrder {
    TokenIds tokens;
    Intervention intervention;
    std::size_t first = 1;
};

// Hears the one outcome of a comparison, on the capture thread; one of the two is set.
using ComparisonReply =
    std::function<void(const std::optional<capture::TokenComparison>& result, const std::optional<Error>& error)>;

struct CaptureServiceParams {
    std::shared_ptr<const HybridModel> model;
    std::string name;                    // under which the model is served
    std::vector<std::string> vocabulary; // bytes of every token id
    std::function<bool(TokenId)> is_special;
    std::filesystem::path folder; // empty: the engine keeps nothing, captures are refused
    std::uint64_t limit_bytes = probe::kDefaultCaptureLimit;
    probe::ModelTurn turn;
    std::function<double()> prefill_rate; // tokens/s, 0 when nothing was measured
    // Of the memory for states, for as long as what it returns is held; throws OverloadError. Null: nobody counts it.
    std::function<std::shared_ptr<const void>(std::size_t bytes, const Tenant& tenant)> set_aside = {};
};

// All members may be called from any thread.
class CaptureService {
  public:
    explicit CaptureService(CaptureServiceParams params);
    ~CaptureService(); // stops what runs and waits for it
    CaptureService(const CaptureService&) = delete;
    CaptureService& operator=(const CaptureService&) = delete;

    const HybridModel& model() const { return *params_.model; }
    const probe::ModelTurn& turn() const { return params_.turn; }
    // Counts within the tenant's share, too.
    std::shared_ptr<const void> setAside(std::size_t bytes, const Tenant& tenant) const {
        return params_.set_aside ? params_.set_aside(bytes, tenant) : nullptr;
    }

    // Throws Error{Unsupported} when the engine keeps nothing.
    CaptureStore& store();

    // Of a text of `tokens` tokens. Throws Error{InvalidInput} for a plan that the model does not allow.
    probe::CaptureEstimate estimate(const probe::CaptureRequest& request, std::size_t tokens) const;

    // Queues a capture; what is there already is answered at once. Throws Error{InvalidInput}, Error{OutOfMemory}
    // with the figures for one that does not fit, Error{Unavailable} when too many wait. `stop` ends it at the next
    // chunk, with nothing left behind.
    void submit(CaptureOrder order, std::shared_ptr<CaptureObserver> observer, std::stop_token stop);

    // Queues a comparison. Throws Error{InvalidInput} for what ComparisonRun refuses, Error{Unavailable} when too
    // many wait. A `stop` is answered with Error{Cancelled}.
    void compare(ComparisonOrder order, ComparisonReply reply, std::stop_token stop);

  private:
    // Either runs or, when the engine ends first, is dropped with the reason.
    struct Task {
        std::function<void(const std::stop_token& closing)> run;
        std::function<void(const Error&)> drop;
    };
    struct Job {
        probe::CapturePlan plan;
        probe::CaptureSource source;
        probe::CaptureEstimate estimate;
        std::string owner;
        std::shared_ptr<CaptureObserver> observer;
        std::stop_token stop;
    };

    probe::CaptureRoom room() const;
    probe::CaptureSource sourceOf(const CaptureOrder& order) const;
    void enqueue(Task task);
    void work(const std::stop_token& closing);
    static std::string idOf(const Job& job);
    void run(Job& job, const std::stop_token& closing);
    capture::CaptureInfo take(Job& job, const std::string& id, const std::stop_token& closing);
    void nameTokens(capture::TokenComparison& comparison) const;

    CaptureServiceParams params_;
    std::string model_hash_;
    std::uint64_t vocabulary_bytes_;
    CaptureStore store_;

    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<Task> queue_;
    std::jthread thread_; // last: it uses all of the above
};

} // namespace fulgurite::node
