// SPDX-License-Identifier: Apache-2.0
#include "tests/parity/kernel_tables.h"

namespace fulgurite::test {

std::vector<const kernels::OpTable*> tablesUnderTest() {
    std::vector<const kernels::OpTable*> tables;
    for (const kernels::CpuLevel level : {kernels::CpuLevel::Avx2, kernels::CpuLevel::Avx512}) {
        if (kernels::isSupported(level)) {
            tables.push_back(&kernels::cpuOps(level));
        }
    }
    return tables;
}

} // namespace fulgurite::test
