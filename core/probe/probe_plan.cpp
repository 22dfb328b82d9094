// SPDX-License-Identifier: Apache-2.0
#include "core/probe/probe_plan.h"

#include "core/base/error.h"

#include <algorithm>

namespace fulgurite::probe {

namespace {

std::size_t allHeads(Quantity quantity, const ModelConfig& config, int layer) {
    switch (quantity) {
    case Quantity::Key:
    case Quantity::Value:
        return static_cast<std::size_t>(config.layers[static_cast<std::size_t>(layer)] == LayerKind::Softmax
                                            ? config.num_kv_heads
                                            : config.num_heads);
    case Quantity::Query:
    case Quantity::HeadOutput:
    case Quantity::Gate:
    case Quantity::HeadGated:
        return static_cast<std::size_t>(config.num_heads);
    default:
        return 1;
    }
}

std::size_t fullWidth(Quantity quantity, const ModelConfig& config) {
    switch (quantity) {
    case Quantity::Attention:
    case Quantity::AttentionSum:
    case Quantity::Hidden:
    case Quantity::Experts:
        return static_cast<std::size_t>(config.hidden_size);
    case Quantity::RouterLogits:
        return static_cast<std::size_t>(config.num_experts);
    default:
        return static_cast<std::size_t>(config.head_dim);
    }
}

void checkItem(const ProbeItem& item, const ModelConfig& config, std::size_t tokens) {
    for (const int layer : item.layers) {
        if (item.quantity == Quantity::Hidden && layer == config.layerCount()) {
            continue;
        }
        checkLayer(layer, config);
        if (item.quantity == Quantity::Gate &&
            config.layers[static_cast<std::size_t>(layer)] == LayerKind::Softmax) {
            fail(ErrorKind::InvalidInput, "layer {} is a softmax layer: it has no output gate", layer);
        }
        const int heads = static_cast<int>(allHeads(item.quantity, config, layer));
        for (const int head : item.heads) {
            if (head < 0 || head >= heads) {
                fail(ErrorKind::InvalidInput, "layer {} has no head {}; its heads are 0 to {}", layer, head,
                     heads - 1);
            }
        }
    }
    if (!std::is_sorted(item.heads.begin(), item.heads.end()) ||
        !std::is_sorted(item.positions.begin(), item.positions.end())) {
        fail(ErrorKind::Internal, "the heads and positions of a probe must rise");
    }
    if (!item.positions.empty()) {
        checkPosition(item.positions.back(), tokens);
    }
}

} // namespace

ProbeShape shapeOf(const ProbeItem& item, const ModelConfig& config, int layer) {
    return {item.heads.empty() ? allHeads(item.quantity, config, layer) : item.heads.size(),
            item.reduction == Reduction::Full ? fullWidth(item.quantity, config) : 1};
}

TapPoint pointOf(Quantity quantity) {
    switch (quantity) {
    case Quantity::Query:
    case Quantity::Key:
    case Quantity::Value:
        return TapPoint::Projections;
    case Quantity::HeadOutput:
        return TapPoint::HeadOutput;
    case Quantity::Gate:
        return TapPoint::HeadGate;
    case Quantity::HeadGated:
        return TapPoint::HeadGated;
    case Quantity::Attention:
        return TapPoint::Attention;
    case Quantity::AttentionSum:
        return TapPoint::AttentionSum;
    case Quantity::Experts:
        return TapPoint::Experts;
    case Quantity::RouterLogits:
        return TapPoint::RouterLogits;
    case Quantity::Hidden:
        break;
    }
    return TapPoint::Hidden;
}

void checkPlan(const ProbePlan& plan, const ModelConfig& config, std::size_t tokens) {
    for (const ProbeItem& item : plan) {
        checkItem(item, config, tokens);
    }
}

void checkLayer(int layer, const ModelConfig& config) {
    if (layer < 0 || layer >= config.layerCount()) {
        fail(ErrorKind::InvalidInput, "layer {} does not exist; the model has layers 0 to {}", layer,
             config.layerCount() - 1);
    }
}

void checkHead(int layer, int head, const ModelConfig& config) {
    checkLayer(layer, config);
    if (head < 0 || head >= config.num_heads) {
        fail(ErrorKind::InvalidInput, "layer {} has no head {}; its heads are 0 to {}", layer, head,
             config.num_heads - 1);
    }
}

void checkPosition(std::size_t position, std::size_t tokens) {
    if (position >= tokens) {
        fail(ErrorKind::InvalidInput, "position {} lies beyond the {} tokens; the last one is {}", position, tokens,
             tokens - 1);
    }
}

} // namespace fulgurite::probe
