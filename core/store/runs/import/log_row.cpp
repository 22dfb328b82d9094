// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/log_row.h"

#include "core/base/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace fulgurite {

namespace {

// In the order of preference.
constexpr std::array<std::string_view, 14> step_names{
    "step",       "_step",        "global_step",           "training/global_step", "train/global_step", "iteration",
    "train/step", "rollout/step", "global_step/max_steps", "trainer/global_step",  "training_step",     "eval/step",
    "Step",       "train_step"};
constexpr std::array<std::string_view, 6> time_names{"time",      "_timestamp", "timestamp",
                                                     "wall_time", "Wall time",  "wall_us"};
constexpr std::array<std::string_view, 5> token_names{"num_tokens", "num_input_tokens_seen", "data.tokens",
                                                      "train/num_tokens", "progress/total_tokens"};

template <std::size_t N>
bool isOneOf(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool equalIgnoringCase(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// A number, or the first of "12/500".
std::optional<std::int64_t> stepOf(const LogField& field) {
    double value = std::numeric_limits<double>::quiet_NaN();
    if (field.number)
        value = *field.number;
    else if (const auto slash = field.text.find('/'); slash != std::string::npos)
        value = readLogNumber(std::string_view(field.text).substr(0, slash)).value_or(value);
    if (!(std::abs(value) <= static_cast<double>(run_step_limit)) || value != std::floor(value))
        return std::nullopt;
    return static_cast<std::int64_t>(value);
}

const LogField* stepField(const LogRow& row) {
    for (const std::string_view name : step_names) {
        for (const LogField& field : row) {
            if (field.name == name)
                return &field;
        }
    }
    return nullptr;
}

} // namespace

bool isStepName(std::string_view name) {
    return isOneOf(step_names, name);
}

std::optional<double> readLogNumber(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    if (text.starts_with("np.float") && text.ends_with(')')) {
        const std::size_t open = text.find('(');
        if (open == std::string_view::npos)
            return std::nullopt;
        text = text.substr(open + 1, text.size() - open - 2);
    }
    if (text.starts_with('+'))
        text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = end == text.data() + text.size() && !text.empty();
    if (error == std::errc() && whole)
        return value; // "nan", "inf" and "infinity" among them, in any case
    if (error == std::errc::result_out_of_range && whole)
        return text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos
                   ? 0.0
                   : std::copysign(std::numeric_limits<double>::infinity(), text.front() == '-' ? -1.0 : 1.0);
    return equalIgnoringCase(text, "none") || equalIgnoringCase(text, "null")
               ? std::optional(std::numeric_limits<double>::quiet_NaN())
               : std::nullopt;
}

std::optional<Microseconds> readLogTime(double value) {
    constexpr double least = 1e8; // 1973, in seconds
    if (!(value >= least && value < 1e16))
        return std::nullopt;
    const double factor = value < 1e11 ? 1e6 : value < 1e14 ? 1e3 : 1;
    return static_cast<Microseconds>(value * factor);
}

std::optional<std::int64_t> putLogRow(const LogRow& row, std::optional<std::int64_t> otherwise_step,
                                      std::string_view where, LogSink& sink) {
    const LogField* named = stepField(row);
    const std::optional<std::int64_t> step = named ? stepOf(*named) : otherwise_step;
    if (!step) {
        sink.skipped(fmt::format("{}: {}", where, named ? "the step is no whole number" : "there is no step"));
        return std::nullopt;
    }
    StepMark mark;
    mark.step = *step;
    for (const LogField& field : row) {
        if (!field.number || isStepName(field.name))
            continue;
        if (isOneOf(time_names, field.name)) {
            mark.wall_us = readLogTime(*field.number);
            if (mark.wall_us)
                continue; // else a metric that happens to be called "time"
        }
        if (field.name == "epoch") {
            mark.epoch = field.number;
            continue;
        }
        if (isOneOf(token_names, field.name) && *field.number >= 0 && *field.number < 9e18)
            mark.tokens = static_cast<std::int64_t>(*field.number);
        sink.value(field.name, *step, *field.number);
    }
    if (mark.wall_us || mark.tokens || mark.epoch)
        sink.mark(mark);
    return step;
}

} // namespace fulgurite
