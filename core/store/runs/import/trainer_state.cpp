// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/trainer_state.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/store/runs/import/log_row.h"

namespace fulgurite {

namespace {

constexpr std::string_view history_name = "\"log_history\"";

void skipSpace(std::string_view& text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    text.remove_prefix(begin == std::string_view::npos ? text.size() : begin);
}

bool take(std::string_view& text, char c) {
    skipSpace(text);
    if (!text.starts_with(c))
        return false;
    text.remove_prefix(1);
    return true;
}

// The rows that can be read; `why` says what is wrong behind the last.
std::vector<LogRow> historyOf(std::string_view text, std::string& why) {
    std::vector<LogRow> rows;
    const std::size_t name = text.find(history_name);
    if (name == std::string_view::npos) {
        why = "it has no \"log_history\"";
        return rows;
    }
    text.remove_prefix(name + history_name.size());
    if (!take(text, ':') || !take(text, '[')) {
        why = "\"log_history\" is no list";
        return rows;
    }
    if (take(text, ']'))
        return rows;
    do {
        skipSpace(text);
        LogRow row;
        std::size_t consumed = 0;
        why = readJsonRow(text, row, &consumed);
        if (!why.empty())
            return rows;
        rows.push_back(std::move(row));
        text.remove_prefix(consumed);
    } while (take(text, ','));
    if (!take(text, ']'))
        why = "the list is cut off";
    return rows;
}

std::optional<std::int64_t> stepOf(const LogRow& row) {
    for (const LogField& field : row) {
        if (field.name == "step" && field.number && *field.number >= 0 && *field.number < 9e15)
            return static_cast<std::int64_t>(*field.number);
    }
    return std::nullopt;
}

} // namespace

std::size_t TrainerStateParser::parse(std::string_view bytes, bool end, LogSink& sink) {
    if (!end)
        return 0;
    std::string why;
    const std::vector<LogRow> rows = historyOf(bytes, why);
    if (!why.empty())
        sink.skipped(fmt::format("after {} rows: {}", rows.size(), why));
    std::size_t first = rows_;
    if (rows_ > 0 && (rows.size() < rows_ || stepOf(rows[rows_ - 1]) != last_step_)) {
        first = 0; // another history
        if (!rows.empty())
            sink.rewind(stepOf(rows.front()).value_or(0));
    }
    for (std::size_t i = first; i < rows.size(); ++i)
        putLogRow(rows[i], std::nullopt, fmt::format("row {} of log_history", i), sink);
    rows_ = rows.size();
    last_step_ = rows.empty() ? 0 : stepOf(rows.back()).value_or(0);
    return bytes.size();
}

std::string TrainerStateParser::state() const {
    return fmt::format(R"({{"rows":{},"last_step":{}}})", rows_, last_step_);
}

void TrainerStateParser::restore(const std::string& json) {
    const auto parsed = parseJson(json, "state of an import");
    const JsonField state(parsed, "state of an import", ErrorKind::Corrupt);
    rows_ = state["rows"].count();
    last_step_ = state["last_step"].integer(-run_step_limit, run_step_limit);
}

} // namespace fulgurite
