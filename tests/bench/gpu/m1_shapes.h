// SPDX-License-Identifier: Apache-2.0
// The published widths of MiniMax-M1, and the products that are measured: by the CUDA library's operations and by
// cuBLAS alone, under the same names.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace fulgurite::bench {

inline constexpr std::size_t kHidden = 6144;
inline constexpr std::size_t kHeads = 64;
inline constexpr std::size_t kDim = 128;
inline constexpr std::size_t kInner = kHeads * kDim;
inline constexpr std::size_t kKvHeads = 8;
inline constexpr std::size_t kIntermediate = 9216;
inline constexpr std::size_t kExperts = 32;
inline constexpr std::size_t kTopK = 2;

struct Product {
    const char* name;
    std::size_t outputs;
    std::size_t inputs;
};
inline constexpr std::array kProjections{Product{"lightning qkv", 3 * kInner, kHidden},
                                         Product{"lightning gate", kInner, kHidden},
                                         Product{"output projection", kHidden, kInner}};
inline constexpr std::array<std::size_t, 6> kRows{1, 4, 16, 64, 512, 4096};

inline std::string rowName(const char* what, std::size_t count, const char* unit = "rows") {
    return std::string(what) + ", " + std::to_string(count) + " " + unit;
}

} // namespace fulgurite::bench
