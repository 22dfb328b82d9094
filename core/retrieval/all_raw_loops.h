// SPDX-License-Identifier: Apache-2.0
// Every kind of the loops that this processor runs, slowest first: for tests, which compare them. Apart from
// raw_loops.h, which files compiled for one instruction set include.
#pragma once

#include "core/retrieval/raw_loops.h"

#include <span>

namespace fulgurite::retrieval {

std::span<const RawLoops* const> allRawLoops();

} // namespace fulgurite::retrieval
