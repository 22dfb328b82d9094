// SPDX-License-Identifier: Apache-2.0
// What a job leaves on the disk: job.json, the record, and log.txt, what it printed.
#pragma once

#include "core/node/job_service.h"

namespace fulgurite::node {

std::int64_t nowMicroseconds();

// Nothing where there is no job, or one that cannot be read.
std::optional<JobRecord> readJobFile(const std::filesystem::path& folder);
// Throws Error{Io}.
void writeJobFile(const JobRecord& record);

JobLog readJobLog(const std::filesystem::path& path, std::optional<std::uint64_t> from, std::size_t limit);
std::string lastLineOf(std::string_view text);

nlohmann::json toJson(const JobRecord& record);

} // namespace fulgurite::node
