// SPDX-License-Identifier: Apache-2.0
// The tables that test_kernels.cpp holds against the reference: the processor's in one program, a device's in
// another.
#pragma once

#include "kernels/ops.h"

#include <vector>

namespace fulgurite::test {

std::vector<const kernels::OpTable*> tablesUnderTest();

} // namespace fulgurite::test
