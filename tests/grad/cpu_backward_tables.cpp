// SPDX-License-Identifier: Apache-2.0
#include "tests/grad/backward_tables.h"

namespace fulgurite::test {

std::vector<const kernels::BackwardOpTable*> backwardTablesUnderTest() {
    std::vector<const kernels::BackwardOpTable*> tables;
    for (const kernels::CpuLevel level : {kernels::CpuLevel::Avx2, kernels::CpuLevel::Avx512}) {
        if (kernels::isSupported(level)) {
            tables.push_back(&kernels::cpuBackwardOps(level));
        }
    }
    return tables;
}

const kernels::ProductTable* roundedProductsUnderTest() {
    return kernels::cpuBf16Products();
}

} // namespace fulgurite::test
