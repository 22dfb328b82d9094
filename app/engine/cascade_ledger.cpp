// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine cascade ledger`: what encoding and searching a library has cost, as the window shows it.
#include "app/engine/cascade.h"
#include "app/engine/cascade_library.h"
#include "core/base/json.h"
#include "core/node/cascade_json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace fulgurite::app {

namespace {

struct LedgerOptions {
    LibraryOptions common;
    std::size_t entries = 20;
};

void printTable(const std::string& name, const nlohmann::json& ledger) {
    fmt::print("{}: {} pictures, {} queries\n{:<18} {:>9} {:>10} {:>10} {:>11} {:>8}\n", name,
               ledger["images"].get<std::size_t>(), ledger["queries"].get<std::size_t>(), "encoder", "encoded",
               "seconds", "ms each", "GFLOP", "touched");
    for (const nlohmann::json& stage : ledger["stages"]) {
        const auto encoded = stage["encoded"].get<double>();
        const auto seconds = stage["seconds"].get<double>();
        fmt::print("{:<18} {:>9.0f} {:>10.3f} {:>10.3f} {:>11.3f} {:>8.4f}\n", stage["encoder"].get<std::string>(),
                   encoded, seconds, encoded > 0 ? seconds / encoded * 1e3 : 0, stage["flops"].get<double>() / 1e9,
                   stage["touched"].get<double>());
    }
    for (const auto& [unit, title] : {std::pair{"seconds", "time"}, {"flops", "operations"}}) {
        fmt::print("lifetime factor by {}: {:.2f} measured, {:.2f} by the closed form at f = {:.4f}\n", title,
                   ledger["factor"][unit].get<double>(), ledger["closed"][unit].get<double>(),
                   ledger["closed"]["f"].get<double>());
    }
    const nlohmann::json& query = ledger["break_even"]["query"];
    fmt::print("break-even query: {}\n",
               query.is_null() ? "none in sight" : fmt::format("{:.0f}", query.get<double>()));
}

void printEntries(const nlohmann::json& entries) {
    fmt::print("\n{:>6} {:<11} {:<18} {:>9} {:>9} {:>11} {:>10}  {}\n", "query", "kind", "encoder", "items",
               "cached", "ms", "GFLOP", "for");
    for (const nlohmann::json& entry : entries) {
        fmt::print("{:>6} {:<11} {:<18} {:>9} {:>9} {:>11.3f} {:>10.4f}  {}\n", entry["query"].get<std::int64_t>(),
                   entry["kind"].get<std::string>(), entry["encoder"].get<std::string>(),
                   entry["items"].get<std::int64_t>(), entry["cached"].get<std::int64_t>(),
                   entry["seconds"].get<double>() * 1e3, entry["flops"].get<double>() / 1e9,
                   entry["text"].get<std::string>());
    }
}

void show(const LedgerOptions& options) {
    const auto service = openLibraries(options.common);
    const cascade::Library library = findLibrary(*service, options.common.library);
    const nlohmann::json ledger = node::ledgerJson(service->ledger(library.id, options.entries));
    if (options.common.json) {
        fmt::print("{}\n", dumpJson(ledger));
        return;
    }
    printTable(library.name, ledger);
    if (!ledger["entries"].empty()) {
        printEntries(ledger["entries"]);
    }
}

} // namespace

void addCascadeLedger(CLI::App& cascade) {
    auto options = std::make_shared<LedgerOptions>();
    CLI::App* command = cascade.add_subcommand("ledger", "What encoding and searching a library has cost so far");
    addLibraryOptions(*command, options->common);
    command->add_option("--entries", options->entries, "Newest entries")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    command->footer("Example:\n"
                    "  fulgurite-engine cascade ledger --data DIR --library Holidays");
    command->callback([options] { show(*options); });
}

} // namespace fulgurite::app
