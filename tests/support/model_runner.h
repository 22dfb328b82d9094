// SPDX-License-Identifier: Apache-2.0
// Runs a whole prompt through a model in chunks and keeps everything that a test may compare.
#pragma once

#include "core/model/hybrid_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace fulgurite::test {

class Recorder : public ForwardTap {
  public:
    bool wants(TapPoint point, int) const override { return point == TapPoint::Hidden; }
    void onValues(TapPoint, int index, std::span<const float> hidden, std::size_t) override {
        auto& all = slot(this->hidden, index);
        all.insert(all.end(), hidden.begin(), hidden.end());
    }
    void onRouting(int layer, std::span<const std::int32_t> ids, std::span<const float> row_weights,
                   std::size_t) override {
        auto& all_ids = slot(experts, layer);
        all_ids.insert(all_ids.end(), ids.begin(), ids.end());
        auto& all_weights = slot(weights, layer);
        all_weights.insert(all_weights.end(), row_weights.begin(), row_weights.end());
    }

    std::vector<std::vector<float>> hidden;         // [layers + 1][rows * hidden_size]
    std::vector<std::vector<std::int32_t>> experts; // [layers][rows * top_k]
    std::vector<std::vector<float>> weights;        // [layers][rows * top_k]

  private:
    template <class T>
    static std::vector<T>& slot(std::vector<std::vector<T>>& all, int index) {
        if (all.size() <= static_cast<std::size_t>(index)) {
            all.resize(static_cast<std::size_t>(index) + 1);
        }
        return all[static_cast<std::size_t>(index)];
    }
};

struct ModelRun {
    std::vector<float> logits; // [tokens, vocab]
    SequenceState state;
    Recorder seen;
};

// Feeds `tokens` in chunks of `chunk` (the last one shorter).
inline ModelRun runModel(const HybridModel& model, std::span<const TokenId> tokens, std::size_t chunk,
                         std::size_t threads = 2, const Intervention* intervention = nullptr) {
    kernels::ThreadPool pool(threads);
    Workspace workspace;
    ModelRun run{{}, model.newState(), {}};
    for (std::size_t begin = 0; begin < tokens.size(); begin += chunk) {
        SequenceChunk part{&run.state, tokens.subspan(begin, std::min(chunk, tokens.size() - begin)),
                           LogitsWanted::All, intervention};
        model.forward({&part, 1}, pool, workspace, run.logits, &run.seen);
    }
    return run;
}

inline std::size_t argmax(std::span<const float> row) {
    return static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

inline double largestDifference(std::span<const float> a, std::span<const float> b) {
    double largest = a.size() == b.size() ? 0.0 : INFINITY;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
    }
    return largest;
}

inline double largestMagnitude(std::span<const float> a) {
    double largest = 0;
    for (const float x : a) {
        largest = std::max(largest, std::abs(static_cast<double>(x)));
    }
    return largest;
}

} // namespace fulgurite::test
