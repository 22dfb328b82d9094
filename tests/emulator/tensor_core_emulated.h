// SPDX-License-Identifier: Apache-2.0
// The warp-wide matrix operations of kernels/cuda/tensor_core.h, fragment by fragment as PTX describes them.
#pragma once

#include "kernels/dtype.h"

namespace fulgurite::emulator {

inline float halfOfPair(std::uint32_t pair, unsigned which) {
    return bf16ToFloat(static_cast<std::uint16_t>(which == 0 ? pair & 0xffffu : pair >> 16));
}

inline void multiplyAdd(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
    struct Held {
        std::uint32_t a[4];
        std::uint32_t b[2];
    };
    const Held mine{{a[0], a[1], a[2], a[3]}, {b0, b1}};
    const std::byte* all = exchange(&mine, sizeof(mine));
    const auto held = [&](unsigned lane_of) {
        Held result;
        std::memcpy(&result, all + lane_of * kExchangeBytes, sizeof(result));
        return result;
    };
    const unsigned me = lane();
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = me / 4;
        const unsigned below = i / 2;
        const unsigned col = 2 * (me % 4) + i % 2;
        float sum = 0;
        for (unsigned k = 0; k < 16; ++k) {
            const Held of_a = held(row * 4 + k % 8 / 2);
            const Held of_b = held(col * 4 + k % 8 / 2);
            sum += halfOfPair(of_a.a[below + 2 * (k / 8)], k % 2) * halfOfPair(of_b.b[k / 8], k % 2);
        }
        c[i] += sum;
    }
}

template <bool kTransposed>
void loadMatrices(std::uint32_t (&r)[4], const std::uint16_t* row) {
    const std::byte* all = exchange(&row, sizeof(row));
    const unsigned me = lane();
    for (unsigned i = 0; i < 4; ++i) {
        const auto element = [&](unsigned at_row, unsigned at_col) {
            const std::uint16_t* address = nullptr;
            std::memcpy(&address, all + (8 * i + at_row) * kExchangeBytes, sizeof(address));
            return static_cast<std::uint32_t>(address[at_col]);
        };
        const unsigned pair = 2 * (me % 4);
        r[i] = kTransposed ? element(pair, me / 4) | element(pair + 1, me / 4) << 16
                           : element(me / 4, pair) | element(me / 4, pair + 1) << 16;
    }
    warpBarrier(); // nobody overwrites shared memory while others still read it here
}

} // namespace fulgurite::emulator
