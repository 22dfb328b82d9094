// SPDX-License-Identifier: Apache-2.0
// What all sequences of one engine share, from its model and its options.
#pragma once

#include "core/generate/sequence.h"

namespace fulgurite {

// Throws Error{InvalidInput} when tokenizer and model do not belong together.
GenerationContext contextOf(const ModelConfig& config, std::shared_ptr<const Tokenizer> tokenizer,
                            const EngineOptions& options);

} // namespace fulgurite
