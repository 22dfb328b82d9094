// SPDX-License-Identifier: Apache-2.0
#define FG_LOOPS_NAME "any processor"
#include "core/retrieval/raw_loops.inl"

#include "core/retrieval/all_raw_loops.h"

#include <vector>

namespace fulgurite::retrieval {

#if defined(__x86_64__)
const RawLoops& rawLoopsAvx2();   // raw_loops_avx2.cpp
const RawLoops& rawLoopsAvx512(); // raw_loops_avx512.cpp
#endif

// Slowest first.
std::span<const RawLoops* const> allRawLoops() {
    static const std::vector<const RawLoops*> all = [] {
        std::vector<const RawLoops*> found{&kLoops};
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
            found.push_back(&rawLoopsAvx2());
            if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512dq")) {
                found.push_back(&rawLoopsAvx512());
            }
        }
#endif
        return found;
    }();
    return all;
}

const RawLoops& rawLoops() {
    return *allRawLoops().back();
}

} // namespace fulgurite::retrieval
