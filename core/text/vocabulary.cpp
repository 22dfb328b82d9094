// SPDX-License-Identifier: Apache-2.0
#include "core/text/vocabulary.h"

#include "core/base/error.h"

#include <bit>
#include <cstring>
#include <limits>

namespace fulgurite {
namespace {

std::uint64_t mix(std::uint64_t value) {
    value *= 0x9E3779B97F4A7C15u;
    value ^= value >> 32;
    return value * 0xD6E8FEB86659FD93u;
}

std::uint64_t hashOf(std::string_view bytes) {
    std::uint64_t hash = bytes.size();
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        hash = mix(hash ^ word);
        bytes.remove_prefix(8);
    }
    std::uint64_t word = 0;
    for (const char c : bytes) {
        word = word << 8 | static_cast<unsigned char>(c);
    }
    hash = mix(hash ^ word);
    return hash ^ hash >> 29;
}

} // namespace

Vocabulary::Vocabulary(const std::vector<std::string>& tokens, const std::vector<bool>& in_lookup,
                       const std::string& name) {
    offsets_.reserve(tokens.size() + 1);
    offsets_.push_back(0);
    for (const std::string& token : tokens) {
        arena_ += token;
        if (arena_.size() > std::numeric_limits<std::uint32_t>::max()) {
            fail(ErrorKind::Unsupported, "{}: the tokens have more than 4 GiB together", name);
        }
        offsets_.push_back(static_cast<std::uint32_t>(arena_.size()));
    }
    slots_.resize(std::bit_ceil(tokens.size() * 2 + 1));
    for (std::size_t id = 0; id < tokens.size(); ++id) {
        if (!in_lookup[id]) {
            continue;
        }
        const std::uint64_t hash = hashOf(tokens[id]);
        std::size_t slot = hash & (slots_.size() - 1);
        while (slots_[slot].id >= 0) {
            if (bytes(slots_[slot].id) == tokens[id]) {
                fail(ErrorKind::Corrupt, "{}: the tokens {} and {} are the same", name, slots_[slot].id, id);
            }
            slot = (slot + 1) & (slots_.size() - 1);
        }
        slots_[slot] = {static_cast<std::uint32_t>(hash >> 32), static_cast<TokenId>(id)};
    }
}

std::optional<TokenId> Vocabulary::find(std::string_view wanted) const {
    const std::uint64_t hash = hashOf(wanted);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t slot = hash & (slots_.size() - 1); slots_[slot].id >= 0;
         slot = (slot + 1) & (slots_.size() - 1)) {
        if (slots_[slot].tag == tag && bytes(slots_[slot].id) == wanted) {
            return slots_[slot].id;
        }
    }
    return std::nullopt;
}

} // namespace fulgurite
