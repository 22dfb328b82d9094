// SPDX-License-Identifier: Apache-2.0
// How the parts of `inspect` that read a capture print what they find.
#pragma once

#include "core/probe/capture/capture_file.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>

namespace fulgurite::app {

// --capture FILE and --json, which all of them have.
struct CaptureInput {
    std::string file;
    bool json = false;
};
void addCaptureInput(CLI::App& command, CaptureInput& input);

// The position asked for, or the last token.
std::size_t positionIn(const capture::CaptureFile& file, const std::optional<std::size_t>& position);

// A token's text in quotes on one line; what is no character is shown as \xNN.
std::string quotedToken(std::string_view bytes);

// JSON knows no NaN and no infinity: null.
nlohmann::json jsonNumber(double value);
// At most `digits` significant digits; "-" for NaN.
std::string figure(double value, int digits = 4);

} // namespace fulgurite::app
