// SPDX-License-Identifier: Apache-2.0
// Replies about runs and jobs. All throw Error{Corrupt} that begins with `where`.
#pragma once

#include "core/client/jobs_client.h"
#include "core/client/runs_client.h"

#include <string>
#include <string_view>

namespace fulgurite::client {

std::vector<RunRecord> readRuns(std::string_view body, const std::string& where);
RunDetail readRunDetail(std::string_view body, const std::string& where);
RunId readRemovedRun(std::string_view body, const std::string& where);
std::vector<SeriesRecord> readSeriesList(std::string_view body, const std::string& where);
SeriesViews readSeriesViews(std::string_view body, const std::string& where);
SeriesTails readSeriesTails(std::string_view body, const std::string& where);
std::vector<StepMark> readMarks(std::string_view body, const std::string& where);
std::vector<std::pair<std::int64_t, std::int64_t>> readSampleSteps(std::string_view body, const std::string& where);
std::vector<RunSample> readSamples(std::string_view body, const std::string& where);
RunSample readSample(std::string_view body, const std::string& where);
std::vector<std::pair<SeriesId, std::int64_t>> readLastHistograms(std::string_view body, const std::string& where);
std::vector<StepHistogram> readHistograms(std::string_view body, const std::string& where);
std::string runEditBody(const RunEdit& edit);

JobList readJobs(std::string_view body, const std::string& where);
NodeJob readNodeJob(std::string_view body, const std::string& where);
JobLogPiece readJobLog(std::string_view body, const std::string& where);
std::int64_t readRemovedJob(std::string_view body, const std::string& where);

} // namespace fulgurite::client
