// SPDX-License-Identifier: Apache-2.0
// The commands of the program as plain data, read from the tree that parses the command line. Manual pages and
// shell completions are made from it, so that they cannot differ from what the program accepts.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace fulgurite::app {

struct CommandOption {
    std::vector<std::string> names; // "-m", "--model"; empty for a positional argument
    std::string positional;         // its name, empty for an option
    std::string value;              // what it takes, "TEXT"; empty for a flag
    std::string description;
    std::vector<std::string> choices; // when only these values are accepted
    bool required = false;
    bool repeats = false; // takes several values
};

struct CommandNode {
    std::vector<std::string> path; // names from below the program to this command; empty for the program itself
    std::string description;
    std::string footer; // examples
    std::vector<CommandOption> options;
    std::vector<CommandNode> children; // sub-commands in the order of the help
};

// Hidden options and sub-commands (those without a group) are left out.
CommandNode describeCommands(const CLI::App& program);

} // namespace fulgurite::app
