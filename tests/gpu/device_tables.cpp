// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_library.h"
#include "tests/parity/kernel_tables.h"
#include "tests/support/device_view.h"

#include <cstdio>

namespace fulgurite::test {

std::vector<const kernels::OpTable*> tablesUnderTest() {
    try {
        return {&viewOf(kernels::openCudaDevice(0), kernels::Precision::Exact)};
    } catch (const kernels::DeviceError& error) {
        std::fprintf(stderr, "no device to test: %s\n", error.what());
        return {};
    }
}

} // namespace fulgurite::test
