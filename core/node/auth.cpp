// SPDX-License-Identifier: Apache-2.0
// Token files and constant-time comparison.
#include "core/node/auth.h"

#include "core/base/error.h"
#include "core/base/file_io.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

namespace fulgurite::node {

namespace {

constexpr std::size_t kShortestToken = 16;
constexpr std::size_t kLargestFile = std::size_t{16} << 20;
constexpr unsigned kHexBits = 4;

// Digests have one length, so a comparison of digests tells nothing about the length of the token either.
std::array<unsigned char, 32> digestOf(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return digest;
}

std::array<unsigned char, 32> digestFromHex(std::string_view text) {
    const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
    std::array<unsigned char, 32> digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
        digest[i] = static_cast<unsigned char>(digit(text[2 * i]) << kHexBits | digit(text[2 * i + 1]));
    }
    return digest;
}

std::string firstLine(const std::string& text, const std::filesystem::path& path) {
    std::string token = text.substr(0, text.find_first_of("\r\n"));
    if (token.size() < kShortestToken) {
        fail(ErrorKind::InvalidInput,
             "{}: the token on the first line has {} characters and needs {} or more; write one with: "
             "openssl rand -hex 32",
             path.string(), token.size(), kShortestToken);
    }
    const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!printable) {
        fail(ErrorKind::InvalidInput, "{}: the token may hold printable ASCII without spaces only", path.string());
    }
    return token;
}

std::optional<std::string_view> bearerOf(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (authorization.size() < kScheme.size() ||
        !std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); })) {
        return std::nullopt;
    }
    return authorization.substr(kScheme.size());
}

} // namespace

TokenFile readTokenFile(const std::filesystem::path& path) {
    const std::string text = readTextFile(path, kLargestFile);
    TokenFile file;
    file.is_list = isTokenList(text);
    if (file.is_list) {
        file.list = parseTokenList(text, path.string());
    } else {
        file.token = firstLine(text, path);
    }
    struct stat status {};
    file.readable_by_others = ::stat(path.c_str(), &status) == 0 && (status.st_mode & 077U) != 0;
    return file;
}

AccessControl::AccessControl(std::string_view token) {
    setPlain(token);
}

AccessControl::AccessControl(const TokenFile& file) {
    replace(file);
}

std::shared_ptr<CallerUse> AccessControl::useOf(const std::string& name) {
    std::shared_ptr<CallerUse>& use = uses_[name];
    if (!use) {
        use = std::make_shared<CallerUse>();
    }
    return use;
}

void AccessControl::setPlain(std::string_view token) {
    const std::string name = token.empty() ? "anybody" : "token";
    auto caller = std::make_shared<const Caller>(Caller{name, "", {Scope::Admin}, {}, useOf(name)});
    required_ = !token.empty();
    known_.clear();
    everybody_ = required_ ? nullptr : caller;
    if (required_) {
        known_.push_back({digestOf(token), 0, std::move(caller)});
    }
}

void AccessControl::setList(const TokenList& list) {
    required_ = true;
    everybody_ = nullptr;
    known_.clear();
    for (const TokenEntry& entry : list.entries) {
        known_.push_back({digestFromHex(entry.sha256), entry.expires,
                          std::make_shared<const Caller>(
                              Caller{entry.name, entry.name, entry.scopes, entry.limits, useOf(entry.name)})});
    }
}

void AccessControl::replace(const TokenFile& file) {
    const std::lock_guard lock(mutex_);
    if (file.is_list) {
        setList(file.list);
    } else {
        setPlain(file.token);
    }
}

bool AccessControl::required() const {
    const std::lock_guard lock(mutex_);
    return required_;
}

std::shared_ptr<const Caller> AccessControl::identify(std::string_view authorization) const {
    const std::lock_guard lock(mutex_);
    if (!required_) {
        return everybody_;
    }
    const auto token = bearerOf(authorization);
    if (!token) {
        return nullptr;
    }
    const Digest digest = digestOf(*token);
    const Known* found = nullptr;
    for (const Known& known : known_) {
        if (CRYPTO_memcmp(digest.data(), known.digest.data(), digest.size()) == 0) {
            found = &known;
        }
    }
    const bool valid = found != nullptr && (found->expires == 0 || unixSeconds() < found->expires);
    return valid ? found->caller : nullptr;
}

std::vector<std::shared_ptr<const Caller>> AccessControl::callers() const {
    const std::lock_guard lock(mutex_);
    std::set<std::string> seen;
    std::vector<std::shared_ptr<const Caller>> callers;
    for (const Known& known : known_) {
        if (!known.caller->owner.empty() && seen.insert(known.caller->name).second) {
            callers.push_back(known.caller);
        }
    }
    return callers;
}

} // namespace fulgurite::node
