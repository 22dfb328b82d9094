// SPDX-License-Identifier: Apache-2.0
// The bytes of what a table keeps as one value: the tokens of a completion, about 18 bytes each, and histograms.
// docs/formats/runs.md has the layout.
#pragma once

#include "core/store/runs/run_types.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace fulgurite {

std::vector<std::byte> encodeRolloutTokens(std::span<const RolloutToken> tokens);
std::vector<std::byte> encodeHistogram(std::span<const HistogramBucket> buckets);

// Throw Error{Corrupt} that begins with `where` when the bytes break the format.
std::vector<RolloutToken> decodeRolloutTokens(std::span<const std::byte> bytes, const std::string& where);
std::vector<HistogramBucket> decodeHistogram(std::span<const std::byte> bytes, const std::string& where);

} // namespace fulgurite
