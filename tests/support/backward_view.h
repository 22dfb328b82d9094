// SPDX-License-Identifier: Apache-2.0
// A device's gradients as if they worked on the host's memory; see device_view.h.
#pragma once

#include "kernels/bf16_products.h"
#include "kernels/device.h"

#include <memory>

namespace fulgurite::test {

// Of the CUDA library. One device at a time; the tables are good until the next call.
const kernels::BackwardOpTable& backwardViewOf(std::shared_ptr<kernels::Device> device);
const kernels::ProductTable& roundedViewOf(std::shared_ptr<kernels::Device> device);

} // namespace fulgurite::test
