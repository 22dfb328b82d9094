// SPDX-License-Identifier: Apache-2.0
// The one thing that the scheduler asks of a model: to run a batch. Tests put simple arithmetic in its place.
#pragma once

#include "core/base/system_memory.h"
#include "core/model/hybrid_model.h"
#include "core/state/device_call.h"
#include "kernels/pool.h"

#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace fulgurite {

class ForwardRunner {
  public:
    virtual ~ForwardRunner() = default;
    virtual const ModelConfig& config() const = 0;
    virtual StateShape stateShape() const { return StateShape::of(config()); }
    // Of the memory that states lie in, bytes that are free now.
    virtual std::size_t freeMemory() const { return availableMemory(); }
    // Takes memory for states at once where that can be done, so that it cannot be missing later.
    virtual void reserve(std::size_t) {}
    virtual kernels::ThreadPool& pool() = 0;
    // Whether forward() answers wishes.
    virtual bool preselects() const { return false; }
    // As HybridModel::forward. Called on one thread only.
    virtual void forward(std::span<SequenceChunk> batch, std::vector<float>& logits) = 0;
};

class ModelRunner final : public ForwardRunner {
  public:
    ModelRunner(std::shared_ptr<const HybridModel> model, std::size_t threads)
        : model_(std::move(model)), pool_(threads) {}

    const ModelConfig& config() const override { return model_->config(); }
    StateShape stateShape() const override { return model_->stateShape(); }
    std::size_t freeMemory() const override {
        const auto device = model_->device();
        return device != nullptr ? device->info().free_bytes : availableMemory();
    }
    void reserve(std::size_t bytes) override {
        if (const auto device = model_->device()) {
            onDevice([&] { device->reserve(bytes, "keys, values and states"); });
        }
    }
    kernels::ThreadPool& pool() override { return pool_; }
    bool preselects() const override { return model_->preselects(); }
    void forward(std::span<SequenceChunk> batch, std::vector<float>& logits) override {
        model_->forward(batch, pool_, workspace_, logits);
    }

  private:
    std::shared_ptr<const HybridModel> model_;
    kernels::ThreadPool pool_;
    Workspace workspace_;
};

} // namespace fulgurite
