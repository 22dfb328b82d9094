// SPDX-License-Identifier: Apache-2.0
#include "app/engine/intervention_options.h"

#include "app/engine/list_option.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"

#include <cmath>
#include <optional>
#include <string_view>

namespace fulgurite::app {

namespace {

// "LAYER:REST" or "LAYER".
struct Reference {
    std::optional<int> layer;
    std::optional<std::string_view> rest;
};

Reference split(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return {wholeNumber<int>(text), std::nullopt};
    }
    return {wholeNumber<int>(text.substr(0, colon)), text.substr(colon + 1)};
}

HeadScale readHeadScale(const std::string& text) {
    const Reference reference = split(text);
    const std::string_view rest = reference.rest.value_or("");
    const std::size_t equals = rest.find('=');
    const auto head = wholeNumber<int>(rest.substr(0, equals));
    const auto factor =
        equals == std::string_view::npos ? std::optional(0.0f) : wholeNumber<float>(rest.substr(equals + 1));
    if (!reference.layer || !head || !factor || !std::isfinite(*factor)) {
        fail(ErrorKind::InvalidInput, "--heads: \"{}\" is not LAYER:HEAD or LAYER:HEAD=FACTOR, as in 7:3", text);
    }
    return {*reference.layer, *head, *factor};
}

ExpertRef readExpert(const std::string& text) {
    const Reference reference = split(text);
    const auto expert = wholeNumber<int>(reference.rest.value_or(""));
    if (!reference.layer || !expert) {
        fail(ErrorKind::InvalidInput, "--experts: \"{}\" is not LAYER:EXPERT, as in 2:4", text);
    }
    return {*reference.layer, *expert};
}

LayerAblation readLayer(const std::string& text) {
    const Reference reference = split(text);
    const std::string_view part = reference.rest.value_or("both");
    if (!reference.layer || (part != "attention" && part != "experts" && part != "both")) {
        fail(ErrorKind::InvalidInput, "--layers: \"{}\" is not LAYER, LAYER:attention or LAYER:experts", text);
    }
    return {*reference.layer, part == "attention" ? BlockPart::Attention
                              : part == "experts" ? BlockPart::Experts
                                                  : BlockPart::Both};
}

InterventionRecipe readRecipeFile(const std::string& path) {
    const nlohmann::json json = parseJson(readTextFile(path), path);
    return readRecipe(JsonField(json, path));
}

} // namespace

void InterventionOptions::addTo(CLI::App& command) {
    command.add_option("--heads", heads_, "Heads to ablate or scale: L:H,... or L:H=FACTOR,...")->type_name("LIST");
    command.add_option("--experts", experts_, "Experts to take out: L:E,...")->type_name("LIST");
    command.add_option("--layers", layers_, "Layers to silence: L,... or L:attention,...")->type_name("LIST");
    command.add_flag("--renormalise", renormalise_,
                     "Scale the weights of the experts that are left to a sum of one");
    command.add_option("--recipe", recipe_, "JSON file with an intervention; the other options add to it");
    from_given_ = command.add_option("--from", from_, "First token where it is in force [0]")
                      ->check([](const std::string& value) {
                          return value.starts_with('-') ? std::string("a position counts from 0") : std::string();
                      })
                      ->type_name("POSITION");
}

Intervention InterventionOptions::forText(std::size_t answer, std::size_t tokens) const {
    Intervention intervention = recipe().forPrompt(answer);
    if (!intervention.empty() && intervention.from >= tokens) {
        fail(ErrorKind::InvalidInput, "--from {} lies beyond the text of {} tokens: nothing would be changed",
             intervention.from, tokens);
    }
    return intervention;
}

InterventionRecipe InterventionOptions::recipe() const {
    InterventionRecipe recipe = recipe_.empty() ? InterventionRecipe{} : readRecipeFile(recipe_);
    Intervention& what = recipe.intervention;
    for (const std::string& head : listOf(heads_, "--heads")) {
        what.heads.push_back(readHeadScale(head));
    }
    for (const std::string& expert : listOf(experts_, "--experts")) {
        what.experts.push_back(readExpert(expert));
    }
    for (const std::string& layer : listOf(layers_, "--layers")) {
        what.layers.push_back(readLayer(layer));
    }
    what.renormalise = what.renormalise || renormalise_;
    if (from_given_ != nullptr && from_given_->count() > 0) {
        what.from = from_;
        recipe.from_answer = false;
    }
    return recipe;
}

} // namespace fulgurite::app
