// SPDX-License-Identifier: Apache-2.0
#include "core/probe/cost_growth.h"

#include "core/base/error.h"
#include "core/base/system_memory.h"
#include "core/model/costs.h"
#include "core/model/weights.h"

#include <algorithm>
#include <chrono>

namespace fulgurite::probe {

namespace {

// As if `state` had absorbed tokens up to `context`.
void growTo(SequenceState& state, std::size_t context) {
    state.skipTo(std::max(context, state.position()));
}

double timeStep(const HybridModel& model, SequenceState& state, const ModelTurn& turn, Workspace& workspace) {
    double seconds = 0;
    turn([&](kernels::ThreadPool& pool, std::size_t) {
        const TokenId token = 0;
        std::vector<float> logits;
        SequenceChunk chunk{&state, {&token, 1}, LogitsWanted::Last};
        const auto begin = std::chrono::steady_clock::now();
        model.forward({&chunk, 1}, pool, workspace, logits);
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    });
    return seconds;
}

} // namespace

capture::CostFormat costFormatOf(const ModelWeights& weights) {
    capture::CostFormat format;
    format.weight = static_cast<double>(sizeOf(weights.head.dtype));
    format.router = static_cast<double>(sizeOf(weights.layers.front().router.dtype));
    const ExpertWeights& expert = weights.layers.front().experts.front();
    double bytes = 0;
    double count = 0;
    for (const kernels::WeightMatrix* matrix : {&expert.gate, &expert.up, &expert.down}) {
        bytes += storedBytes(*matrix);
        count += static_cast<double>(matrix->rows) * static_cast<double>(matrix->cols);
    }
    format.expert = bytes / count;
    format.kv = sizeof(float);
    format.state = sizeof(float);
    return format;
}

void measureDecode(const HybridModel& model, std::vector<capture::CostPoint>& points, int repeats,
                   const ModelTurn& turn, const std::stop_token& stop) {
    if (points.empty()) {
        return;
    }
    SequenceState state = model.newState();
    const std::size_t needed = state.shape().bytesAt(points.back().context);
    if (const std::size_t memory = availableMemory(); memory > 0 && needed > memory) {
        fail(ErrorKind::OutOfMemory, "keys, values and states of {} tokens take {}; {} of memory are free",
             points.back().context, readableBytes(needed), readableBytes(memory));
    }
    Workspace workspace;
    timeStep(model, state, turn, workspace); // weights come in from the disk
    for (capture::CostPoint& point : points) {
        growTo(state, point.context);
        std::vector<double> seconds;
        for (int i = 0; i < std::max(repeats, 1); ++i) {
            if (stop.stop_requested()) {
                fail(ErrorKind::Cancelled, "the measurement was stopped at a context of {}", point.context);
            }
            seconds.push_back(timeStep(model, state, turn, workspace));
        }
        std::nth_element(seconds.begin(), seconds.begin() + repeats / 2, seconds.end());
        point.seconds = seconds[static_cast<std::size_t>(repeats / 2)];
    }
}

} // namespace fulgurite::probe
