// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/run_types.h"

#include "core/base/error.h"

#include <array>
#include <utility>

namespace fulgurite {

namespace {

constexpr std::array<std::pair<RunStatus, const char*>, 5> status_names{{{RunStatus::Running, "running"},
                                                                         {RunStatus::Finished, "finished"},
                                                                         {RunStatus::Failed, "failed"},
                                                                         {RunStatus::Stopped, "stopped"},
                                                                         {RunStatus::Paused, "paused"}}};

} // namespace

void requireRunStep(std::int64_t step) {
    if (step < -run_step_limit || step > run_step_limit)
        fail(ErrorKind::InvalidInput, "step {} is outside of {} to {}", step, -run_step_limit, run_step_limit);
}

const char* nameOf(RunStatus status) {
    for (const auto& [value, name] : status_names) {
        if (value == status)
            return name;
    }
    return "unknown";
}

std::optional<RunStatus> runStatusNamed(const std::string& name) {
    for (const auto& [value, text] : status_names) {
        if (name == text)
            return value;
    }
    return std::nullopt;
}

} // namespace fulgurite
