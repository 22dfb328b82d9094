// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/costs.h"

#include <algorithm>

namespace fulgurite::capture {

namespace {

constexpr std::size_t kFirstContext = 1024;

// A figure that grows by `slope` with each token of context.
struct Line {
    double base = 0;
    double slope = 0;
    double at(std::size_t context) const { return base + slope * static_cast<double>(context); }
};

struct Shape {
    explicit Shape(const ModelConfig& config)
        : lightning(config.lightningLayerCount()),
          softmax(config.softmaxLayerCount()),
          layers(config.layerCount()),
          hidden(config.hidden_size),
          dim(config.head_dim),
          inner(static_cast<double>(config.num_heads) * dim),
          kv(static_cast<double>(config.num_kv_heads) * dim),
          experts(config.num_experts),
          top_k(config.top_k),
          width(config.intermediate_size),
          vocabulary(config.vocab_size) {}

    // Weights that one token meets in its experts, and in all else but the routers.
    double expertWeights() const { return layers * top_k * 3 * hidden * width; }
    double otherWeights() const {
        const double attention = lightning * 5 * inner * hidden + softmax * (2 * inner + 2 * kv) * hidden;
        return attention + vocabulary * hidden;
    }
    double activeWeights() const { return otherWeights() + expertWeights(); }
    double routers() const { return layers * experts * hidden; }

    double lightning;
    double softmax;
    double layers;
    double hidden;
    double dim;
    double inner;
    double kv;
    double experts;
    double top_k;
    double width;
    double vocabulary;
};

Line flopsOf(const ModelConfig& config) {
    const Shape shape(config);
    return {2 * (shape.activeWeights() + shape.routers()) + shape.lightning * 5 * shape.inner * shape.dim,
            shape.softmax * 4 * shape.inner};
}

Line bytesOf(const ModelConfig& config, const CostFormat& format) {
    const Shape shape(config);
    return {format.weight * shape.otherWeights() + format.expert * shape.expertWeights() +
                format.router * shape.routers() + format.state * 2 * shape.lightning * shape.inner * shape.dim,
            format.kv * 2 * shape.softmax * shape.kv};
}

} // namespace

ModelConfig softmaxTwin(const ModelConfig& config) {
    ModelConfig twin = config;
    std::fill(twin.layers.begin(), twin.layers.end(), LayerKind::Softmax);
    return twin;
}

ModelConfig minimaxM1Shape() {
    ModelConfig config;
    config.architecture = "MiniMaxM1ForCausalLM";
    for (int layer = 0; layer < 80; ++layer)
        config.layers.push_back(layer % 8 == 7 ? LayerKind::Softmax : LayerKind::Lightning);
    config.hidden_size = 6144;
    config.intermediate_size = 9216;
    config.vocab_size = 200064;
    config.num_heads = 64;
    config.num_kv_heads = 8;
    config.head_dim = 128;
    config.rotary_dim = 64;
    config.num_experts = 32;
    config.top_k = 2;
    config.rope_theta = 1e7;
    config.postnorm = true;
    config.max_positions = 10240000;
    return config;
}

CostPoint costAt(const ModelConfig& config, const CostFormat& format, std::size_t context) {
    const ModelConfig twin = softmaxTwin(config);
    CostPoint point;
    point.context = context;
    point.hybrid_flops = flopsOf(config).at(context);
    point.hybrid_bytes = bytesOf(config, format).at(context);
    point.softmax_flops = flopsOf(twin).at(context);
    point.softmax_bytes = bytesOf(twin, format).at(context);
    return point;
}

std::vector<CostPoint> costCurve(const ModelConfig& config, const CostFormat& format,
                                 std::span<const std::size_t> contexts) {
    std::vector<CostPoint> points;
    points.reserve(contexts.size());
    for (const std::size_t context : contexts)
        points.push_back(costAt(config, format, context));
    return points;
}

std::vector<std::size_t> growingContexts(std::size_t last) {
    std::vector<std::size_t> contexts;
    for (std::size_t context = kFirstContext; context < last; context *= 2)
        contexts.push_back(context);
    contexts.push_back(last);
    return contexts;
}

std::optional<double> crossingContext(const ModelConfig& config) {
    const Line hybrid = flopsOf(config);
    const Line twin = flopsOf(softmaxTwin(config));
    if (twin.slope <= hybrid.slope)
        return {};
    return std::max(0.0, (hybrid.base - twin.base) / (twin.slope - hybrid.slope));
}

} // namespace fulgurite::capture
