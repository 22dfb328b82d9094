// SPDX-License-Identifier: Apache-2.0
// A device's operations as if they worked on the host's memory: every call copies its inputs over, fills its
// outputs with NaN, runs, and copies back what the operation may write, so that the tests of the processor's
// kernels test a device's as they are. Memory beside an output must still be NaN afterwards.
#pragma once

#include "kernels/device.h"

#include <memory>

namespace fulgurite::test {

// One device at a time; the table is good until the next call.
const kernels::OpTable& viewOf(std::shared_ptr<kernels::Device> device, kernels::Precision precision);

} // namespace fulgurite::test
