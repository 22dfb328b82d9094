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
// Empty where the text is no recipe: a person may have edited the workspace.
InterventionRecipe recipeFromObject(const QJsonObject& object);

} // namespace fulgurite
