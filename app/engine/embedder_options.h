// SPDX-License-Identifier: Apache-2.0
// The options that choose an embedder, shared by the sub-commands of retrieval.
#pragma once

#include "core/retrieval/embedder.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace fulgurite::app {

struct EmbedderChoice {
    std::string model;
    std::vector<int> layers;
    std::string place = "projection";
    std::string pooling; // empty: the model's own
    std::size_t max_tokens = 0;
    std::size_t threads = 0;
};

void addEmbedderOptions(CLI::App& command, EmbedderChoice& choice);

// Throws Error{InvalidInput}.
retrieval::EmbedderOptions embedderOptions(const EmbedderChoice& choice);

} // namespace fulgurite::app
