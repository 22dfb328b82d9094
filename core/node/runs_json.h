// SPDX-License-Identifier: Apache-2.0
// Runs as JSON, as docs/protocol.md has it. JSON knows neither NaN nor infinities: NaN is null, the others are the
// strings "inf" and "-inf"; "nan" is read as well.
#pragma once

#include "core/node/object_reader.h"
#include "core/store/runs/run_reader.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace fulgurite::node {

nlohmann::json numberJson(double value);
// Throws ApiError 400 that names `path`.
double readNumber(const nlohmann::json& value, const std::string& path);

nlohmann::json toJson(const RunRecord& run);
nlohmann::json toJson(const SeriesRecord& series);
nlohmann::json toJson(const StepMark& mark);
nlohmann::json toJson(const SeriesView& view); // columns as lists, to be short
nlohmann::json toJson(const RunSample& sample, bool with_tokens);
nlohmann::json toJson(const std::vector<HistogramBucket>& buckets); // as lists of left, right, count

NewRun readNewRun(ObjectReader& reader);
RunSample readSample(const nlohmann::json& value, const std::string& path);
RunStatus readStatus(const std::string& name);
std::vector<std::string> readTags(const nlohmann::json& list);

} // namespace fulgurite::node
