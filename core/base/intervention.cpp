// SPDX-License-Identifier: Apache-2.0
#include "core/base/intervention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

namespace fulgurite {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<BlockPart, std::string_view>, 3> kParts{
    {{BlockPart::Attention, "attention"}, {BlockPart::Experts, "experts"}, {BlockPart::Both, "both"}}};

void allowKeys(const JsonField& field, std::initializer_list<std::string_view> known) {
    field.expect(field.value().is_object(), "an object");
    for (const auto& [key, value] : field.value().items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            std::string list;
            for (const std::string_view name : known) {
                list += (list.empty() ? "" : ", ") + std::string(name);
            }
            fail(ErrorKind::InvalidInput, "{}: has no field \"{}\"; its fields are {}", field.path(), key, list);
        }
    }
}

int indexOf(const JsonField& object, const char* key) {
    return static_cast<int>(object[key].integer(0, std::numeric_limits<int>::max()));
}

// Calls read(element) for each element of a list that may be left out.
template <class Read>
void forEach(const JsonField& object, const char* key, Read&& read) {
    if (object.has(key)) {
        const JsonField list = object[key];
        for (std::size_t i = 0; i < list.size(); ++i) {
            read(list.at(i));
        }
    }
}

HeadScale readHead(const JsonField& field) {
    allowKeys(field, {"layer", "head", "factor"});
    const double factor = field.number("factor", 0.0);
    if (!std::isfinite(static_cast<float>(factor))) {
        fail(ErrorKind::InvalidInput, "{}.factor: should be a finite number", field.path());
    }
    return {indexOf(field, "layer"), indexOf(field, "head"), static_cast<float>(factor)};
}

ExpertRef readExpert(const JsonField& field) {
    allowKeys(field, {"layer", "expert"});
    return {indexOf(field, "layer"), indexOf(field, "expert")};
}

LayerAblation readLayer(const JsonField& field) {
    allowKeys(field, {"layer", "part"});
    const std::string name = field.string("part", "both");
    const auto part = std::find_if(kParts.begin(), kParts.end(), [&](const auto& p) { return p.second == name; });
    if (part == kParts.end()) {
        fail(ErrorKind::InvalidInput, "{}.part: \"{}\" is none of attention, experts, both", field.path(), name);
    }
    return {indexOf(field, "layer"), part->first};
}

void readFrom(const JsonField& field, InterventionRecipe& recipe) {
    if (field.value().is_string()) {
        if (field.string() != "answer") {
            fail(ErrorKind::InvalidInput, "{}: \"{}\" should be a position or \"answer\"", field.path(),
                 field.string());
        }
        recipe.from_answer = true;
    } else {
        recipe.intervention.from = field.count();
    }
}

} // namespace

Intervention InterventionRecipe::forPrompt(std::size_t prompt_tokens) const {
    Intervention placed = intervention;
    if (from_answer) {
        placed.from = prompt_tokens == 0 ? 0 : prompt_tokens - 1;
    }
    return placed;
}

json recipeJson(const InterventionRecipe& recipe) {
    const Intervention& what = recipe.intervention;
    json result{{"name", recipe.name}, {"renormalise", what.renormalise}};
    result["from"] = recipe.from_answer ? json("answer") : json(what.from);
    for (const HeadScale& scale : what.heads) {
        result["heads"].push_back({{"layer", scale.layer}, {"head", scale.head}, {"factor", scale.factor}});
    }
    for (const ExpertRef& ref : what.experts) {
        result["experts"].push_back({{"layer", ref.layer}, {"expert", ref.expert}});
    }
    for (const LayerAblation& ablation : what.layers) {
        const auto part =
            std::find_if(kParts.begin(), kParts.end(), [&](const auto& p) { return p.first == ablation.part; });
        result["layers"].push_back({{"layer", ablation.layer}, {"part", part->second}});
    }
    return result;
}

InterventionRecipe readRecipe(const JsonField& field) {
    allowKeys(field, {"name", "heads", "experts", "layers", "renormalise", "from"});
    InterventionRecipe recipe;
    recipe.name = field.string("name", "");
    Intervention& what = recipe.intervention;
    forEach(field, "heads", [&](const JsonField& item) { what.heads.push_back(readHead(item)); });
    forEach(field, "experts", [&](const JsonField& item) { what.experts.push_back(readExpert(item)); });
    forEach(field, "layers", [&](const JsonField& item) { what.layers.push_back(readLayer(item)); });
    what.renormalise = field.boolean("renormalise", false);
    if (field.has("from")) {
        readFrom(field["from"], recipe);
    }
    return recipe;
}

} // namespace fulgurite
