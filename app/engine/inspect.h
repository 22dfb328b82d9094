// SPDX-License-Identifier: Apache-2.0
// The parts of `fulgurite-engine inspect`: one file each, registered in inspect.cpp.
#pragma once

#include "app/engine/command.h"

namespace fulgurite::app {

void addInspectAblate(CLI::App& inspect);
void addInspectDecay(CLI::App& inspect);

} // namespace fulgurite::app
