// SPDX-License-Identifier: Apache-2.0
// Entry point of the head-less program: parses the command line and hands over to one sub-command.
#include "app/engine/command.h"
#include "core/base/error.h"
#include "core/base/version.h"

#include <cstdio>
#include <exception>
#include <fmt/core.h>

namespace {

int report(const std::exception& error) {
    fmt::print(stderr, "fulgurite-engine: {}\n", error.what());
    return fulgurite::app::kExitFailure;
}

// The parser reads "-1" as the largest unsigned number: a count or a position that is below 0 is a mistake.
void refuseNegatives(CLI::App& app) {
    for (CLI::Option* option : app.get_options()) {
        if (option->get_type_name().starts_with("UINT")) {
            option->check([](const std::string& value) {
                return value.starts_with('-') ? value + " is below 0" : std::string();
            });
        }
    }
    for (CLI::App* command : app.get_subcommands({})) {
        refuseNegatives(*command);
    }
}

} // namespace

int main(int argc, char** argv) {
    using namespace fulgurite;
    CLI::App app("Fulgurite engine: runs, serves and measures hybrid lightning-attention MoE models",
                 "fulgurite-engine");
    app.set_version_flag("--version", kVersion);
    app.require_subcommand(1);
    app::addRun(app);
    app::addChat(app);
    app::addServe(app);
    app::addToken(app);
    app::addTokenize(app);
    app::addScore(app);
    app::addTrain(app);
    app::addImportRun(app);
    app::addInspect(app);
    app::addCascade(app);
    app::addEmbed(app);
    app::addIndex(app);
    app::addQuery(app);
    app::addEval(app);
    app::addBench(app);
    app::addConvert(app);
    app::addDoctor(app);
    app::addManual(app);
    app::addCompletion(app);
    refuseNegatives(app);
    try {
        app.parse(argc, argv);
        return app::kExitOk;
    } catch (const CLI::RuntimeError& error) { // a command that sets its own exit status
        return error.get_exit_code();
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? app::kExitOk : app::kExitUsage;
    } catch (const Error& error) {
        return report(error);
    } catch (const std::exception& error) {
        return report(error);
    }
}
