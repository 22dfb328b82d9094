// SPDX-License-Identifier: Apache-2.0
#include "core/train/live_model.h"

#include "core/model/weights.h"

namespace fulgurite {

namespace {

class View {
  public:
    explicit View(const TrainModel& model) : model_(model), config_(model.config()) {}

    std::unique_ptr<ModelWeights> weights() const {
        const ModelSlots& slots = model_.layout().slots();
        auto all = std::make_unique<ModelWeights>();
        all->config = config_;
        all->embedding = matrix(slots.embedding, config_.vocab_size, config_.hidden_size);
        all->head = matrix(slots.head, config_.vocab_size, config_.hidden_size);
        all->final_norm = vector(slots.final_norm, config_.hidden_size);
        all->inv_freq = model_.inverseFrequencies();
        for (std::size_t i = 0; i < slots.layers.size(); ++i) {
            all->layers.push_back(layer(slots.layers[i], i));
        }
        return all;
    }

  private:
    kernels::WeightMatrix matrix(std::size_t slot, int rows, int cols) const {
        return {model_.weights().data() + slot, DType::F32, static_cast<std::size_t>(rows),
                static_cast<std::size_t>(cols)};
    }
    std::vector<float> vector(std::size_t slot, int count) const {
        const auto first = model_.weights().begin() + static_cast<std::ptrdiff_t>(slot);
        return {first, first + count};
    }
    LayerWeights layer(const LayerSlots& slots, std::size_t index) const {
        const int h = config_.hidden_size;
        const int inner = config_.num_heads * config_.head_dim;
        const int kv = config_.num_kv_heads * config_.head_dim;
        LayerWeights layer;
        layer.kind = slots.kind;
        layer.input_norm = vector(slots.input_norm, h);
        layer.mlp_norm = vector(slots.mlp_norm, h);
        if (slots.kind == LayerKind::Lightning) {
            layer.lightning = {matrix(slots.qkv, 3 * inner, h), matrix(slots.gate, inner, h),
                               matrix(slots.out, h, inner), vector(slots.inner_norm, inner),
                               model_.decayRates(index)};
        } else {
            layer.softmax = {matrix(slots.q, inner, h), matrix(slots.k, kv, h), matrix(slots.v, kv, h),
                             matrix(slots.out, h, inner)};
        }
        layer.router = matrix(slots.router, config_.num_experts, h);
        for (const ExpertSlots& expert : slots.experts) {
            const int width = config_.intermediate_size;
            layer.experts.push_back(
                {matrix(expert.gate, width, h), matrix(expert.up, width, h), matrix(expert.down, h, width)});
        }
        return layer;
    }

    const TrainModel& model_;
    const ModelConfig& config_;
};

} // namespace

std::shared_ptr<const HybridModel> modelOver(const TrainModel& model) {
    auto live = std::make_shared<HybridModel>(View(model).weights(), kernels::bestCpuOps());
    live->placeOn(model.device());
    return live;
}

} // namespace fulgurite
