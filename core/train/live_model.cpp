// SPDX-License-Identifier: Apache-2.0
#include "core/train/live_model.h"

#include "core/base/error.h"
#include "core/model/weights.h"
#include "kernels/rounded_ops.h"

#include <algorithm>

namespace fulgurite {

namespace {

// A model with the rounded weights that its matrices point to.
struct RoundedModel {
    std::vector<std::uint16_t> weights; // bfloat16, in the places that the masters have
    std::unique_ptr<HybridModel> model;
};

bool roundsLayers(const RolloutArithmetic& arithmetic) {
    return arithmetic.layers == Arithmetic::Bfloat16;
}
bool roundsHead(const RolloutArithmetic& arithmetic) {
    return arithmetic.head == HeadArithmetic::Bfloat16;
}

class View {
  public:
    // `rounded`: as RoundedModel::weights; empty where nothing is rounded.
    View(const TrainModel& model, const RolloutArithmetic& arithmetic, const std::vector<std::uint16_t>& rounded)
        : model_(model), config_(model.config()), arithmetic_(arithmetic), rounded_(rounded) {}

    std::unique_ptr<ModelWeights> weights() const {
        const ModelSlots& slots = model_.layout().slots();
        auto all = std::make_unique<ModelWeights>();
        all->config = config_;
        all->embedding = matrix(slots.embedding, config_.vocab_size, config_.hidden_size);
        all->head = stored(slots.head, config_.vocab_size, config_.hidden_size, roundsHead(arithmetic_));
        all->final_norm = vector(slots.final_norm, config_.hidden_size);
        all->inv_freq = model_.inverseFrequencies();
        for (std::size_t i = 0; i < slots.layers.size(); ++i) {
            all->layers.push_back(layer(slots.layers[i], i));
        }
        return all;
    }

  private:
    kernels::WeightMatrix stored(std::size_t slot, int rows, int cols, bool rounded) const {
        kernels::WeightMatrix matrix{model_.weights().data() + slot, DType::F32, static_cast<std::size_t>(rows),
                                     static_cast<std::size_t>(cols)};
        if (rounded) {
            matrix.data = rounded_.data() + slot;
            matrix.dtype = DType::BF16;
        }
        return matrix;
    }
    kernels::WeightMatrix matrix(std::size_t slot, int rows, int cols) const {
        return stored(slot, rows, cols, roundsLayers(arithmetic_));
    }
    std::vector<float> vector(std::size_t slot, int count) const {
        const auto first = model_.weights().begin() + static_cast<std::ptrdiff_t>(slot);
        std::vector<float> values(first, first + count);
        if (roundsLayers(arithmetic_)) {
            std::transform(values.begin(), values.end(), values.begin(),
                           [](float value) { return bf16ToFloat(floatToBf16(value)); });
        }
        return values;
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
        layer.router = stored(slots.router, config_.num_experts, h, false);
        for (const ExpertSlots& expert : slots.experts) {
            const int width = config_.intermediate_size;
            layer.experts.push_back(
                {matrix(expert.gate, width, h), matrix(expert.up, width, h), matrix(expert.down, h, width)});
        }
        return layer;
    }

    const TrainModel& model_;
    const ModelConfig& config_;
    const RolloutArithmetic& arithmetic_;
    const std::vector<std::uint16_t>& rounded_;
};

} // namespace

std::shared_ptr<const HybridModel> modelOver(const TrainModel& model, const RolloutArithmetic& arithmetic) {
    const bool layers = roundsLayers(arithmetic);
    const bool head = roundsHead(arithmetic);
    if (head && model.device()) {
        fail(ErrorKind::Unsupported, "a head in bfloat16 is computed by the processor alone; leave the rollouts' "
                                     "\"head\" at \"f32\" on a GPU");
    }
    auto live = std::make_shared<RoundedModel>();
    if (layers || head) {
        live->weights.resize(model.weights().size());
        std::transform(model.weights().begin(), model.weights().end(), live->weights.begin(), floatToBf16);
    }
    live->model = std::make_unique<HybridModel>(View(model, arithmetic, live->weights).weights(),
                                                layers ? kernels::roundedOps()
                                                : head ? kernels::roundedProducts()
                                                       : kernels::bestCpuOps());
    live->model->placeOn(model.device());
    return {live, live->model.get()};
}

} // namespace fulgurite
