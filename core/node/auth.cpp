// SPDX-License-Identifier: Apache-2.0
// Token file and constant-time comparison.
#include "core/node/auth.h"

#include "core/base/error.h"
#include "core/base/file_io.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <sys/stat.h>

#include <algorithm>
#include <cctype>

namespace fulgurite::node {

namespace {

constexpr std::size_t kShortestToken = 16;

// Digests have one length, so a comparison of digests tells nothing about the length of the token either.
std::array<unsigned char, 32> digestOf(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return digest;
}

} // namespace

TokenFile readTokenFile(const std::filesystem::path& path) {
    const std::string text = readTextFile(path, 64 * 1024);
    TokenFile file;
    file.token = text.substr(0, text.find_first_of("\r\n"));
    if (file.token.size() < kShortestToken) {
        fail(ErrorKind::InvalidInput,
             "{}: the token on the first line has {} characters and needs {} or more; write one with: "
             "openssl rand -hex 32",
             path.string(), file.token.size(), kShortestToken);
    }
    const bool printable =
        std::all_of(file.token.begin(), file.token.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!printable) {
        fail(ErrorKind::InvalidInput, "{}: the token may hold printable ASCII without spaces only", path.string());
    }
    struct stat status {};
    file.readable_by_others = ::stat(path.c_str(), &status) == 0 && (status.st_mode & 077U) != 0;
    return file;
}

BearerToken::BearerToken(std::string_view token) : digest_(digestOf(token)), required_(!token.empty()) {}

bool BearerToken::matches(std::string_view authorization) const {
    if (!required_) {
        return true;
    }
    constexpr std::string_view kScheme = "bearer ";
    if (authorization.size() < kScheme.size() ||
        !std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); })) {
        return false;
    }
    authorization.remove_prefix(kScheme.size());
    const auto digest = digestOf(authorization);
    return CRYPTO_memcmp(digest.data(), digest_.data(), digest.size()) == 0;
}

} // namespace fulgurite::node
