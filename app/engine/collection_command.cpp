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
    const bool named = !choice.model.empty();
    const bool own = info.plan.embedder == "model";
    return openEmbedder(named ? std::filesystem::path(choice.model)
                        : own ? findModel("")
                              : info.plan.embedder,
                        options, pool);
}

} // namespace fulgurite::app
