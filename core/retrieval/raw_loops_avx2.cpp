// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of one instruction set: contains nothing but the loops.
#define FG_LOOPS_NAME "AVX2"
#include "core/retrieval/raw_loops.inl"

namespace fulgurite::retrieval {

const RawLoops& rawLoopsAvx2();

const RawLoops& rawLoopsAvx2() {
    return kLoops;
}

} // namespace fulgurite::retrieval
