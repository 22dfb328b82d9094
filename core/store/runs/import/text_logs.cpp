// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/text_logs.h"

#include "core/base/error.h"
#include "core/store/runs/import/log_row.h"

namespace fulgurite {

namespace {

constexpr std::string_view verl_data = "data/";
constexpr std::string_view console_separator = " - ";

// verl puts its metrics into a member of their own.
void liftData(LogRow& row) {
    for (LogField& field : row) {
        if (field.name.starts_with(verl_data))
            field.name.erase(0, verl_data.size());
    }
}

bool isVerlRow(const LogRow& row) {
    for (const LogField& field : row) {
        if (field.name != "step" && !field.name.starts_with(verl_data))
            return false;
    }
    return row.size() > 1;
}

} // namespace

void JsonLinesParser::line(std::string_view text, bool whole, LogSink& sink) {
    LogRow row;
    std::size_t consumed = 0;
    const std::string why = readJsonRow(text, row, &consumed);
    const bool rest = text.find_first_not_of(" \t\r", consumed) != std::string_view::npos;
    if (!why.empty() || rest) {
        if (whole)
            sink.skipped(fmt::format("line {} is no JSON object: {}", lineNumber(),
                                     why.empty() ? "there is more behind it" : why));
        return;
    }
    if (isVerlRow(row))
        liftData(row);
    putLogRow(row, lineNumber(), fmt::format("line {}", lineNumber()), sink);
}

void ConsoleParser::line(std::string_view text, bool whole, LogSink& sink) {
    const std::size_t begin = text.find("step:");
    if (begin == std::string_view::npos || (begin > 0 && text[begin - 1] != ' ') || !whole)
        return;
    LogRow row;
    for (std::string_view rest = text.substr(begin); !rest.empty();) {
        const std::size_t end = rest.find(console_separator);
        const std::string_view item = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + console_separator.size());
        const std::size_t colon = item.rfind(':');
        if (colon == std::string_view::npos || colon == 0)
            continue;
        if (const auto number = readLogNumber(item.substr(colon + 1)))
            row.push_back({std::string(item.substr(0, colon)), number, {}});
    }
    // "step:" alone is prose.
    if (row.size() > 1 && row.front().name == "step")
        putLogRow(row, std::nullopt, fmt::format("line {}", lineNumber()), sink);
}

} // namespace fulgurite
