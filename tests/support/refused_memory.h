// SPDX-License-Identifier: Apache-2.0
// A machine whose memory ends where a test says: the operator new of a program that is built with refused_memory.cpp.
#pragma once

#include <atomic>
#include <cstddef>

namespace fulgurite::test {

struct RefusedMemory {
    // Counts down with every request that it is asked about; the one that finds 0 is refused. -1: none is.
    static inline std::atomic<int> until{-1};
    // Asked about are requests of at least so many bytes,
    static inline std::atomic<std::size_t> smallest{0};
    // and where the first is set, those of threads that have set the second.
    static inline std::atomic<bool> marked_threads_alone{false};
    static inline thread_local bool marked = false;
};

} // namespace fulgurite::test
