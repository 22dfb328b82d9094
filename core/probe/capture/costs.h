// SPDX-License-Identifier: Apache-2.0
// What one more token costs as the context grows, in closed form from a configuration alone: for a model, and for
// its twin with softmax attention in every layer.
#pragma once

#include "core/probe/capture/views.h"

#include <span>

namespace fulgurite::capture {

// Bytes of one stored value.
struct CostFormat {
    double weight = 2;
    double router = 4; // published checkpoints keep the router in float32
    double kv = 2;     // keys and values
    double state = 4;  // lightning matrices
    double expert = 2; // weights of experts, scales of int8 spread over them
};

// The same model with every layer a softmax layer, with the grouped queries of its own softmax layers.
ModelConfig softmaxTwin(const ModelConfig& config);

// The released MiniMax-M1: 80 layers, 456 B parameters (its published config.json).
ModelConfig minimaxM1Shape();

// Operations and bytes of one token that is decoded alone after `context` others; seconds stay NaN. Operations
// count two for a multiply-add: all products of the token with weights of its experts and of everything else, and
// the attention cores, 5 H D^2 for a lightning layer (decay, rank-one update, read-out) and 4 H D context for a
// softmax layer. Bytes: each of those weights once, lightning states read and written, keys and values read.
CostPoint costAt(const ModelConfig& config, const CostFormat& format, std::size_t context);
std::vector<CostPoint> costCurve(const ModelConfig& config, const CostFormat& format,
                                 std::span<const std::size_t> contexts);

// Contexts that show the growth: powers of two from 1,024 up to `last`, and `last`.
std::vector<std::size_t> growingContexts(std::size_t last);

// Where the all-softmax twin begins to cost more operations a token than the model; unset when it never does.
std::optional<double> crossingContext(const ModelConfig& config);

} // namespace fulgurite::capture
