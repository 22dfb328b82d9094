// SPDX-License-Identifier: Apache-2.0
#include "tests/support/refused_memory.h"

#include <cstdlib>
#include <new>

namespace {

bool refuses(std::size_t size) {
    using Refused = fulgurite::test::RefusedMemory;
    if (size < Refused::smallest || (Refused::marked_threads_alone && !Refused::marked) || Refused::until.load() < 0 ||
        Refused::until.fetch_sub(1) != 0) {
        return false;
    }
    Refused::until = -1;
    return true;
}

} // namespace

// Not inlined: the compiler would take malloc and delete for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    void* memory = refuses(size) ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
