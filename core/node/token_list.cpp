// SPDX-License-Identifier: Apache-2.0
#include "core/node/token_list.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/sha256.h"
#include "core/node/api_error.h"
#include "core/node/object_reader.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

namespace fulgurite::node {

namespace {

using nlohmann::json;

constexpr std::size_t kLargestFile = std::size_t{16} << 20;
constexpr std::size_t kMostTokens = 10'000;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kTokenBytes = 32;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

bool isName(std::string_view name) {
    const auto fits = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
               c == '.';
    };
    return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), fits);
}

bool isHash(std::string_view text) {
    return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

AccessLimits readLimits(const json* object, const std::string& path) {
    AccessLimits limits;
    if (object == nullptr) {
        return limits;
    }
    ObjectReader reader(*object, path);
    limits.requests_per_minute = reader.number("requests_per_minute", 0, 1e9).value_or(0);
    limits.streams = static_cast<std::size_t>(reader.integer("streams", 0, 1'000'000).value_or(0));
    limits.tokens_per_day = static_cast<std::uint64_t>(reader.integer("tokens_per_day", 0, kMost).value_or(0));
    limits.memory_share = reader.number("memory_share", 0.001, 1).value_or(1);
    reader.finish();
    return limits;
}

TokenEntry readEntry(const json& value, const std::string& path) {
    ObjectReader reader(value, path);
    TokenEntry entry;
    entry.name = reader.string("name").value_or("");
    entry.sha256 = reader.string("sha256").value_or("");
    const json* scopes = reader.array("scopes");
    entry.limits = readLimits(reader.object("limits"), reader.pathOf("limits"));
    entry.created = reader.integer("created", 0, kMost).value_or(0);
    entry.expires = reader.integer("expires", 0, kMost).value_or(0);
    reader.finish();
    if (!isName(entry.name)) {
        refuse(reader.pathOf("name"), "must be 1 to 64 letters, digits, dots, dashes or underscores");
    }
    if (!isHash(entry.sha256)) {
        refuse(reader.pathOf("sha256"), "must be the token's SHA-256 as 64 lower-case hexadecimal digits");
    }
    if (scopes == nullptr || scopes->empty()) {
        refuse(reader.pathOf("scopes"), "must name one scope or more");
    }
    for (const json& scope : *scopes) {
        if (!scope.is_string()) {
            refuse(reader.pathOf("scopes"), "must hold strings");
        }
        entry.scopes.add(ScopeSet::parse(scope.get<std::string>()));
    }
    return entry;
}

json toJson(const TokenEntry& entry) {
    json object{{"name", entry.name}, {"sha256", entry.sha256}, {"scopes", entry.scopes.names()}};
    json limits = json::object();
    if (entry.limits.requests_per_minute > 0) {
        limits["requests_per_minute"] = entry.limits.requests_per_minute;
    }
    if (entry.limits.streams > 0) {
        limits["streams"] = entry.limits.streams;
    }
    if (entry.limits.tokens_per_day > 0) {
        limits["tokens_per_day"] = entry.limits.tokens_per_day;
    }
    if (entry.limits.memory_share < 1) {
        limits["memory_share"] = entry.limits.memory_share;
    }
    if (!limits.empty()) {
        object["limits"] = std::move(limits);
    }
    if (entry.created > 0) {
        object["created"] = entry.created;
    }
    if (entry.expires > 0) {
        object["expires"] = entry.expires;
    }
    return object;
}

// An administrator writes into the folder of a service that has to read it.
void giveToOwnerOfFolder(const AtomicFile& file, const std::filesystem::path& path) {
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    struct stat status {};
    if (::geteuid() == 0 && ::stat(folder.c_str(), &status) == 0 &&
        ::chown(file.temporary().c_str(), status.st_uid, status.st_gid) != 0) {
        fail(ErrorKind::Io, "{}: cannot be given to the owner of its folder", path.string());
    }
}

} // namespace

bool isTokenList(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

TokenList parseTokenList(std::string_view text, const std::string& file) {
    TokenList list;
    try {
        const json root = json::parse(text);
        ObjectReader reader(root, "");
        const json* tokens = reader.array("tokens");
        reader.finish();
        if (tokens == nullptr) {
            refuse("tokens", "is needed: a list");
        }
        if (tokens->size() > kMostTokens) {
            refuse("tokens", fmt::format("has more than {} entries", kMostTokens));
        }
        for (const json& value : *tokens) {
            list.entries.push_back(readEntry(value, fmt::format("tokens[{}]", list.entries.size())));
        }
    } catch (const json::exception& error) {
        fail(ErrorKind::InvalidInput, "{}: not valid JSON: {}", file, error.what());
    } catch (const ApiError& error) {
        fail(ErrorKind::InvalidInput, "{}: {}", file, error.what());
    } catch (const Error& error) {
        fail(ErrorKind::InvalidInput, "{}: tokens[{}]: {}", file, list.entries.size(), error.what());
    }
    return list;
}

TokenList readTokenList(const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) {
        return {};
    }
    return parseTokenList(readTextFile(path, kLargestFile), path.string());
}

void writeTokenList(const std::filesystem::path& path, const TokenList& list) {
    json tokens = json::array();
    for (const TokenEntry& entry : list.entries) {
        tokens.push_back(toJson(entry));
    }
    const mode_t before = ::umask(077);
    try {
        AtomicFile file(path);
        file.write(json{{"tokens", std::move(tokens)}}.dump(2) + "\n");
        giveToOwnerOfFolder(file, path);
        file.commit();
    } catch (...) {
        ::umask(before);
        throw;
    }
    ::umask(before);
}

std::string newToken() {
    std::array<unsigned char, kTokenBytes> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        fail(ErrorKind::Internal, "the system gave no random numbers");
    }
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    constexpr unsigned kBitsPerDigit = 6;
    std::string token = "fg-";
    unsigned bits = 0;
    unsigned held = 0;
    for (const unsigned char byte : bytes) {
        bits = bits << 8U | byte;
        for (held += 8; held >= kBitsPerDigit; held -= kBitsPerDigit) {
            token += kDigits[bits >> (held - kBitsPerDigit) & 63U];
        }
    }
    return token + kDigits[bits << (kBitsPerDigit - held) & 63U];
}

std::string hashOfToken(std::string_view token) {
    return sha256(std::as_bytes(std::span(token)));
}

void checkTokenName(std::string_view name) {
    if (!isName(name)) {
        fail(ErrorKind::InvalidInput,
             "'{}': a token's name is 1 to 64 letters, digits, dots, dashes or underscores",
             name.substr(0, kLongestName));
    }
}

} // namespace fulgurite::node
