// SPDX-License-Identifier: Apache-2.0
// `serve --config FILE`: the options of the command line as one JSON object. What the command line says wins. The
// file is read again on SIGHUP.
#pragma once

#include "app/engine/serve_options.h"

#include <CLI/CLI.hpp>

#include <map>
#include <string>
#include <vector>

namespace fulgurite::app {

// What was typed: values by option ("--listen").
using TypedOptions = std::map<std::string, std::vector<std::string>>;

TypedOptions typedOptions(const CLI::App& command);

// {"listen":"0.0.0.0:8080","tls":true,"share-folder":["/srv/texts"]}: names without the dashes in front. An empty
// file name is an empty object. Throws Error{InvalidInput | Io} that names file and key, with the nearest name for
// one that nobody knows.
ServeOptions readServeOptions(const TypedOptions& typed, const std::string& file);

// Names of the options that differ and are only read at the start.
std::vector<std::string> needRestart(const ServeOptions& running, const ServeOptions& wanted);

} // namespace fulgurite::app
