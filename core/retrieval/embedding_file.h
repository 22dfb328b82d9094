// SPDX-License-Identifier: Apache-2.0
// The embedding file of the MRAG project: documents and queries with standard and head vectors, as its own program
// stores them.
#pragma once

#include "core/retrieval/collections.h"

#include <filesystem>
#include <string>

namespace fulgurite::retrieval {

// Writes {"articles": [{"article": {title, text, label}, "embeddings": {"standard": [...], "layers": {"L":
// {"attention_heads":
// [[...]]}}}}], "queries": [{"query": {topics, text, fusion}, "embeddings": ..., "fusion_embeddings": [...]}]}.
// Documents have the vectors of the collection, up to the rounding of unit vector times length; queries are
// embedded by `embedder`. A document in several chunks has no single vector: Error{InvalidInput} for a collection
// with chunks.
void writeEmbeddingFile(Collections& collections, const std::string& collection, const std::string& query_set,
                        Embedder& embedder, const std::filesystem::path& path);

} // namespace fulgurite::retrieval
