// SPDX-License-Identifier: Apache-2.0
#include "core/model/shape_weights.h"

#include "core/base/error.h"

#include <cmath>
#include <sys/mman.h>

namespace fulgurite {

namespace {

// Two rounds over the same shapes: the first adds up what they take, the second hands out addresses.
class Shapes {
  public:
    Shapes(const ModelConfig& config, bool int8_experts, const std::byte* begin)
        : config_(config), begin_(begin), experts_(int8_experts ? DType::I8 : DType::BF16) {}

    void fill(ModelWeights& weights) {
        const auto h = static_cast<std::size_t>(config_.hidden_size);
        const auto vocabulary = static_cast<std::size_t>(config_.vocab_size);
        weights.config = config_;
        weights.embedding = matrix(vocabulary, h, DType::BF16);
        weights.head = config_.tie_word_embeddings ? weights.embedding : matrix(vocabulary, h, DType::BF16);
        weights.final_norm.assign(h, 1.0f);
        weights.inv_freq = rotaryFrequencies(config_);
        weights.layers.clear();
        for (int index = 0; index < config_.layerCount(); ++index) {
            weights.layers.push_back(layer(index));
        }
    }
    std::size_t bytes() const { return bytes_; }

  private:
    const std::byte* take(std::size_t bytes) {
        const std::size_t at = bytes_;
        bytes_ += bytes;
        return begin_ == nullptr ? nullptr : begin_ + at;
    }
    kernels::WeightMatrix matrix(std::size_t rows, std::size_t cols, DType type) {
        kernels::WeightMatrix result{take(rows * cols * sizeOf(type)), type, rows, cols};
        if (type == DType::I8) {
            result.scales = take(rows * sizeof(float));
        }
        return result;
    }

    LayerWeights layer(int index) {
        const auto h = static_cast<std::size_t>(config_.hidden_size);
        const auto f = static_cast<std::size_t>(config_.intermediate_size);
        const auto inner = static_cast<std::size_t>(config_.num_heads * config_.head_dim);
        const auto kv = static_cast<std::size_t>(config_.num_kv_heads * config_.head_dim);
        LayerWeights w;
        w.kind = config_.layers[static_cast<std::size_t>(index)];
        w.input_norm.assign(h, 1.0f);
        w.mlp_norm.assign(h, 1.0f);
        if (w.kind == LayerKind::Lightning) {
            w.lightning.qkv = matrix(3 * inner, h, DType::BF16);
            w.lightning.gate = matrix(inner, h, DType::BF16);
            w.lightning.out = matrix(h, inner, DType::BF16);
            w.lightning.norm.assign(inner, 1.0f);
            w.lightning.decay_rates = decayRates(config_, index);
        } else {
            w.softmax.q = matrix(inner, h, DType::BF16);
            w.softmax.k = matrix(kv, h, DType::BF16);
            w.softmax.v = matrix(kv, h, DType::BF16);
            w.softmax.out = matrix(h, inner, DType::BF16);
        }
        w.router = matrix(static_cast<std::size_t>(config_.num_experts), h, DType::F32);
        for (int expert = 0; expert < config_.num_experts; ++expert) {
            w.experts.push_back({matrix(f, h, experts_), matrix(f, h, experts_), matrix(h, f, experts_)});
        }
        return w;
    }

    const ModelConfig& config_;
    const std::byte* begin_;
    DType experts_;
    std::size_t bytes_ = 0;
};

} // namespace

ReservedAddresses::ReservedAddresses(std::size_t bytes) : bytes_(bytes) {
    void* address = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) { // NOLINT: the macro casts
        fail(ErrorKind::OutOfMemory, "the system has no {} bytes of addresses left for weights of this shape",
             bytes);
    }
    begin_ = static_cast<std::byte*>(address);
}

ReservedAddresses::~ReservedAddresses() {
    ::munmap(begin_, bytes_);
}

std::unique_ptr<ModelWeights> shapeWeights(const ModelConfig& config, bool int8_experts) {
    auto weights = std::make_unique<ModelWeights>();
    Shapes count(config, int8_experts, nullptr);
    count.fill(*weights);
    weights->reserved = std::make_unique<const ReservedAddresses>(count.bytes());
    Shapes(config, int8_experts, weights->reserved->begin()).fill(*weights);
    return weights;
}

} // namespace fulgurite
