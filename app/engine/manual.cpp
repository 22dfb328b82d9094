// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine manual`: writes a manual page for the program and for each command, from the command line's own
// tree.
#include "app/engine/command.h"
#include "app/engine/command_tree.h"
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/version.h"

#include <filesystem>
#include <fmt/core.h>
#include <memory>
#include <utility>

namespace fulgurite::app {
namespace {

constexpr const char* kProgram = "fulgurite-engine";

std::string joined(const CommandNode& node, char separator) {
    std::string name = kProgram;
    for (const std::string& part : node.path)
        name += separator + part;
    return name;
}

// What roff would take for markup: a backslash anywhere, a dot or quote at the start of a line, a minus that is
// one.
std::string roff(const std::string& text) {
    std::string result;
    bool line_start = true;
    for (const char c : text) {
        if (line_start && (c == '.' || c == '\''))
            result += "\\&";
        if (c == '\\')
            result += "\\e";
        else if (c == '-')
            result += "\\-";
        else
            result += c;
        line_start = c == '\n';
    }
    return result;
}

std::string synopsis(const CommandNode& node) {
    std::string text = fmt::format(".B {}\n", roff(joined(node, ' ')));
    for (const CommandOption& option : node.options) {
        if (!option.required && option.positional.empty())
            continue;
        const std::string what =
            option.positional.empty()
                ? fmt::format("\\fB{}\\fR \\fI{}\\fR", roff(option.names.back()), roff(option.value))
                : fmt::format("\\fI{}\\fR{}", roff(option.positional), option.repeats ? " ..." : "");
        text += option.required ? what + "\n" : fmt::format("[{}]\n", what);
    }
    text += "[\\fIoptions\\fR]\n";
    if (!node.children.empty())
        text += "\\fIcommand\\fR ...\n";
    return text;
}

std::string optionHeading(const CommandOption& option) {
    if (!option.positional.empty())
        return fmt::format("\\fI{}\\fR", roff(option.positional));
    std::string heading;
    for (const std::string& name : option.names)
        heading += (heading.empty() ? "\\fB" : ", \\fB") + roff(name) + "\\fR";
    return option.value.empty() ? heading : fmt::format("{} \\fI{}\\fR", heading, roff(option.value));
}

std::string optionSection(const CommandNode& node) {
    std::string text = ".SH OPTIONS\n";
    for (const CommandOption& option : node.options) {
        text += fmt::format(".TP\n{}\n{}{}\n", optionHeading(option),
                            roff(option.description.empty() ? "See the examples." : option.description),
                            option.required ? " (required)" : "");
    }
    return text;
}

std::string commandSection(const CommandNode& node) {
    std::string text = ".SH COMMANDS\nEach has a manual page of its own.\n";
    for (const CommandNode& child : node.children)
        text += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", roff(joined(child, '-')), roff(child.description));
    return text;
}

// Where to go from a page: the page above, and the program's.
std::string seeAlso(const CommandNode& node) {
    std::string text = ".SH SEE ALSO\n";
    if (node.path.empty())
        return text + ".BR fulgurite (1)\n";
    CommandNode above;
    for (above.path = node.path; !above.path.empty();) {
        above.path.pop_back();
        text += fmt::format(".BR {} (1){}\n", roff(joined(above, '-')), above.path.empty() ? "" : ",");
    }
    return text;
}

// The help ends with what there is to know and then "Example:" or "Examples:" with command lines.
std::pair<std::string, std::string> notesAndExamples(const std::string& footer) {
    const std::size_t heading = footer.find("Example");
    const std::size_t line = heading == std::string::npos ? heading : footer.find('\n', heading);
    if (line == std::string::npos)
        return {footer, ""};
    const std::size_t last = footer.find_last_not_of('\n', heading == 0 ? 0 : heading - 1);
    return {heading == 0 ? "" : footer.substr(0, last + 1), footer.substr(line + 1)};
}

std::string page(const CommandNode& node) {
    const auto [notes, examples] = notesAndExamples(node.footer);
    std::string text =
        fmt::format(".TH \"{}\" 1 \"\" \"Fulgurite {}\" \"Fulgurite\"\n.SH NAME\n{} \\- {}\n",
                    roff(joined(node, '-')), kVersion, roff(joined(node, '-')), roff(node.description));
    text += ".SH SYNOPSIS\n" + synopsis(node) + ".SH DESCRIPTION\n" + roff(node.description) + ".\n";
    if (!node.children.empty())
        text += commandSection(node);
    if (!node.options.empty())
        text += optionSection(node);
    if (!notes.empty())
        text += fmt::format(".SH NOTES\n.nf\n{}\n.fi\n", roff(notes));
    if (!examples.empty())
        text += fmt::format(".SH EXAMPLES\n.nf\n{}\n.fi\n", roff(examples));
    text += ".SH EXIT STATUS\n0 when it did what was asked, 1 when it failed (the message says what and where), 2 "
            "when the command line is "
            "wrong, 130 when interrupted.\n";
    return text + seeAlso(node);
}

void writePages(const CommandNode& node, const std::filesystem::path& folder) {
    writeFileAtomically(folder / (joined(node, '-') + ".1"), page(node));
    for (const CommandNode& child : node.children)
        writePages(child, folder);
}

} // namespace

void addManual(CLI::App& app) {
    auto folder = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("manual", "Write the manual pages of all commands into a folder");
    command->add_option("--out", *folder, "Folder, made when missing")->required();
    command->footer("Example:\n  fulgurite-engine manual --out ~/.local/share/man/man1");
    command->callback([&app, folder] {
        std::filesystem::create_directories(*folder);
        writePages(describeCommands(app), *folder);
    });
}

} // namespace fulgurite::app
