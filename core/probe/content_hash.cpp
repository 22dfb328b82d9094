// SPDX-License-Identifier: Apache-2.0
#include "core/probe/content_hash.h"

#include "core/base/file_io.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace fulgurite::probe {

namespace {

constexpr std::size_t kTensorSample = 1024; // bytes

} // namespace

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    std::string text;
    for (const unsigned char byte : digest) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

std::string tokensHash(std::span<const TokenId> tokens) {
    return sha256({reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()});
}

std::string modelHash(const Checkpoint& checkpoint) {
    std::string parts = sha256(readTextFile(checkpoint.folder() / "config.json"));
    for (const auto& [name, tensor] : checkpoint.tensors()) {
        const std::string_view sample(reinterpret_cast<const char*>(tensor.data),
                                      std::min(kTensorSample, tensor.bytes()));
        parts += fmt::format("\n{} {} {} {}", name, nameOf(tensor.dtype), toString(tensor.shape), sha256(sample));
    }
    return sha256(parts);
}

} // namespace fulgurite::probe
