// SPDX-License-Identifier: Apache-2.0
#include "core/probe/content_hash.h"

#include "core/base/file_io.h"
#include "core/base/sha256.h"

#include <algorithm>
#include <fmt/format.h>

namespace fulgurite::probe {

namespace {

constexpr std::size_t kTensorSample = 1024; // bytes

} // namespace

std::string sha256(std::string_view bytes) {
    return fulgurite::sha256(std::as_bytes(std::span(bytes)));
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
