// SPDX-License-Identifier: Apache-2.0
// How much memory a model of a given shape needs, from its configuration alone: asked before anything is loaded.
#pragma once

#include "core/checkpoint/model_config.h"

#include <cstdint>

namespace fulgurite {

enum class WeightForm : std::uint8_t {
    Bfloat16,    // every weight two bytes, as published
    Int8Experts, // the experts' matrices one byte, with a float32 scale for each output row; the rest two bytes
};

// Bytes over all devices together; nothing counted for activations or the program itself.
struct Footprint {
    double weights = 0;
    double kv_per_token = 0;       // keys and values of the softmax layers, in bfloat16
    double state_per_sequence = 0; // matrices of the lightning layers, in float32
};
Footprint footprintOf(const ModelConfig& config, WeightForm form);

// What one of `ranks` devices holds under tensor parallelism: weights and states split evenly, keys and values by
// their heads, of which a device has at least one (more devices than heads hold copies).
struct DeviceShare {
    double weights = 0;
    double kv_per_token = 0;
    double state_per_sequence = 0;
};
DeviceShare deviceShare(const ModelConfig& config, WeightForm form, int ranks);

// Tokens of context of one sequence that fit beside the weights on a device of `bytes`; negative when not even the
// weights fit.
double longestContext(const DeviceShare& share, double bytes);

} // namespace fulgurite
