// SPDX-License-Identifier: Apache-2.0
// Cuts a document into parts that an embedder sees whole.
#pragma once

#include "core/retrieval/embedder.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace fulgurite::retrieval {

struct Chunk {
    std::size_t begin = 0; // bytes
    std::size_t end = 0;
};

// Chunks of at most `tokens` tokens as `embedder` counts them, which begin and end between sentences where
// sentences are short enough, between words otherwise, without overlap and without the space around them. `tokens`
// 0: the text as it is. An empty or blank text has no chunk.
std::vector<Chunk> chunksOf(std::string_view text, std::size_t tokens, const Embedder& embedder);

} // namespace fulgurite::retrieval
