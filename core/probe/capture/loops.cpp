// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/loops.inl"

namespace fulgurite::capture {

#if defined(__x86_64__)
const Loops& loopsAvx2(); // loops_avx2.cpp
#endif

const Loops& loops() {
#if defined(__x86_64__)
    static const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2) {
        return loopsAvx2();
    }
#endif
    return kLoops;
}

} // namespace fulgurite::capture
