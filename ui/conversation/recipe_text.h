// SPDX-License-Identifier: GPL-3.0-or-later
// Recipes of interventions as the window shows and keeps them.
#pragma once

#include "core/base/intervention.h"

#include <QJsonObject>
#include <QString>

namespace fulgurite {

// "without heads 7:3, 7:4 · from the answer": the name where it has one.
QString recipeSummary(const InterventionRecipe& recipe);
// Without the name: "heads 7:3, 7:4, expert 2:4, layer 1 (attention)".
QString recipeParts(const Intervention& intervention);

QJsonObject recipeObject(const InterventionRecipe& recipe);
// Empty for an empty object. Throws Error{InvalidInput} that names the field, for what goes on under a recipe:
// going on without it would be another experiment.
InterventionRecipe readRecipeObject(const QJsonObject& object);
// For showing: empty where it is no recipe, as in a workspace that a person has edited.
InterventionRecipe recipeFromObject(const QJsonObject& object);

} // namespace fulgurite
