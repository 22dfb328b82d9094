// SPDX-License-Identifier: Apache-2.0
// Sizes of a sequence state, known before any memory is taken.
#include "core/state/sequence_state.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fulgurite {

namespace {

std::size_t countOf(const std::vector<LayerKind>& layers, LayerKind kind) {
    return static_cast<std::size_t>(std::count(layers.begin(), layers.end(), kind));
}

} // namespace

StateShape StateShape::of(const ModelConfig& config) {
    return {config.layers, config.num_heads, config.num_kv_heads, config.head_dim};
}

StateShape StateShape::whole() const {
    StateShape all = *this;
    all.device = nullptr;
    all.mirror = nullptr;
    if (all_heads != 0) {
        all.num_heads = std::exchange(all.all_heads, 0);
        all.num_kv_heads = std::exchange(all.all_kv_heads, 0);
    }
    return all;
}

std::size_t StateShape::ranksOfKvHeads(std::size_t ranks) const {
    return all_kv_heads == 0
               ? 1
               : ranks * static_cast<std::size_t>(num_kv_heads) / static_cast<std::size_t>(all_kv_heads);
}

std::size_t StateShape::floatsOf(const StateArray& array) const {
    return array.kind == StateArray::Kind::Matrices ? matrixFloats() : kPageTokens * rowFloats();
}

std::size_t StateShape::firstOf(const StateArray& array, std::size_t rank, std::size_t ranks) const {
    return (array.kind == StateArray::Kind::Matrices ? rank : rank / ranksOfKvHeads(ranks)) * floatsOf(array);
}

std::size_t StateShape::matrixFloats() const {
    const auto dim = static_cast<std::size_t>(head_dim);
    return static_cast<std::size_t>(num_heads) * dim * dim;
}

std::size_t StateShape::rowFloats() const {
    return static_cast<std::size_t>(num_kv_heads) * static_cast<std::size_t>(head_dim);
}

std::size_t StateShape::pageBytes() const {
    return kPageTokens * 2 * rowFloats() * sizeof(float);
}

std::size_t StateShape::lightningBytes() const {
    return countOf(layers, LayerKind::Lightning) * matrixFloats() * sizeof(float);
}

std::size_t StateShape::kvBytesPerToken() const {
    return countOf(layers, LayerKind::Softmax) * 2 * rowFloats() * sizeof(float);
}

std::size_t StateShape::bytesAt(std::size_t tokens) const {
    const std::size_t pages = (tokens + kPageTokens - 1) / kPageTokens;
    return lightningBytes() + pages * kPageTokens * kvBytesPerToken();
}

std::size_t StateShape::tokensWithin(std::size_t bytes) const {
    if (bytes < lightningBytes()) {
        return 0;
    }
    const std::size_t page = kPageTokens * kvBytesPerToken();
    return page == 0 ? std::numeric_limits<std::size_t>::max() : (bytes - lightningBytes()) / page * kPageTokens;
}

} // namespace fulgurite
