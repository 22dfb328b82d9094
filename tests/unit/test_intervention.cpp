// SPDX-License-Identifier: Apache-2.0
// Recipes of interventions as JSON: what is written is read again, what is wrong is named.
#include "core/base/intervention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulgurite {
namespace {

using nlohmann::json;
using testing::HasSubstr;

InterventionRecipe read(const json& value) {
    return readRecipe(JsonField(value, "intervention"));
}

std::string refusal(const json& value) {
    try {
        read(value);
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

TEST(InterventionRecipe, SurvivesItsJson) {
    InterventionRecipe recipe;
    recipe.name = "without the fetchers";
    recipe.intervention.heads = {{7, 3, 0.0f}, {7, 4, 0.5f}};
    recipe.intervention.experts = {{2, 4}};
    recipe.intervention.layers = {{1, BlockPart::Attention}, {2, BlockPart::Experts}, {3, BlockPart::Both}};
    recipe.intervention.renormalise = true;
    recipe.intervention.from = 812;
    EXPECT_EQ(read(recipeJson(recipe)), recipe);
    recipe.intervention.from = 0;
    recipe.from_answer = true;
    EXPECT_EQ(read(recipeJson(recipe)), recipe);
    EXPECT_EQ(read(recipeJson({})), InterventionRecipe{});
    EXPECT_TRUE(read(json::object()).empty());
}

TEST(InterventionRecipe, AblatesUnlessToldOtherwise) {
    const auto recipe = read(json::parse(R"({"heads": [{"layer": 1, "head": 2}], "layers": [{"layer": 0}]})"));
    EXPECT_EQ(recipe.intervention.heads, (std::vector<HeadScale>{{1, 2, 0.0f}}));
    EXPECT_EQ(recipe.intervention.layers, (std::vector<LayerAblation>{{0, BlockPart::Both}}));
    EXPECT_FALSE(recipe.intervention.renormalise);
}

TEST(InterventionRecipe, TheAnswerBeginsWithThePromptsLastRow) {
    InterventionRecipe recipe;
    recipe.intervention.from = 5;
    EXPECT_EQ(recipe.forPrompt(100).from, 5u);
    recipe.from_answer = true;
    EXPECT_EQ(recipe.forPrompt(100).from, 99u);
    EXPECT_EQ(recipe.forPrompt(0).from, 0u);
}

TEST(InterventionRecipe, NamesTheFieldThatIsWrong) {
    EXPECT_THAT(refusal(json::array()), HasSubstr("expected an object"));
    EXPECT_THAT(refusal({{"head", 3}}), HasSubstr("no field \"head\""));
    EXPECT_THAT(refusal({{"heads", {{{"layer", 1}}}}}), HasSubstr("heads[0]: field \"head\" is missing"));
    EXPECT_THAT(refusal({{"heads", {{{"layer", -1}, {"head", 0}}}}}), HasSubstr("-1 is outside"));
    EXPECT_THAT(refusal({{"heads", {{{"layer", 1}, {"head", 0}, {"factor", 1e300}}}}}), HasSubstr("finite"));
    EXPECT_THAT(refusal({{"layers", {{{"layer", 1}, {"part", "mlp"}}}}}), HasSubstr("\"mlp\" is none of"));
    EXPECT_THAT(refusal({{"from", "middle"}}), HasSubstr("position or \"answer\""));
    EXPECT_THAT(refusal({{"from", -4}}), HasSubstr("outside"));
    EXPECT_THAT(refusal({{"experts", 3}}), HasSubstr("expected an array"));
}

} // namespace
} // namespace fulgurite
