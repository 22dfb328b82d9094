// SPDX-License-Identifier: Apache-2.0
// The inner loops of a search over raw vectors, for every processor and for those with AVX2 and AVX-512. As with
// the kernels, files compiled with instruction-set flags contain nothing else.
#pragma once

#include <cstddef>

namespace fulgurite::retrieval {

struct RawLoops {
    const char* name;
    // row . query and row . row, summed in double in eight parts, whatever the processor.
    void (*products)(const float* row, const float* query, std::size_t dim, double* with_query,
                     double* with_itself);
    // sum[d] += scale * row[d].
    void (*add)(const float* row, std::size_t dim, double scale, double* sum);
};

// The fastest that this processor runs; chosen once.
const RawLoops& rawLoops();

} // namespace fulgurite::retrieval
