// SPDX-License-Identifier: Apache-2.0
// The generator of training: one 64-bit word of state, so that a checkpoint can hold it, and the same numbers on
// every machine. SplitMix64 (Steele, Lea, Flood 2014); the standard library's distributions differ between
// implementations.
#pragma once

#include <cmath>
#include <cstdint>

namespace fulgurite {

class RandomStream {
  public:
    explicit RandomStream(std::uint64_t state) : state_(state) {}

    std::uint64_t state() const { return state_; }
    std::uint64_t bits() {
        state_ += 0x9E3779B97F4A7C15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    // [0, 1), 53 bits.
    double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
    // [0, count); count > 0. The bias of the remainder is below count / 2^64.
    std::uint64_t below(std::uint64_t count) { return bits() % count; }
    // Mean 0, standard deviation 1 (Box and Muller); uses two numbers for each value.
    double normal() {
        constexpr double kTwoPi = 6.283185307179586476925;
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return radius * std::cos(kTwoPi * uniform());
    }

  private:
    std::uint64_t state_;
};

} // namespace fulgurite
