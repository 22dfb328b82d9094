// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine doctor`: what this machine can do and what is missing, in plain words.
#include "app/engine/command.h"
#include "core/base/version.h"

#include <fmt/core.h>

namespace fulgurite::app {

void addDoctor(CLI::App& app) {
    CLI::App* command = app.add_subcommand("doctor", "Say what this machine can do and what is missing");
    command->callback([] { fmt::print("fulgurite-engine {}\n", kVersion); });
}

} // namespace fulgurite::app
