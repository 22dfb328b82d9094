// SPDX-License-Identifier: Apache-2.0
// Two neighbouring tokens as one number, by which merges are looked up.
#pragma once

#include "core/base/types.h"

#include <cstdint>

namespace fulgurite {

inline std::uint64_t pairKey(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

} // namespace fulgurite
