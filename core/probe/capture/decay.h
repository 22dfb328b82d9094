// SPDX-License-Identifier: Apache-2.0
// How far a lightning head can see: closed form, from the configuration alone. The rates are the ones that the
// model computes with (decayRates in core/checkpoint/model_config.h, minimax published code), widened from float32.
#pragma once

#include "core/probe/capture/views.h"

#include <string>

namespace fulgurite::capture {

DecayMap decayMap(const ModelConfig& config);

// Tokens until a weight has fallen to `fraction` of itself, in (0, 1]; infinity for rate 0.
double reach(double rate, double fraction);
// ln 2 / rate; infinity for rate 0.
double halfLife(double rate);
// What `distance` tokens leave of a weight: exp(-rate * distance).
double weightAt(double rate, double distance);

// JSON: {"layers": ["lightning" | "softmax", ...], "heads": H, "rate": [L][H], "half_life": [L][H],
// "reach": {"50": [L][H], "10": ..., "1": ...}}; softmax heads are null in every [L][H].
std::string toJson(const DecayMap& map);

} // namespace fulgurite::capture
