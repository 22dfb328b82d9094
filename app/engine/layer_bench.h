// SPDX-License-Identifier: Apache-2.0
// Timing layers: inside forward passes, and one lightning layer alone behind contexts of any length.
#pragma once

#include "core/model/hybrid_model.h"

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

namespace fulgurite::app {

using Json = nlohmann::ordered_json;

double median(std::vector<double> values);

// Tokens that spread over the vocabulary, so that experts are loaded as real text loads them: unevenly.
TokenIds spreadTokens(std::size_t count, int vocab);

// One state is read on from each context to the next. Throws Error{InvalidInput} that names `option` unless they
// are above 0 and rise.
void requireRising(const char* option, std::span<const std::size_t> contexts);

// The time that each layer of a forward pass took, by kind.
class LayerClock : public ForwardTap {
  public:
    explicit LayerClock(const ModelConfig& config) : config_(config) {}

    bool wants(TapPoint point, int) const override { return point == TapPoint::Hidden; }
    void onValues(TapPoint, int index, std::span<const float>, std::size_t) override {
        const auto now = std::chrono::steady_clock::now();
        if (index > 0) {
            const bool is_lightning = config_.layers[static_cast<std::size_t>(index - 1)] == LayerKind::Lightning;
            (is_lightning ? lightning : softmax).push_back(std::chrono::duration<double>(now - last_).count());
        }
        last_ = now;
    }
    void onRouting(int, std::span<const std::int32_t>, std::span<const float>, std::size_t) override {}

    std::vector<double> lightning; // seconds, one for each layer and pass
    std::vector<double> softmax;

  private:
    const ModelConfig& config_;
    std::chrono::steady_clock::time_point last_;
};

// Decode steps through the model's first lightning layer, and nothing else, on the states that it really has after
// `contexts` tokens: a whole model would also measure how the keys and values of its softmax layers push the
// layer's weights out of the caches. {"contexts": [{"context", "seconds_per_token"}], "spread": slowest / fastest}.
// `contexts` must rise. Throws Error{InvalidInput} when the model has no lightning layer.
Json benchLightningLayer(const std::filesystem::path& folder, const kernels::OpTable& ops,
                         std::span<const std::size_t> contexts, std::size_t decode, int repeats,
                         kernels::ThreadPool& pool);

} // namespace fulgurite::app
