// SPDX-License-Identifier: Apache-2.0
// What the sub-commands over collections share.
#pragma once

#include "app/engine/default_model.h"
#include "app/engine/embedder_options.h"
#include "core/retrieval/collections.h"

#include <memory>

namespace fulgurite::app {

// The embedder that a collection was made with; `choice.model` names the folder where the collection's own does
// not.
std::unique_ptr<retrieval::Embedder> embedderOfCollection(const retrieval::CollectionInfo& info,
                                                          const EmbedderChoice& choice, kernels::ThreadPool& pool);

} // namespace fulgurite::app
