// SPDX-License-Identifier: Apache-2.0
// The parts of `fulgurite-engine cascade`: one file each, registered in cascade.cpp.
#pragma once

#include "app/engine/command.h"

namespace fulgurite::app {

void addCascadeBuild(CLI::App& cascade);
void addCascadeEncode(CLI::App& cascade);
void addCascadeEval(CLI::App& cascade);
void addCascadeQuery(CLI::App& cascade);
void addCascadeLedger(CLI::App& cascade);
void addCascadeSimulate(CLI::App& cascade);

} // namespace fulgurite::app
