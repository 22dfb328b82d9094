// SPDX-License-Identifier: Apache-2.0
// The tables that the tests of gradients hold against the reference: the processor's in one program, a device's in
// another.
#pragma once

#include "kernels/bf16_products.h"

#include <vector>

namespace fulgurite::test {

std::vector<const kernels::BackwardOpTable*> backwardTablesUnderTest();
// Null: there are none here.
const kernels::ProductTable* roundedProductsUnderTest();

} // namespace fulgurite::test
