// SPDX-License-Identifier: Apache-2.0
// What this machine, or the control group that the process lives in, can still give.
#pragma once

#include <cstddef>
#include <string>

namespace fulgurite {

// Bytes that can be taken without swapping: the kernel's estimate, or what is left of the control group's limit
// when that is less. 0 when neither can be read.
std::size_t availableMemory();

// "512 bytes", "1.5 KiB", "280.0 MiB", "22.9 GiB".
std::string readableBytes(std::size_t bytes);

} // namespace fulgurite
