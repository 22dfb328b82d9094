// SPDX-License-Identifier: GPL-3.0-or-later
// Which tokens of two answers belong together: the longest common subsequence, so that what differs is as little as
// it can be.
#pragma once

#include <span>
#include <vector>

namespace fulgurite {

// Indices into the two answers; -1: nothing stands opposite.
struct AlignedTokens {
    int original = -1;
    int changed = -1;
    bool both() const { return original >= 0 && changed >= 0; }
    bool operator==(const AlignedTokens&) const = default;
};

// In order; equal tokens share a row, a run of differing ones lists the original's tokens first. Myers' greedy
// algorithm: linear in the length of what is equal, quadratic only in the number of differences D. Beyond
// kMaxDifferences the rest counts as different: such answers have nothing left to compare token by token.
std::vector<AlignedTokens> alignTokens(std::span<const int> original, std::span<const int> changed);

inline constexpr int kMaxDifferences = 1000;

} // namespace fulgurite
