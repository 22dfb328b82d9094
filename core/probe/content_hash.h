// SPDX-License-Identifier: Apache-2.0
// Names by content: SHA-256 as lower-case hexadecimal.
#pragma once

#include "core/base/types.h"
#include "core/checkpoint/checkpoint.h"

#include <span>
#include <string>
#include <string_view>

namespace fulgurite::probe {

std::string sha256(std::string_view bytes);

// Of the ids as little-endian 32-bit integers.
std::string tokensHash(std::span<const TokenId> tokens);

// Of config.json and, for every tensor by name, its type, shape and first 1,024 bytes: tells two checkpoints of one
// shape apart without reading hundreds of gigabytes.
std::string modelHash(const Checkpoint& checkpoint);

} // namespace fulgurite::probe
