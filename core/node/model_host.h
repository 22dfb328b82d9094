// SPDX-License-Identifier: Apache-2.0
// Loads the model behind an already listening server and hands it out.
#pragma once

#include "core/node/model_service.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace fulgurite::node {

// Thread-safe. The service lives as long as the host.
class ModelHost {
  public:
    enum class State { Loading, Ready, Failed };

    // Calls `load` on a thread of its own. `loaded` (may be empty) is called there afterwards, whatever came out.
    ModelHost(std::function<std::unique_ptr<ModelService>()> load, std::function<void(const ModelHost&)> loaded);
    ~ModelHost(); // waits for a load under way

    State state() const;
    std::string message() const; // what is being loaded, or why it failed
    // nullptr unless Ready.
    ModelService* find() const { return ready_.load(); }
    // Throws ApiError 503 unless Ready.
    ModelService& get() const;

  private:
    void run(const std::function<std::unique_ptr<ModelService>()>& load);

    mutable std::mutex mutex_;
    std::string failure_;
    std::unique_ptr<ModelService> service_;
    std::atomic<ModelService*> ready_{nullptr};
    std::atomic<State> state_{State::Loading};
    std::thread thread_;
};

} // namespace fulgurite::node
