// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture_plan.h"

#include "core/base/error.h"
#include "core/base/system_memory.h"
#include "core/model/costs.h"
#include "core/model/intervention.h"
#include "core/probe/capture/held_heads.h"
#include "core/probe/probe_plan.h"
#include "core/state/sequence_state.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>

namespace fulgurite::probe {

namespace {

// Left on the disk whatever is captured: logs, workspaces and other programs want to live, too.
constexpr std::uint64_t kDiskReserve = std::uint64_t{1} << 30;
// The chunk whose speed an engine reports as its prefill rate.
constexpr std::size_t kChunk = 256;

template <class T>
void sortUnique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

void chooseHeads(const CaptureRequest& request, capture::CaptureInfo& info) {
    std::vector<int> layers = request.attention_layers.value_or(std::vector<int>());
    if (!request.attention_layers && request.attention_heads.empty()) {
        layers.resize(info.config.layers.size());
        std::iota(layers.begin(), layers.end(), 0);
    }
    for (const int layer : layers) {
        checkLayer(layer, info.config);
    }
    for (const capture::HeadRef head : request.attention_heads) {
        checkHead(head.layer, head.head, info.config);
    }
    capture::holdHeads(info, layers, request.attention_heads);
}

std::vector<std::size_t> positionsOf(const CaptureRequest& request, std::size_t tokens) {
    if (!request.heads && !request.lens && request.every_output) {
        return {};
    }
    if (!request.positions) {
        std::vector<std::size_t> positions(std::min(request.last, tokens));
        std::iota(positions.begin(), positions.end(), tokens - positions.size());
        return positions;
    }
    std::vector<std::size_t> positions = *request.positions;
    sortUnique(positions);
    for (const std::size_t position : positions) {
        checkPosition(position, tokens);
    }
    return positions;
}

double flopsOf(const CapturePlan& plan) {
    const ModelConfig& config = plan.info.config;
    const double hidden = config.hidden_size;
    const double read_out = 2.0 * hidden * config.vocab_size;
    const double positions = static_cast<double>(plan.info.positions.size());
    double flops =
        productFlops(productsOf(config, plan.info.tokens, 0)) + attentionFlops(config, 0, plan.info.tokens);
    if (plan.contents.logprobs) {
        flops += read_out * static_cast<double>(plan.info.tokens);
    }
    if (plan.info.lens) {
        flops += read_out * positions * (config.layerCount() + 1);
    }
    if (plan.info.heads) { // two products with the transposed output projection of each layer
        flops += positions * config.layerCount() * 4.0 * hidden * config.num_heads * config.head_dim;
    }
    return flops;
}

std::string refusalOf(const CaptureEstimate& e, const CaptureRoom& room) {
    const std::string folder = room.name.empty() ? room.folder.string() : room.name;
    constexpr const char* kRemedy =
        "Take fewer layers or heads, or outputs at the query positions only, or a shorter text";
    if (e.bytes > e.limit_bytes) {
        return fmt::format("the capture would take {}; one capture may take {} and {} are free in {}. {}",
                           readableBytes(e.bytes), readableBytes(e.limit_bytes), readableBytes(e.free_bytes),
                           folder, kRemedy);
    }
    if (e.bytes + kDiskReserve > e.free_bytes) {
        return fmt::format("the capture would take {}; {} are free in {}, of which {} are kept free. {}",
                           readableBytes(e.bytes), readableBytes(e.free_bytes), folder, readableBytes(kDiskReserve),
                           kRemedy);
    }
    if (const std::size_t memory = availableMemory(); memory > 0 && e.state_bytes > memory) {
        return fmt::format("the capture needs {} of memory for keys, values and states while it runs; {} are free. "
                           "Capture a shorter text",
                           readableBytes(e.state_bytes), readableBytes(memory));
    }
    return {};
}

// The nearest folder above that exists: the captures' own is made with the first capture.
std::uint64_t freeBytes(std::filesystem::path folder) {
    std::error_code error;
    folder = std::filesystem::absolute(folder, error);
    while (!std::filesystem::exists(folder, error) && folder.has_relative_path()) {
        folder = folder.parent_path();
    }
    const std::filesystem::space_info space = std::filesystem::space(folder, error);
    return error ? 0 : space.available;
}

} // namespace

CapturePlan planCapture(const CaptureRequest& request, const ModelConfig& config, std::size_t tokens) {
    if (tokens == 0) {
        fail(ErrorKind::InvalidInput, "there is nothing to capture: the text has no tokens");
    }
    if (request.lens_candidates < 1 || request.lens_candidates > config.vocab_size) {
        fail(ErrorKind::InvalidInput, "lens_candidates is {}; it must lie between 1 and {}",
             request.lens_candidates, config.vocab_size);
    }
    CapturePlan plan;
    plan.info.config = config;
    plan.info.tokens = tokens;
    chooseHeads(request, plan.info);
    plan.info.positions = positionsOf(request, tokens);
    plan.info.routing = request.routing;
    plan.info.heads = request.heads && !plan.info.positions.empty();
    plan.info.lens = request.lens && !plan.info.positions.empty();
    if (request.fact) {
        if (request.fact->first >= request.fact->second || request.fact->second > tokens) {
            fail(ErrorKind::InvalidInput, "the marked span {} to {} is empty or leaves the {} tokens",
                 request.fact->first, request.fact->second, tokens);
        }
        plan.info.fact = request.fact;
    }
    checkIntervention(request.intervention, config);
    plan.intervention = request.intervention;
    plan.contents.every_output = request.every_output;
    plan.contents.logprobs = request.logprobs;
    plan.contents.lens_candidates = request.lens_candidates;
    return plan;
}

std::string planToJson(const CapturePlan& plan) {
    nlohmann::ordered_json json{{"attention_layers", plan.info.attention_layers},
                                {"every_output", plan.contents.every_output},
                                {"positions", plan.info.positions},
                                {"heads", plan.info.heads},
                                {"lens", plan.info.lens},
                                {"lens_candidates", plan.contents.lens_candidates},
                                {"routing", plan.info.routing},
                                {"logprobs", plan.contents.logprobs}};
    for (const auto& [layer, heads] : plan.info.attention_heads) {
        json["attention_heads"].push_back({{"layer", layer}, {"heads", heads}});
    }
    if (plan.info.fact) {
        json["fact"] = {plan.info.fact->first, plan.info.fact->second};
    }
    if (!plan.intervention.empty()) {
        json["intervention"] = recipeJson({{}, plan.intervention, false});
    }
    return json.dump();
}

CaptureEstimate estimateCapture(const CapturePlan& plan, std::uint64_t vocabulary_bytes, double prefill_rate,
                                const CaptureRoom& room) {
    const ModelConfig& config = plan.info.config;
    CaptureEstimate e;
    e.bytes = capture::captureBytes(plan.info, plan.contents, vocabulary_bytes);
    e.state_bytes = StateShape::of(config).bytesAt(plan.info.tokens);
    e.flops = flopsOf(plan);
    const double measured =
        (productFlops(productsOf(config, kChunk, 0)) + attentionFlops(config, 0, kChunk)) / kChunk;
    e.seconds = prefill_rate > 0 ? e.flops / (measured * prefill_rate) : 0;
    e.free_bytes = freeBytes(room.folder);
    e.limit_bytes = room.limit_bytes;
    e.refusal = refusalOf(e, room);
    return e;
}

void requireFits(const CaptureEstimate& estimate) {
    if (!estimate.fits()) {
        throw Error(ErrorKind::OutOfMemory, estimate.refusal);
    }
}

} // namespace fulgurite::probe
