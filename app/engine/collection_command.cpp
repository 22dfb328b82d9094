// SPDX-License-Identifier: Apache-2.0
#include "app/engine/collection_command.h"

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
    return openEmbedder(folder, options, pool);
}

} // namespace fulgurite::app
