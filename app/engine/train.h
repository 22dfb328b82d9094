// SPDX-License-Identifier: Apache-2.0
// The parts of `fulgurite-engine train`: one file each, registered in train.cpp.
#pragma once

#include "app/engine/command.h"

#include <string>

namespace fulgurite::app {

constexpr double kMiB = 1024.0 * 1024.0; // bytes; plans say memory in it

void addTrainGrad(CLI::App& train);
void addTrainItems(CLI::App& train);
void addTrainRl(CLI::App& train);
void addTrainRuns(CLI::App& train);
void addTrainTokenizer(CLI::App& train);

// What the runs file could not be told of the end of a run, for the person; nothing when that is empty.
void tellTrouble(const std::string& trouble);

} // namespace fulgurite::app
