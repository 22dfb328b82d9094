// SPDX-License-Identifier: Apache-2.0
// The parts of `fulgurite-engine cascade`: one file each, registered in cascade.cpp.
#pragma once

#include "app/engine/command.h"

namespace fulgurite::app {

void addCascadeEncode(CLI::App& cascade);

} // namespace fulgurite::app
