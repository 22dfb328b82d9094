// SPDX-License-Identifier: Apache-2.0
// Compiled with -mavx2 -mfma: contains nothing but the loops.
#include "core/probe/capture/loops.inl"

namespace fulgurite::capture {

const Loops& loopsAvx2();

const Loops& loopsAvx2() {
    return kLoops;
}

} // namespace fulgurite::capture
