// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/decay.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

namespace fulgurite::capture {

namespace {

using Json = nlohmann::ordered_json;

template <class Figure>
Json perHead(const DecayMap& map, const Figure& figure) {
    Json layers = Json::array();
    for (int layer = 0; layer < static_cast<int>(map.layers.size()); ++layer) {
        Json heads = Json::array();
        for (int head = 0; head < map.heads; ++head) {
            heads.push_back(map.unbounded(layer) ? Json() : Json(figure(map.rate({layer, head}))));
        }
        layers.push_back(std::move(heads));
    }
    return layers;
}

} // namespace

DecayMap decayMap(const ModelConfig& config) {
    DecayMap map;
    map.layers = config.layers;
    map.heads = config.num_heads;
    for (int layer = 0; layer < config.layerCount(); ++layer) {
        if (map.unbounded(layer)) {
            map.rates.insert(map.rates.end(), static_cast<std::size_t>(map.heads), 0.0);
            continue;
        }
        const std::vector<float> rates = decayRates(config, layer);
        map.rates.insert(map.rates.end(), rates.begin(), rates.end());
    }
    return map;
}

double reach(double rate, double fraction) {
    return rate > 0 ? -std::log(fraction) / rate : std::numeric_limits<double>::infinity();
}

double halfLife(double rate) {
    return rate > 0 ? std::numbers::ln2 / rate : std::numeric_limits<double>::infinity();
}

double weightAt(double rate, double distance) {
    return std::exp(-rate * distance);
}

std::string toJson(const DecayMap& map) {
    Json json;
    json["layers"] = Json::array();
    for (const LayerKind kind : map.layers) {
        json["layers"].push_back(kind == LayerKind::Lightning ? "lightning" : "softmax");
    }
    json["heads"] = map.heads;
    json["rate"] = perHead(map, [](double rate) { return rate; });
    json["half_life"] = perHead(map, halfLife);
    json["reach"] = {{"50", perHead(map, [](double rate) { return reach(rate, 0.5); })},
                     {"10", perHead(map, [](double rate) { return reach(rate, 0.1); })},
                     {"1", perHead(map, [](double rate) { return reach(rate, 0.01); })}};
    return json.dump();
}

} // namespace fulgurite::capture
