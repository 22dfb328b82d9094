// SPDX-License-Identifier: Apache-2.0
#include "core/model/intervention.h"

#include "core/base/error.h"
#include "core/model/activations.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

void checkIndex(const char* what, int layer, int index, int count) {
    if (index < 0 || index >= count) {
        fail(ErrorKind::InvalidInput, "layer {} has no {} {}; the model's are 0 to {}", layer, what, index,
             count - 1);
    }
}

void checkLayer(int layer, const ModelConfig& config) {
    if (layer < 0 || layer >= config.layerCount()) {
        fail(ErrorKind::InvalidInput, "the model has no layer {}; its layers are 0 to {}", layer,
             config.layerCount() - 1);
    }
}

// Calls change(first row, end row, intervention) for the rows of the batch that an intervention covers.
template <class Change>
void forCoveredRows(const ForwardContext& context, Change&& change) {
    if (!context.intervened) {
        return;
    }
    std::size_t row = 0;
    for (const SequenceChunk& chunk : context.batch) {
        const std::size_t end = row + chunk.tokens.size();
        if (chunk.intervention != nullptr) {
            const std::size_t position = chunk.state->position();
            const std::size_t from = chunk.intervention->from;
            const std::size_t spared = from > position ? from - position : 0;
            if (row + spared < end) {
                change(row + spared, end, *chunk.intervention);
            }
        }
        row = end;
    }
}

// Calls change(values in the host's memory) when there is something to change; a device's are copied there and
// back.
template <class Change>
void changeOnHost(const ForwardContext& context, float* values, std::size_t count, Change&& change) {
    if (!context.intervened) {
        return;
    }
    if (context.placement == nullptr) {
        change(values);
        return;
    }
    context.onHost(values, count);
    change(context.buffers.copied.data());
    context.queue.device()->copyIn(values, context.buffers.copied.data(), count * sizeof(float));
}

// Rescales one token's weights to a sum of one, as the router's were; all zero stays so.
void renormalise(float* weights, std::size_t top_k) {
    float sum = 0;
    for (std::size_t j = 0; j < top_k; ++j) {
        sum += weights[j];
    }
    for (std::size_t j = 0; j < top_k && sum > 0; ++j) {
        weights[j] /= sum;
    }
}

} // namespace

void checkIntervention(const Intervention& intervention, const ModelConfig& config) {
    for (const HeadScale& scale : intervention.heads) {
        checkLayer(scale.layer, config);
        checkIndex("head", scale.layer, scale.head, config.num_heads);
        // Beyond it the squares that the next norm sums leave float32.
        constexpr float kLargestFactor = 1e6f;
        if (!(std::abs(scale.factor) <= kLargestFactor)) {
            fail(ErrorKind::InvalidInput, "the factor of head {} in layer {} is not a number from -1e6 to 1e6",
                 scale.head, scale.layer);
        }
    }
    for (const ExpertRef& ref : intervention.experts) {
        checkLayer(ref.layer, config);
        checkIndex("expert", ref.layer, ref.expert, config.num_experts);
    }
    for (const LayerAblation& ablation : intervention.layers) {
        checkLayer(ablation.layer, config);
    }
}

void scaleHeads(const ForwardContext& context, int layer, float* attended) {
    const std::size_t dim = context.headDim();
    const std::size_t inner = context.inner();
    const Part& mine = context.shard.heads;
    changeOnHost(context, attended, context.rows * inner, [&](float* values) {
        forCoveredRows(context, [&](std::size_t row, std::size_t end, const Intervention& intervention) {
            for (const HeadScale& scale : intervention.heads) {
                const std::size_t head = static_cast<std::size_t>(scale.head) - mine.first; // huge when before
                if (scale.layer != layer || head >= mine.count) {
                    continue;
                }
                for (std::size_t r = row; r < end; ++r) {
                    float* slice = values + r * inner + head * dim;
                    // Not a product: what is ablated is zero, whatever it was.
                    std::transform(slice, slice + dim, slice,
                                   [f = scale.factor](float x) { return f == 0.0f ? 0.0f : f * x; });
                }
            }
        });
    });
}

void dropExperts(const ForwardContext& context, int layer, float* weights) {
    const std::size_t top_k = static_cast<std::size_t>(context.weights.config.top_k);
    forCoveredRows(context, [&](std::size_t row, std::size_t end, const Intervention& intervention) {
        const auto dropped = [&](std::int32_t expert) {
            return std::find(intervention.experts.begin(), intervention.experts.end(), ExpertRef{layer, expert}) !=
                   intervention.experts.end();
        };
        for (std::size_t r = row; r < end; ++r) {
            bool changed = false;
            for (std::size_t j = r * top_k; j < (r + 1) * top_k; ++j) {
                if (dropped(context.buffers.expert_ids[j])) {
                    weights[j] = 0;
                    changed = true;
                }
            }
            if (changed && intervention.renormalise) {
                renormalise(weights + r * top_k, top_k);
            }
        }
    });
}

void silence(const ForwardContext& context, int layer, BlockPart part, float* branch) {
    const std::size_t width = static_cast<std::size_t>(context.weights.config.hidden_size);
    changeOnHost(context, branch, context.rows * width, [&](float* values) {
        forCoveredRows(context, [&](std::size_t row, std::size_t end, const Intervention& intervention) {
            const bool silent = std::any_of(
                intervention.layers.begin(), intervention.layers.end(), [&](const LayerAblation& ablation) {
                    return ablation.layer == layer && (ablation.part == part || ablation.part == BlockPart::Both);
                });
            if (silent) {
                std::fill(values + row * width, values + end * width, 0.0f);
            }
        });
    });
}

} // namespace fulgurite
