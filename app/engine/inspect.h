// SPDX-License-Identifier: Apache-2.0
// The parts of `fulgurite-engine inspect`: one file each, registered in inspect.cpp.
#pragma once

#include "app/engine/command.h"

namespace fulgurite::app {

void addInspectAblate(CLI::App& inspect);
void addInspectCapture(CLI::App& inspect);
void addInspectCompare(CLI::App& inspect);
void addInspectCost(CLI::App& inspect);
void addInspectDecay(CLI::App& inspect);
void addInspectHeads(CLI::App& inspect);
void addInspectLens(CLI::App& inspect);
void addInspectMap(CLI::App& inspect);
void addInspectRouting(CLI::App& inspect);
void addInspectRow(CLI::App& inspect);

} // namespace fulgurite::app
