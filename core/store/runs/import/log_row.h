// SPDX-License-Identifier: Apache-2.0
// One row of named values, as most logs write them, and what its names mean: which is the step, which the clock,
// which the tokens read so far, which are metrics.
#pragma once

#include "core/store/runs/import/log_sink.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

struct LogField {
    std::string name;
    std::optional<double> number; // NaN also where the log says null
    std::string text;             // when it is no number
};

using LogRow = std::vector<LogField>;

// Reads a JSON object; the names of members of members are joined by "/". Bare NaN, Infinity and -Infinity are
// numbers, as Python writes them; lists and truth values are left out. Returns why it is no such object, empty when
// all is well; then bytes after the object are the caller's: `consumed` tells where they begin.
std::string readJsonRow(std::string_view text, LogRow& row, std::size_t* consumed = nullptr);

// Passes a row on. `otherwise_step` is its step when it names none. Returns the step; nothing when the step cannot
// be used, which the sink was told.
std::optional<std::int64_t> putLogRow(const LogRow& row, std::optional<std::int64_t> otherwise_step,
                                      std::string_view where, LogSink& sink);

// "0.5", "1e-3", "nan", "-inf", "np.float64(0.5)"; nothing for anything else.
std::optional<double> readLogNumber(std::string_view text);

// Seconds, milliseconds or microseconds since 1970 by their size; nothing for what is none of them.
std::optional<Microseconds> readLogTime(double value);

bool isStepName(std::string_view name);

} // namespace fulgurite
