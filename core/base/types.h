// SPDX-License-Identifier: Apache-2.0
// Scalar types shared by every part of core.
#pragma once

#include <cstdint>
#include <vector>

namespace fulgurite {

using TokenId = std::int32_t;
using TokenIds = std::vector<TokenId>;

} // namespace fulgurite
