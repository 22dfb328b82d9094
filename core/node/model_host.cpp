// SPDX-License-Identifier: Apache-2.0
// Background loading of the one model.
#include "core/node/model_host.h"

#include "core/node/api_error.h"

namespace fulgurite::node {

ModelHost::ModelHost(std::function<std::unique_ptr<ModelService>()> load,
                     std::function<void(const ModelHost&)> loaded)
    : thread_([this, load = std::move(load), loaded = std::move(loaded)] {
          run(load);
          if (loaded) {
              loaded(*this);
          }
      }) {}

ModelHost::~ModelHost() {
    thread_.join();
}

void ModelHost::run(const std::function<std::unique_ptr<ModelService>()>& load) {
    try {
        service_ = load();
        ready_ = service_.get();
        state_ = State::Ready;
    } catch (const std::exception& error) {
        const std::lock_guard lock(mutex_);
        failure_ = error.what();
        state_ = State::Failed;
    }
}

ModelHost::State ModelHost::state() const {
    return state_.load();
}

std::string ModelHost::message() const {
    switch (state()) {
    case State::Loading:
        return "the model is being loaded";
    case State::Ready:
        return "ready";
    case State::Failed:
        break;
    }
    const std::lock_guard lock(mutex_);
    return failure_;
}

ModelService& ModelHost::get() const {
    ModelService* service = find();
    if (service == nullptr) {
        const bool failed = state() == State::Failed;
        throw ApiError(503, failed ? "the model could not be loaded: " + message() : message(), {},
                       failed ? "model_failed" : "model_loading");
    }
    return *service;
}

} // namespace fulgurite::node
