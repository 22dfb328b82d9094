// SPDX-License-Identifier: Apache-2.0
// Collections, searches and what is known of heads as JSON, as docs/protocol.md has it.
#pragma once

#include "core/node/retrieval_service.h"

#include <nlohmann/json.hpp>

namespace fulgurite::node {

nlohmann::json toJson(const EmbedderOffer& offer);
nlohmann::json toJson(const RetrievalJob& job);
// With its embedder, its work and what keeps it from being searched.
nlohmann::json collectionJson(RetrievalService& service, const retrieval::CollectionInfo& collection);
nlohmann::json toJson(const retrieval::DocumentColumns& columns);
nlohmann::json toJson(const retrieval::StoredDocument& document);
nlohmann::json toJson(const retrieval::SearchReply& reply);
nlohmann::json toJson(const retrieval::HeadStatistics& statistics);
nlohmann::json toJson(const std::vector<retrieval::Projection>& spaces);
nlohmann::json toJson(const std::vector<retrieval::StoredQuery>& queries);

} // namespace fulgurite::node
