// SPDX-License-Identifier: Apache-2.0
// A change made to a model while it runs, to see what a part of it is for: plain data that a window names and
// keeps, a request carries and a forward pass applies.
//
// A head is scaled at its slice of the output projection's input, after norm and gate, so that the norm over the
// other heads is untouched. An expert is taken out of the sum; the others keep their weights unless `renormalise`.
#pragma once

#include "core/base/json_field.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
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

// An intervention as a person keeps it: with a name, and perhaps with "from the answer on" in place of a position.
struct InterventionRecipe {
    std::string name;
    Intervention intervention; // `from` counts when `from_answer` is not set
    bool from_answer = false;

    bool empty() const { return intervention.empty(); }
    // For a request of so many tokens, those of an answer that it continues included. What it generates begins with
    // the row that foretells the first new token: the last one given.
    Intervention forPrompt(std::size_t prompt_tokens) const;
    bool operator==(const InterventionRecipe&) const = default;
};

// {"name": "...", "heads": [{"layer": 7, "head": 3, "factor": 0}], "experts": [{"layer": 2, "expert": 4}],
//  "layers": [{"layer": 1, "part": "attention" | "experts" | "both"}], "renormalise": false,
//  "from": position | "answer"}; every key but a layer's number may be left out.
nlohmann::json recipeJson(const InterventionRecipe& recipe);
// Throws Error{InvalidInput} that names the field, also for keys that are not among these. Whether the model has
// such heads is checkIntervention's to say.
InterventionRecipe readRecipe(const JsonField& field);

} // namespace fulgurite
