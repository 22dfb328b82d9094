// SPDX-License-Identifier: Apache-2.0
// The tables of collections.fulgurite; docs/formats/collections.md describes them.
#pragma once

#include "core/store/database.h"

#include <span>

namespace fulgurite::retrieval {

inline constexpr int kCollectionsApplicationId = 0x46475243; // "FGRC"

std::span<const Migration> collectionMigrations();

} // namespace fulgurite::retrieval
