// SPDX-License-Identifier: Apache-2.0
#include "app/engine/command_tree.h"

namespace fulgurite::app {
namespace {

// "TEXT:{bash,zsh,fish}" names the values that a validator accepts.
std::vector<std::string> choicesOf(const std::string& type) {
    const std::size_t open = type.find('{');
    const std::size_t close = type.find('}', open);
    std::vector<std::string> choices;
    if (open == std::string::npos || close == std::string::npos)
        return choices;
    std::string choice;
    for (const char c : type.substr(open + 1, close - open - 1)) {
        if (c == ',') {
            choices.push_back(std::move(choice));
            choice.clear();
        } else if (c != ' ') {
            choice += c;
        }
    }
    choices.push_back(std::move(choice));
    for (std::string& each : choices)
        each = each.substr(0, each.find("->")); // a validator that maps names to values lists both
    return choices;
}

CommandOption describeOption(const CLI::Option& option) {
    CommandOption result;
    for (const std::string& name : option.get_snames())
        result.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames())
        result.names.push_back("--" + name);
    if (result.names.empty())
        result.positional = option.get_name(true);
    const std::string type = option.get_type_name();
    if (option.get_items_expected_max() > 0 && option.get_type_size_max() > 0) {
        result.choices = choicesOf(type);
        result.value = result.choices.empty() ? type.substr(0, type.find(':')) : "";
        for (const std::string& choice : result.choices)
            result.value += (result.value.empty() ? "" : "|") + choice;
        if (result.value.empty())
            result.value = "VALUE";
    }
    result.description = option.get_description();
    result.required = option.get_required();
    result.repeats = option.get_items_expected_max() > 1;
    return result;
}

CommandNode describe(const CLI::App& command, std::vector<std::string> path) {
    CommandNode node;
    node.path = std::move(path);
    node.description = command.get_description();
    node.footer = command.get_footer();
    for (const CLI::Option* option :
         command.get_options([](const CLI::Option* each) { return !each->get_group().empty(); }))
        node.options.push_back(describeOption(*option));
    for (const CLI::App* child :
         command.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
        std::vector<std::string> child_path = node.path;
        child_path.push_back(child->get_name());
        node.children.push_back(describe(*child, std::move(child_path)));
    }
    return node;
}

} // namespace

CommandNode describeCommands(const CLI::App& program) {
    return describe(program, {});
}

} // namespace fulgurite::app
