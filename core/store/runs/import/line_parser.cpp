// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/line_parser.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"

namespace fulgurite {

std::size_t LineParser::parse(std::string_view bytes, bool end, LogSink& sink) {
    std::size_t at = 0;
    for (;;) {
        const std::size_t newline = bytes.find('\n', at);
        if (newline == std::string_view::npos)
            break;
        std::string_view text = bytes.substr(at, newline - at);
        if (text.ends_with('\r'))
            text.remove_suffix(1);
        if (!skipping_ && !text.empty())
            line(text, true, sink);
        skipping_ = false;
        ++lines_;
        at = newline + 1;
    }
    const std::string_view rest = bytes.substr(at);
    if (rest.size() >= longest_log_record && !skipping_) {
        skipping_ = true;
        sink.skipped(fmt::format("line {} is longer than {} MiB and is no record of a log", lineNumber(),
                                 longest_log_record >> 20));
    }
    if (skipping_)
        return bytes.size();
    if (end && !rest.empty())
        line(rest, false, sink);
    return at;
}

std::string LineParser::state() const {
    return fmt::format(R"({{"lines":{},"skipping":{}{}}})", lines_, skipping_, ownState());
}

void LineParser::restore(const std::string& json) {
    const auto parsed = parseJson(json, "state of an import");
    const JsonField state(parsed, "state of an import", ErrorKind::Corrupt);
    lines_ = static_cast<std::int64_t>(state["lines"].count());
    skipping_ = state["skipping"].boolean();
    restoreOwn(json);
}

} // namespace fulgurite
