// SPDX-License-Identifier: Apache-2.0
// The tables of images.fulgurite, as numbered migrations. A published migration is never edited.
#pragma once

#include "core/store/database.h"

#include <span>

namespace fulgurite::cascade {

constexpr int kImagesApplicationId = 0x4647494d; // "FGIM"

std::span<const Migration> imagesMigrations();

} // namespace fulgurite::cascade
