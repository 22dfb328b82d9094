// SPDX-License-Identifier: Apache-2.0
#include "core/client/inspection_json.h"

#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/client/engine_json.h"
#include "core/probe/capture/view_codec.h"

#include <map>

namespace fulgurite::client {

namespace {

using nlohmann::json;

json planJson(const CapturePlan& plan) {
    json result{{"every_output", plan.every_output},
                {"last", plan.last},
                {"heads", plan.heads},
                {"lens", plan.lens},
                {"lens_candidates", plan.lens_candidates},
                {"routing", plan.routing},
                {"logprobs", plan.logprobs}};
    if (plan.attention_layers)
        result["attention_layers"] = *plan.attention_layers;
    std::map<int, std::vector<int>> heads;
    for (const capture::HeadRef head : plan.attention_heads)
        heads[head.layer].push_back(head.head);
    for (const auto& [layer, some] : heads)
        result["attention_heads"].push_back({{"layer", layer}, {"heads", some}});
    if (plan.positions)
        result["positions"] = *plan.positions;
    if (plan.fact)
        result["fact"] = {plan.fact->first, plan.fact->second};
    return result;
}

CaptureCost captureCostOf(const JsonField& root) {
    CaptureCost cost;
    cost.bytes = root["bytes"].count();
    cost.state_bytes = root["state_bytes"].count();
    cost.seconds = root.number("seconds", 0);
    cost.free_bytes = root["free_bytes"].count();
    cost.limit_bytes = root["limit_bytes"].count();
    cost.refusal = root.string("refusal", "");
    return cost;
}

CaptureEntry captureOf(const JsonField& root) {
    return {root["id"].string(), capture::decodeInfo(root["info"].value().dump(), root["info"].path())};
}

capture::CostPoint pointOf(const JsonField& root) {
    capture::CostPoint point;
    point.context = root["context"].count();
    point.hybrid_flops = root["hybrid_flops"].number();
    point.hybrid_bytes = root["hybrid_bytes"].number();
    point.softmax_flops = root["softmax_flops"].number();
    point.softmax_bytes = root["softmax_bytes"].number();
    point.seconds = root.number("seconds", std::numeric_limits<double>::quiet_NaN());
    return point;
}

} // namespace

std::string planBody(std::size_t tokens, const CapturePlan& plan) {
    return json{{"count", tokens}, {"plan", planJson(plan)}}.dump();
}

std::string captureBody(const CaptureRequest& request) {
    json body = json::object();
    putPrompt(body, request.prompt, request.continue_tokens);
    if (request.sampled_from)
        body["sampled_from"] = *request.sampled_from;
    if (!request.intervention.empty())
        body["intervention"] = recipeJson(request.intervention);
    body["plan"] = planJson(request.plan);
    return dumpJson(body);
}

std::string compareBody(const CompareRequest& request) {
    json body = json::object();
    putPrompt(body, request.prompt, request.continue_tokens);
    if (request.first)
        body["first"] = *request.first;
    body["intervention"] = recipeJson(request.intervention);
    return dumpJson(body);
}

CaptureCost readCaptureCost(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return captureCostOf(JsonField(document, where));
}

CaptureEntry readCaptureEntry(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return captureOf(JsonField(document, where));
}

CaptureList readCaptureList(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    CaptureList list;
    const JsonField captures = root["captures"];
    for (std::size_t i = 0; i < captures.size(); ++i)
        list.captures.push_back(captureOf(captures.at(i)));
    const JsonField broken = root["broken"];
    for (std::size_t i = 0; i < broken.size(); ++i)
        list.broken.emplace_back(broken.at(i)["id"].string(), broken.at(i)["message"].string());
    return list;
}

std::string readRemoved(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return JsonField(document, where)["removed"].string();
}

capture::DecayMap readDecay(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    capture::DecayMap map;
    map.heads = static_cast<int>(root["heads"].integer(1, INT32_MAX));
    const JsonField layers = root["layers"];
    const JsonField rates = root["rate"];
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        const bool softmax = layers.at(layer).string() == "softmax";
        map.layers.push_back(softmax ? LayerKind::Softmax : LayerKind::Lightning);
        for (int head = 0; head < map.heads; ++head)
            map.rates.push_back(softmax ? 0.0 : rates.at(layer).at(static_cast<std::size_t>(head)).number());
    }
    return map;
}

CostCurve readCosts(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    CostCurve curve;
    curve.computed = root["computed"].boolean();
    curve.parameters = root["parameters"].integer(0, INT64_MAX);
    const JsonField points = root["points"];
    for (std::size_t i = 0; i < points.size(); ++i)
        curve.points.push_back(pointOf(points.at(i)));
    return curve;
}

CaptureStart readCaptureStart(std::string_view data, const std::string& where) {
    const json document = parseAnswer(data, where);
    const JsonField root(document, where);
    return {root["id"].string(), captureCostOf(root)};
}

std::pair<std::size_t, std::size_t> readCaptureProgress(std::string_view data, const std::string& where) {
    const json document = parseAnswer(data, where);
    const JsonField root(document, where);
    return {root["done"].count(), root["total"].count()};
}

} // namespace fulgurite::client
