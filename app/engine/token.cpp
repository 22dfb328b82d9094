// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine token`: makes, lists and revokes the tokens of a node. A running node notices.
#include "app/engine/command.h"
#include "core/base/error.h"
#include "core/node/token_list.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::app {
namespace {

constexpr std::int64_t kSecondsOfDay = 86400;

struct TokenOptions {
    std::string file;
    std::string name;
    std::vector<std::string> scopes{"prompt"};
    node::AccessLimits limits;
    std::int64_t days = 0;
    bool keep = false;
};

std::string dateOf(std::int64_t seconds) {
    return seconds == 0 ? "-" : fmt::format("{:%Y-%m-%d}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ",") + word;
    }
    return text;
}

void addNew(const TokenOptions& options) {
    node::checkTokenName(options.name);
    node::TokenList list = node::readTokenList(options.file);
    const auto same = [&](const node::TokenEntry& entry) { return entry.name == options.name; };
    if (!options.keep && std::any_of(list.entries.begin(), list.entries.end(), same)) {
        fail(ErrorKind::InvalidInput,
             "{} has a token '{}' already; --add makes one more for the same owner, `token revoke {}` ends it",
             options.file, options.name, options.name);
    }
    const std::string token = node::newToken();
    node::TokenEntry entry;
    entry.name = options.name;
    entry.sha256 = node::hashOfToken(token);
    for (const std::string& scope : options.scopes) {
        entry.scopes.add(node::ScopeSet::parse(scope));
    }
    entry.limits = options.limits;
    entry.created = node::unixSeconds();
    entry.expires = options.days > 0 ? entry.created + options.days * kSecondsOfDay : 0;
    list.entries.push_back(std::move(entry));
    node::writeTokenList(options.file, list);
    fmt::print("{}\n", token);
    fmt::print(stderr, "This is the only time that the token of '{}' is shown; {} keeps its hash.\n", options.name,
               options.file);
}

std::string limitsOf(const node::AccessLimits& limits) {
    std::vector<std::string> words;
    if (limits.requests_per_minute > 0) {
        words.push_back(fmt::format("{:g}/min", limits.requests_per_minute));
    }
    if (limits.streams > 0) {
        words.push_back(fmt::format("{} at once", limits.streams));
    }
    if (limits.tokens_per_day > 0) {
        words.push_back(fmt::format("{} tokens/day", limits.tokens_per_day));
    }
    if (limits.memory_share < 1) {
        words.push_back(fmt::format("{:g} of memory", limits.memory_share));
    }
    return words.empty() ? "-" : joined(words);
}

void list(const TokenOptions& options) {
    const node::TokenList tokens = node::readTokenList(options.file);
    fmt::print("{:<20} {:<10} {:<10} {:<12} {:<28} {}\n", "name", "created", "expires", "hash", "scopes", "limits");
    for (const node::TokenEntry& entry : tokens.entries) {
        fmt::print("{:<20} {:<10} {:<10} {:<12} {:<28} {}\n", entry.name, dateOf(entry.created),
                   dateOf(entry.expires), entry.sha256.substr(0, 12), joined(entry.scopes.names()),
                   limitsOf(entry.limits));
    }
}

void revoke(const TokenOptions& options) {
    node::TokenList tokens = node::readTokenList(options.file);
    const std::size_t count = std::erase_if(tokens.entries, [&](const node::TokenEntry& entry) {
        return entry.name == options.name || (options.name.size() >= 8 && entry.sha256.starts_with(options.name));
    });
    if (count == 0) {
        fail(ErrorKind::NotFound, "{} has no token '{}'; `fulgurite-engine token list` shows what there is",
             options.file, options.name);
    }
    node::writeTokenList(options.file, tokens);
    fmt::print("revoked {} of '{}'\n", count, options.name);
}

void addLimits(CLI::App& command, TokenOptions& options) {
    command.add_option("--requests-per-minute", options.limits.requests_per_minute, "0 is no limit")
        ->check(CLI::NonNegativeNumber);
    command.add_option("--streams", options.limits.streams, "Requests that may be answered at once; 0 is no limit");
    command.add_option("--tokens-per-day", options.limits.tokens_per_day,
                       "Of prompts and answers, from midnight to midnight UTC; 0 is no limit");
    command
        .add_option("--memory-share", options.limits.memory_share,
                    "Part of the memory for states that its requests may hold")
        ->check(CLI::Range(0.001, 1.0));
}

} // namespace

void addToken(CLI::App& app) {
    auto options = std::make_shared<TokenOptions>();
    CLI::App* command = app.add_subcommand("token", "Make, list and revoke the tokens of a node");
    command->require_subcommand(1);
    const auto add = [&](const char* name, const char* help, bool named) {
        CLI::App* sub = command->add_subcommand(name, help);
        sub->add_option("--file", options->file, "The list, as `serve --token-file` reads it")->required();
        if (named) {
            sub->add_option("name", options->name, "Whose token it is; what is made with it belongs to that name")
                ->required();
        }
        return sub;
    };
    CLI::App* fresh = add("new", "Make a token and print it; the file keeps its hash", true);
    fresh->add_option("--scopes", options->scopes, "Of prompt, inspect, train, metrics, admin")
        ->delimiter(',')
        ->capture_default_str();
    fresh->add_option("--days", options->days, "Until it expires; 0 is never")->check(CLI::NonNegativeNumber);
    fresh->add_flag("--add", options->keep, "One more token for a name that has one, to change over");
    addLimits(*fresh, *options);
    fresh->callback([options] { addNew(*options); });
    add("list", "Show names, scopes and limits", false)->callback([options] { list(*options); });
    add("revoke", "Take all tokens of a name out, or the one whose hash begins so", true)->callback([options] {
        revoke(*options);
    });
    command->footer("Examples:\n"
                    "  fulgurite-engine token new --file tokens.json ada --scopes prompt,inspect > ada.token\n"
                    "  fulgurite-engine token new --file tokens.json batch --streams 8 --tokens-per-day 2000000\n"
                    "  fulgurite-engine token list --file tokens.json\n"
                    "  fulgurite-engine token revoke --file tokens.json batch");
}

} // namespace fulgurite::app
