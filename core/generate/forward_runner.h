// SPDX-License-Identifier: Apache-2.0
// The one thing that the scheduler asks of a model: to run a batch. Tests put simple arithmetic in its place.
#pragma once

#include "core/model/hybrid_model.h"
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
    virtual kernels::ThreadPool& pool() = 0;
    // As HybridModel::forward. Called on one thread only.
    virtual void forward(std::span<SequenceChunk> batch, std::vector<float>& logits) = 0;
};

class ModelRunner final : public ForwardRunner {
  public:
    ModelRunner(std::shared_ptr<const HybridModel> model, std::size_t threads)
        : model_(std::move(model)), pool_(threads) {}

    const ModelConfig& config() const override { return model_->config(); }
    kernels::ThreadPool& pool() override { return pool_; }
    void forward(std::span<SequenceChunk> batch, std::vector<float>& logits) override {
        model_->forward(batch, pool_, workspace_, logits);
    }

  private:
    std::shared_ptr<const HybridModel> model_;
    kernels::ThreadPool pool_;
    Workspace workspace_;
};

} // namespace fulgurite
