// SPDX-License-Identifier: Apache-2.0
#include "app/engine/collection_command.h"

#include "core/base/error.h"

#include <fmt/format.h>

namespace fulgurite::app {

std::unique_ptr<retrieval::Embedder> embedderOfCollection(const retrieval::CollectionInfo& info,
                                                          const EmbedderChoice& choice, kernels::ThreadPool& pool) {
    retrieval::EmbedderOptions options;
    options.layers = info.embedder.layers;
    options.place = info.embedder.place;
    options.pooling = info.embedder.pooling;
    options.max_tokens = info.embedder.max_tokens;
    std::filesystem::path folder = choice.model;
    if (folder.empty()) {
        folder = info.plan.embedder == "model" ? findModel("") : std::filesystem::path(info.plan.embedder);
    }
    try {
        return openEmbedder(folder, options, pool);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::InvalidInput) {
            throw;
        }
        fail(ErrorKind::InvalidInput,
             "collection '{}' holds vectors of {} ({} heads of {}, layers {}), and {} cannot make such: {}. "
             "Vectors of "
             "two embedders cannot be compared: make another collection.",
             info.plan.name, info.embedder.name, info.embedder.heads, info.embedder.head_dim,
             fmt::join(info.embedder.layers, ","), folder.string(), error.what());
    }
}

} // namespace fulgurite::app
