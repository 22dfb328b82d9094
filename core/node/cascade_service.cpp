// SPDX-License-Identifier: Apache-2.0
#include "core/node/cascade_service.h"

#include <system_error>

namespace fulgurite::node {

CascadeService::CascadeService(const CascadeServiceOptions& options)
    : libraries_({.data = options.data, .encoders = options.encoders, .threads = options.threads}) {
    std::error_code ignored;
    if (!options.samples.empty() && std::filesystem::is_directory(options.samples, ignored) &&
        libraries_.libraries().empty() && !libraries_.encoders().list().empty()) {
        sample_library_ = libraries_.create("Sample scenes", {options.samples.string()});
        libraries_.scan(sample_library_, cascade::ScanAction::Start);
    }
}

} // namespace fulgurite::node
