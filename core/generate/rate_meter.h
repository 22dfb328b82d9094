// SPDX-License-Identifier: Apache-2.0
// Recent speed: tokens over seconds, older steps fading out.
#pragma once

#include <chrono>
#include <cstddef>

namespace fulgurite {

inline double secondsOf(const auto& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class RateMeter {
  public:
    void add(std::size_t tokens, double seconds) {
        constexpr double kFade = 0.9; // a step weighs half after seven more
        tokens_ = tokens_ * kFade + static_cast<double>(tokens);
        seconds_ = seconds_ * kFade + seconds;
    }
    // 0 before anything was measured.
    double perSecond() const { return seconds_ > 0 ? tokens_ / seconds_ : 0; }

  private:
    double tokens_ = 0;
    double seconds_ = 0;
};

} // namespace fulgurite
