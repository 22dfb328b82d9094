// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine completion SHELL`: prints what bash, zsh or fish need to complete the commands and their
// options.
#include "app/engine/command.h"
#include "app/engine/command_tree.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {
namespace {

std::string joined(const std::vector<std::string>& words, const char* separator) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : separator) + word;
    return text;
}

std::string pathOf(const CommandNode& node) {
    return node.path.empty() ? "" : "/" + joined(node.path, "/");
}

// Inside single quotes a shell takes everything as it is, except the quote.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

template <typename Visitor>
void visit(const CommandNode& node, const Visitor& visitor) {
    visitor(node);
    for (const CommandNode& child : node.children)
        visit(child, visitor);
}

// --- bash: finds which command the line is in, then offers its words; values are files unless they are a choice.

std::string bashCases(const CommandNode& program) {
    std::string commands;
    std::string values;
    std::string words;
    visit(program, [&](const CommandNode& node) {
        const std::string path = pathOf(node);
        if (!path.empty())
            commands += (commands.empty() ? "" : "|") + path;
        std::string offered;
        for (const CommandNode& child : node.children)
            offered += child.path.back() + " ";
        for (const CommandOption& option : node.options) {
            offered += joined(option.names, " ") + (option.names.empty() ? "" : " ");
            if (option.value.empty() || option.names.empty())
                continue;
            std::vector<std::string> patterns;
            for (const std::string& name : option.names)
                patterns.push_back(fmt::format("'{} {}'", path, name));
            values +=
                fmt::format("    {}) COMPREPLY=($(compgen -{} '{}' -- \"$word\")); return ;;\n",
                            joined(patterns, "|"), option.choices.empty() ? "f" : "W", joined(option.choices, " "));
        }
        words += fmt::format("    '{}') offered='{}' ;;\n", path, offered);
    });
    return fmt::format(
        "    case $path/${{COMP_WORDS[i]}} in\n      {}) path=$path/${{COMP_WORDS[i]}} ;;\n    esac\n  done\n"
        "  case \"$path ${{COMP_WORDS[COMP_CWORD - 1]}}\" in\n{}  esac\n  case $path in\n{}  esac\n",
        commands, values, words);
}

std::string bash(const CommandNode& program) {
    return "# bash completion for fulgurite-engine\n"
           "_fulgurite_engine() {\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} path= offered= i\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do\n" +
           bashCases(program) +
           "  COMPREPLY=($(compgen -W \"$offered\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -F _fulgurite_engine fulgurite-engine\n";
}

// --- zsh: one function for each command, with the descriptions.

std::string zshName(const CommandNode& node) {
    std::string name = "_fulgurite_engine";
    for (const std::string& part : node.path)
        name += "_" + part;
    for (char& c : name)
        c = c == '-' ? '_' : c;
    return name;
}

// A description inside the brackets of an _arguments specification.
std::string zshText(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\')
            result += '\\';
        result += c;
    }
    return result;
}

std::string zshOption(const CommandOption& option) {
    const std::string action = option.choices.empty() ? "_files" : fmt::format("({})", joined(option.choices, " "));
    if (option.names.empty())
        return quoted(fmt::format("{}:{}:{}", option.repeats ? "*" : "", zshText(option.positional), action)) + " ";
    std::string text;
    for (const std::string& name : option.names) {
        text +=
            quoted(fmt::format("{}{}[{}]{}", option.repeats ? "*" : "", name, zshText(option.description),
                               option.value.empty() ? "" : fmt::format(":{}:{}", zshText(option.value), action))) +
            " ";
    }
    return text;
}

std::string zshFunction(const CommandNode& node) {
    std::string options;
    for (const CommandOption& option : node.options)
        options += zshOption(option);
    if (node.children.empty())
        return fmt::format("{}() {{\n  _arguments -s {}\n}}\n", zshName(node), options);
    std::string commands;
    std::string cases;
    for (const CommandNode& child : node.children) {
        commands += quoted(child.path.back() + ":" + child.description) + " ";
        cases += fmt::format("    {}) {} ;;\n", child.path.back(), zshName(child));
    }
    return fmt::format("{}() {{\n  local line state\n  local -a commands=({})\n"
                       "  _arguments -C {}'1: :->command' '*::argument:->rest'\n"
                       "  case $state in\n  command) _describe command commands ;;\n"
                       "  rest)\n    case $line[1] in\n{}    esac ;;\n  esac\n}}\n",
                       zshName(node), commands, options, cases);
}

std::string zsh(const CommandNode& program) {
    std::string text = "#compdef fulgurite-engine\n";
    visit(program, [&](const CommandNode& node) { text += zshFunction(node); });
    return text + "_fulgurite_engine \"$@\"\n";
}

// --- fish: a condition says which command the line is in.

std::string fish(const CommandNode& program) {
    std::string commands;
    std::string rules;
    visit(program, [&](const CommandNode& node) {
        if (!node.path.empty())
            commands += " " + pathOf(node);
        const std::string head =
            fmt::format("complete -c fulgurite-engine -n \"__fulgurite_in '{}'\"", pathOf(node));
        for (const CommandNode& child : node.children)
            rules += fmt::format("{} -f -a {} -d {}\n", head, child.path.back(), quoted(child.description));
        for (const CommandOption& option : node.options) {
            if (option.names.empty())
                continue;
            rules += head;
            for (const std::string& name : option.names)
                rules += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
            rules += fmt::format(" -d {}{}\n", quoted(option.description),
                                 option.value.empty()     ? ""
                                 : option.choices.empty() ? " -r"
                                                          : " -x -a " + quoted(joined(option.choices, " ")));
        }
    });
    return fmt::format("# fish completion for fulgurite-engine\n"
                       "function __fulgurite_in\n"
                       "  set -l path ''\n"
                       "  for word in (commandline -opc)[2..]\n"
                       "    if contains -- $path/$word{}\n"
                       "      set path $path/$word\n"
                       "    end\n"
                       "  end\n"
                       "  test \"$path\" = \"$argv[1]\"\n"
                       "end\n{}",
                       commands, rules);
}

} // namespace

void addCompletion(CLI::App& app) {
    auto shell = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
    command->add_option("shell", *shell, "The shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command->footer("Example:\n  source <(fulgurite-engine completion bash)");
    command->callback([&app, shell] {
        const CommandNode program = describeCommands(app);
        fmt::print("{}", *shell == "bash" ? bash(program) : *shell == "zsh" ? zsh(program) : fish(program));
    });
}

} // namespace fulgurite::app
