// SPDX-License-Identifier: Apache-2.0
// Doors and connections of a launch's processes. Private to kernels/comm.
#pragma once

#include "kernels/comm/launch.h"
#include "kernels/comm/wire.h"

#include <cstdint>

namespace fulgurite::kernels {

// Of rank 0; port 0 is any free one. Throws CommError.
Connection listenOn(std::uint16_t port);
std::uint16_t portOf(const Connection& door);

// Of another rank, with rank 0's door; tries again until the deadline. Throws CommError.
Connection connectTo(const Launch& launch, Deadline deadline);

} // namespace fulgurite::kernels
