// SPDX-License-Identifier: Apache-2.0
// Loads the model behind an already listening server, hands it out, and changes it while the server runs.
#pragma once

#include "core/node/model_service.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace fulgurite::node {

// How far a load is, and the word that nobody waits for it any more.
class LoadProgress {
  public:
    struct Step {
        std::string name; // "reading weights"
        std::uint64_t done = 0;
        std::uint64_t total = 0; // bytes; 0: not known
    };

    // By whoever loads. Throws Error{Cancelled} when it is to stop.
    void tell(const std::string& name, std::uint64_t done = 0, std::uint64_t total = 0);

    Step now() const;
    void cancel() { cancelled_ = true; }

  private:
    mutable std::mutex mutex_;
    Step step_;
    std::atomic<bool> cancelled_ = false;
};

// Thread-safe. A model goes when the last request that uses it has ended.
class ModelHost {
  public:
    enum class State {
        Loading,
        Ready,
        Leaving,  // what still uses it has time to end; nothing new is begun
        Unloaded, // somebody asked for that
        Failed,   // could not be loaded
    };
    using Loader = std::function<std::unique_ptr<ModelService>(LoadProgress&)>;

    struct Status {
        State state = State::Loading;
        std::string message;
        std::string wanted;       // the model that is being changed to; empty: none
        LoadProgress::Step step;  // of a load
        double seconds = 0;       // that the change has taken so far
        std::size_t in_use = 0;   // requests that use the model now
        bool cancellable = false; // a change is under way
    };

    // Calls `load` on a thread of its own. `changed` (may be empty) is called there after it and after each change,
    // whatever came out.
    ModelHost(Loader load, std::function<void(const ModelHost&)> changed);
    ~ModelHost(); // ends a load under way; whoever still holds a model must not use it any more

    State state() const;
    std::string message() const; // what is being done, or why it failed
    Status status() const;
    // Null unless Ready. It stays while the pointer is held, and a change waits for that.
    std::shared_ptr<ModelService> find() const;
    // Also while it is Leaving: for questions that begin nothing.
    std::shared_ptr<ModelService> look() const;
    // Throws ApiError 503 unless Ready.
    std::shared_ptr<ModelService> get() const;
    void requireReady() const; // as get()

    // Unloads what is there and then calls `load`; an empty one leaves the node without a model. Nothing new is
    // begun from now on. Without `wait`, throws ApiError 409 `model_in_use` while requests use the model. Throws
    // ApiError 409 `model_changing` during another change.
    void change(const std::string& name, Loader load, bool wait);
    // Stops a change: before the model is unloaded it stays, afterwards the node has none. False: there is nothing
    // to stop.
    bool cancel();

  private:
    struct Order {
        std::string name; // empty: to unload
        Loader load;
    };
    // What requests and the host share; a request may end after the host.
    struct Uses {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t count = 0;
    };

    void work();
    void carryOut(std::unique_lock<std::mutex>& lock, const Order& order);
    bool drained(std::unique_lock<std::mutex>& lock, const Order& order);
    std::shared_ptr<ModelService> lend() const;
    std::string messageLocked() const;
    double retrySeconds() const;

    std::shared_ptr<Uses> uses_ = std::make_shared<Uses>(); // its mutex guards what follows
    std::function<void(const ModelHost&)> changed_;
    State state_ = State::Loading;
    std::string failure_;
    std::string name_; // of the change under way
    std::unique_ptr<ModelService> service_;
    std::optional<Order> order_;
    std::shared_ptr<LoadProgress> progress_ = std::make_shared<LoadProgress>();
    std::chrono::steady_clock::time_point began_;
    bool cancelled_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

const char* nameOf(ModelHost::State state); // "loading"

} // namespace fulgurite::node
