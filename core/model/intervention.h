// SPDX-License-Identifier: Apache-2.0
// A change made to a model while it runs, to see what a part of it is for. Plain data; checked once against the
// model's shape, then carried by a sequence.
//
// A head is scaled at its slice of the output projection's input, after norm and gate, so that the norm over the
// other heads is untouched. An expert is taken out of the sum; the others keep their weights unless `renormalise`.
#pragma once

#include "core/checkpoint/model_config.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fulgurite {

struct HeadScale {
    int layer = 0;
    int head = 0;
    float factor = 0; // 0 ablates
    bool operator==(const HeadScale&) const = default;
};

struct ExpertRef {
    int layer = 0;
    int expert = 0;
    bool operator==(const ExpertRef&) const = default;
};

enum class BlockPart : std::uint8_t { Attention, Experts, Both };

// A layer's blocks add nothing to the stream; its norms and residual scales stay.
struct LayerAblation {
    int layer = 0;
    BlockPart part = BlockPart::Both;
    bool operator==(const LayerAblation&) const = default;
};

struct Intervention {
    std::vector<HeadScale> heads;
    std::vector<ExpertRef> experts;
    std::vector<LayerAblation> layers;
    bool renormalise = false;
    std::size_t from = 0; // first position it is in force; earlier tokens are computed unchanged

    bool empty() const { return heads.empty() && experts.empty() && layers.empty(); }
    bool operator==(const Intervention&) const = default;
};

// Throws Error{InvalidInput} that names the head, expert or layer which the model does not have, and its range.
void checkIntervention(const Intervention& intervention, const ModelConfig& config);

} // namespace fulgurite
