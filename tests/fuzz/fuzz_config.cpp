// SPDX-License-Identifier: Apache-2.0
// Any bytes as a config.json: either refused with Error, or a configuration whose derived figures can be computed.
#include "core/base/error.h"
#include "core/checkpoint/model_config.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    try {
        const auto config = ModelConfig::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
        if (config.parameterCount() <= 0 || config.rotary_dim > config.head_dim ||
            config.top_k > config.num_experts) {
            std::abort();
        }
        if (config.num_heads <= 4096) {
            for (const float rate : decayRates(config, config.layerCount() - 1)) {
                if (!(rate > 0)) {
                    std::abort();
                }
            }
        }
    } catch (const Error&) {
        // Refused with a message: the other allowed outcome.
    }
    return 0;
}
