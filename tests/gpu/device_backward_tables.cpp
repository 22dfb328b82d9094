// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_library.h"
#include "tests/grad/backward_tables.h"
#include "tests/support/backward_view.h"

#include <cstdio>

namespace fulgurite::test {

std::vector<const kernels::BackwardOpTable*> backwardTablesUnderTest() {
    try {
        return {&backwardViewOf(kernels::openCudaDevice(0))};
    } catch (const kernels::DeviceError& error) {
        std::fprintf(stderr, "no device to test: %s\n", error.what());
        return {};
    }
}

const kernels::ProductTable* roundedProductsUnderTest() {
    return &roundedViewOf(kernels::openCudaDevice(0));
}

} // namespace fulgurite::test
