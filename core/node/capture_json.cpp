// SPDX-License-Identifier: Apache-2.0
#include "core/node/capture_json.h"

#include "core/node/api_error.h"
#include "core/probe/capture/view_codec.h"

#include <fmt/format.h>

namespace fulgurite::node {

namespace {

constexpr std::int64_t kMaxPosition = std::int64_t{1} << 40;
constexpr std::int64_t kMaxLayer = 1 << 20; // or head
constexpr std::size_t kMaxList = 1'000'000;

template <class T>
std::vector<T> readNumbers(const nlohmann::json& list, const std::string& path, std::int64_t high) {
    if (list.size() > kMaxList) {
        refuse(path, fmt::format("must have at most {} elements", kMaxList));
    }
    std::vector<T> values;
    for (const nlohmann::json& value : list) {
        if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > high) {
            refuse(fmt::format("{}[{}]", path, values.size()), fmt::format("must be a number from 0 to {}", high));
        }
        values.push_back(value.get<T>());
    }
    return values;
}

// [{"layer": 7, "heads": [0, 3]}, ...]
std::vector<capture::HeadRef> readHeads(const nlohmann::json& list, const std::string& path) {
    std::vector<capture::HeadRef> all;
    for (std::size_t i = 0; i < list.size(); ++i) {
        ObjectReader entry(list[i], fmt::format("{}[{}]", path, i));
        const auto layer = entry.integer("layer", 0, kMaxLayer);
        const nlohmann::json* heads = entry.array("heads");
        if (!layer || heads == nullptr || heads->empty()) {
            refuse(fmt::format("{}[{}]", path, i), "must name a layer and a list of its heads");
        }
        for (const int head : readNumbers<int>(*heads, entry.pathOf("heads"), kMaxLayer)) {
            all.push_back({static_cast<int>(*layer), head});
        }
        entry.finish();
    }
    return all;
}

} // namespace

probe::CaptureRequest readCaptureRequest(const nlohmann::json* plan) {
    probe::CaptureRequest request;
    if (plan == nullptr) {
        return request;
    }
    ObjectReader reader(*plan, "plan");
    if (const nlohmann::json* layers = reader.array("attention_layers")) {
        request.attention_layers = readNumbers<int>(*layers, "plan.attention_layers", kMaxLayer);
    }
    if (const nlohmann::json* heads = reader.array("attention_heads")) {
        request.attention_heads = readHeads(*heads, "plan.attention_heads");
    }
    if (const nlohmann::json* positions = reader.array("positions")) {
        request.positions = readNumbers<std::size_t>(*positions, "plan.positions", kMaxPosition);
    }
    if (const nlohmann::json* fact = reader.array("fact")) {
        const auto span = readNumbers<std::size_t>(*fact, "plan.fact", kMaxPosition);
        if (span.size() != 2) {
            refuse("plan.fact", "must be [first, end)");
        }
        request.fact = std::pair(span[0], span[1]);
    }
    request.last = static_cast<std::size_t>(
        reader.integer("last", 0, kMaxPosition).value_or(static_cast<std::int64_t>(request.last)));
    request.every_output = reader.boolean("every_output").value_or(request.every_output);
    request.heads = reader.boolean("heads").value_or(request.heads);
    request.lens = reader.boolean("lens").value_or(request.lens);
    request.lens_candidates =
        static_cast<int>(reader.integer("lens_candidates", 1, 64).value_or(request.lens_candidates));
    request.routing = reader.boolean("routing").value_or(request.routing);
    request.logprobs = reader.boolean("logprobs").value_or(request.logprobs);
    reader.finish();
    return request;
}

nlohmann::json toJson(const probe::CaptureEstimate& estimate) {
    return {{"bytes", estimate.bytes},
            {"state_bytes", estimate.state_bytes},
            {"flops", estimate.flops},
            {"seconds", estimate.seconds > 0 ? nlohmann::json(estimate.seconds) : nlohmann::json()},
            {"free_bytes", estimate.free_bytes},
            {"limit_bytes", estimate.limit_bytes},
            {"fits", estimate.fits()},
            {"refusal", estimate.fits() ? nlohmann::json() : nlohmann::json(estimate.refusal)}};
}

nlohmann::json captureEntry(const std::string& id, const capture::CaptureInfo& info) {
    return {{"id", id}, {"info", nlohmann::json::parse(capture::encode(info))}};
}

} // namespace fulgurite::node
