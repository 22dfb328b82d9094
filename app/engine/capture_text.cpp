// SPDX-License-Identifier: Apache-2.0
#include "app/engine/capture_text.h"

#include "core/base/utf8.h"

#include <cmath>
#include <fmt/format.h>

namespace fulgurite::app {

void addCaptureInput(CLI::App& command, CaptureInput& input) {
    command.add_option("--capture", input.file, "Capture file (inspect capture)")->required();
    command.add_flag("--json", input.json, "One JSON object instead of a table");
}

std::size_t positionIn(const capture::CaptureFile& file, const std::optional<std::size_t>& position) {
    return position.value_or(file.info().tokens - 1);
}

std::string quotedToken(std::string_view bytes) {
    std::string out = "\"";
    while (!bytes.empty()) {
        const std::size_t valid = validUtf8Prefix(bytes);
        for (const char c : bytes.substr(0, valid)) {
            const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f; // moves a terminal's cursor
            out += c == '\n'   ? "\\n"
                   : c == '\t' ? "\\t"
                   : c == '\r' ? "\\r"
                   : control   ? fmt::format("\\x{:02X}", static_cast<unsigned char>(c))
                               : std::string(1, c);
        }
        bytes.remove_prefix(valid);
        if (!bytes.empty()) {
            out += fmt::format("\\x{:02X}", static_cast<unsigned char>(bytes.front()));
            bytes.remove_prefix(1);
        }
    }
    return out + '"';
}

nlohmann::json jsonNumber(double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

std::string figure(double value, int digits) {
    return std::isnan(value) ? "-" : fmt::format("{:.{}g}", value, digits);
}

} // namespace fulgurite::app
