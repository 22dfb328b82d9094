// SPDX-License-Identifier: Apache-2.0
// The parts of `fulgurite-engine train`: one file each, registered in train.cpp.
#pragma once

#include "app/engine/command.h"

#include <string>

namespace fulgurite::app {

void addTrainGrad(CLI::App& train);
void addTrainItems(CLI::App& train);
void addTrainRl(CLI::App& train);
void addTrainRuns(CLI::App& train);
void addTrainTokenizer(CLI::App& train);

// "40 s", "12 min", "3.5 h".
std::string durationText(double seconds);

} // namespace fulgurite::app
