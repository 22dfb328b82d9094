// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/csv_log.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/store/runs/import/log_row.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

namespace fulgurite {

namespace {

constexpr std::size_t most_columns = 20'000;
constexpr std::string_view run_separator = " - ";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

template <std::size_t N>
int columnOf(const std::vector<std::string>& columns, const std::array<const char*, N>& names) {
    for (const char* name : names) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (lower(columns[i]) == name)
                return static_cast<int>(i);
        }
    }
    return -1;
}

char separatorOf(std::string_view header) {
    char best = ',';
    for (const char c : {',', ';', '\t'}) {
        if (std::count(header.begin(), header.end(), c) > std::count(header.begin(), header.end(), best))
            best = c;
    }
    return best;
}

} // namespace

std::string CsvParser::place() const {
    return fmt::format("line {}", lineNumber());
}

// Nothing when a quote is not closed.
std::optional<std::vector<std::string>> CsvParser::cellsOf(std::string_view text) const {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            cells.back().push_back(c);
            ++i;
        } else if (c == '"' && (quoted || cells.back().empty())) {
            quoted = !quoted;
        } else if (c == separator_ && !quoted) {
            cells.emplace_back();
        } else {
            cells.back().push_back(c);
        }
    }
    return quoted ? std::nullopt : std::optional(std::move(cells));
}

void CsvParser::readHeader(std::string_view text, LogSink& sink) {
    if (text.starts_with(byte_order_mark))
        text.remove_prefix(byte_order_mark.size());
    separator_ = separatorOf(text);
    auto cells = cellsOf(text);
    if (!cells || cells->size() < 2 || cells->size() > most_columns) {
        sink.skipped(fmt::format("{} is no header of a table with 2 to {} columns", place(), most_columns));
        return;
    }
    header_ = text;
    columns_ = std::move(*cells);
    step_ = columnOf(columns_, std::array{"step", "_step", "global_step", "trainer/global_step", "iteration"});
    metric_ = columnOf(columns_, std::array{"metric", "tag", "key", "name"});
    value_ = columnOf(columns_, std::array{"value"});
    run_ = columnOf(columns_, std::array{"run", "run_name", "run name"});
    time_ = columnOf(columns_, std::array{"time", "timestamp", "wall time", "wall_time"});
    long_ = value_ >= 0 && step_ >= 0 && (metric_ >= 0 || columns_.size() <= 3);
    runs_in_names_ =
        !long_ && step_ == 0 && std::all_of(columns_.begin() + 1, columns_.end(), [](const std::string& name) {
            return name.find(run_separator) != std::string::npos;
        });
}

void CsvParser::line(std::string_view text, bool whole, LogSink& sink) {
    if (header_.empty()) {
        if (whole)
            readHeader(text, sink);
        return;
    }
    const auto cells = cellsOf(text);
    if (!cells || cells->size() != columns_.size()) {
        if (whole)
            sink.skipped(fmt::format("{} has not the {} cells of the header", place(), columns_.size()));
        return;
    }
    if (long_)
        longRow(*cells, sink);
    else
        wideRow(*cells, sink);
}

void CsvParser::longRow(const std::vector<std::string>& cells, LogSink& sink) {
    const auto cell = [&](int column) -> std::string_view {
        return column < 0 ? std::string_view() : std::string_view(cells[static_cast<std::size_t>(column)]);
    };
    if (cell(value_).empty())
        return;
    const auto value = readLogNumber(cell(value_));
    if (!value) {
        sink.skipped(fmt::format("{}: the value is no number", place()));
        return;
    }
    LogRow row;
    row.push_back({"step", readLogNumber(cell(step_)), std::string(cell(step_))});
    if (const auto time = readLogNumber(cell(time_)); time && readLogTime(*time))
        row.push_back({"time", time, {}});
    row.push_back({metric_ < 0 ? value_name_ : std::string(cell(metric_)), value, {}});
    if (run_ >= 0)
        sink.selectRun(cell(run_));
    putLogRow(row, std::nullopt, place(), sink);
}

void CsvParser::wideRow(const std::vector<std::string>& cells, LogSink& sink) {
    std::map<std::string, LogRow> rows; // by run; "" where the names have none
    const LogField step{"step", step_ < 0 ? std::nullopt : readLogNumber(cells[static_cast<std::size_t>(step_)]),
                        step_ < 0 ? "" : cells[static_cast<std::size_t>(step_)]};
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (cells[i].empty() || columns_[i].empty() || static_cast<int>(i) == step_)
            continue;
        std::string run;
        std::string name = columns_[i];
        if (runs_in_names_) {
            if (name.ends_with("__MIN") || name.ends_with("__MAX"))
                continue;
            const std::size_t at = name.find(run_separator);
            run = name.substr(0, at);
            name.erase(0, at + run_separator.size());
        }
        const auto number = readLogNumber(cells[i]);
        if (!number)
            continue; // a column of words
        if (static_cast<int>(i) == time_ && readLogTime(*number))
            name = "time";
        rows[run].push_back({std::move(name), number, {}});
    }
    for (auto& [run, row] : rows) {
        if (step_ >= 0)
            row.push_back(step);
        if (runs_in_names_)
            sink.selectRun(run);
        putLogRow(row, lineNumber() - 1, place(), sink); // the header is line 1
    }
}

std::string CsvParser::ownState() const {
    return fmt::format(R"(,"header":{})",
                       dumpJson(nlohmann::json(header_)));
}

void CsvParser::restoreOwn(const std::string& json) {
    struct Silent final : LogSink {
        void selectRun(std::string_view) override {}
        void value(std::string_view, std::int64_t, double) override {}
        void mark(const StepMark&) override {}
        void histogram(std::string_view, std::int64_t, std::vector<HistogramBucket>) override {}
        void sample(RunSample) override {}
        void config(const std::string&) override {}
        void rewind(std::int64_t) override {}
        void skipped(const std::string&) override {}
    } silent;
    const auto parsed = parseJson(json, "state of an import");
    const std::string header = JsonField(parsed, "state of an import", ErrorKind::Corrupt)["header"].string();
    if (!header.empty())
        readHeader(header, silent);
}

} // namespace fulgurite
