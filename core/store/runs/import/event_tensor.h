// SPDX-License-Identifier: Apache-2.0
// What stands inside an event: tensors, histograms, hyper-parameters.
#pragma once

#include "core/store/runs/run_types.h"

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

struct EventTensor {
    bool numeric = false;
    std::vector<std::int64_t> shape;
    std::vector<double> values; // row-major
};

// Values of tensors of more than a million elements are left out, and a single value that stands for all of a large
// one stays single.
EventTensor readEventTensor(std::string_view bytes);
// Of shape [k, 3]: left, right, count.
std::vector<HistogramBucket> histogramOf(const EventTensor& tensor);
std::vector<HistogramBucket> readOldHistogram(std::string_view bytes);
// A JSON object of the session's hyper-parameters; empty when there are none.
std::string readHyperParameters(std::string_view plugin_content);

} // namespace fulgurite
