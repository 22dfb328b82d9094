// SPDX-License-Identifier: Apache-2.0
// The JSON of collections and searches, to and from retrieval_types.h. Reading is strict, as in engine_json.h:
// arrays that belong together have one length, documents lie in the lists they are named in.
#pragma once

#include "core/client/retrieval_client.h"

#include <string>
#include <string_view>

namespace fulgurite::client {

std::string newCollectionBody(const NewCollection& wanted);
std::string ingestBody(const std::vector<std::string>& paths);
std::string jobActionBody(JobAction action);
std::string searchBody(const SearchRequest& request);
std::string projectionBody(const HeadPlace& place, const std::vector<int>& heads, const std::string& query);
std::string addQueryBody(const std::string& query_set, const RetrievalQuery& query);
std::string evaluationBody(const EvaluationRequest& request);
std::string embedderFolderBody(const std::string& folder);
std::string searchPromptsBody(const std::string& query, std::size_t count);

// `where` begins every message.
std::vector<EmbedderInfo> readEmbedders(std::string_view body, const std::string& where);
EmbedderInfo readEmbedder(std::string_view body, const std::string& where);
std::vector<std::string> readSearchPrompts(std::string_view body, const std::string& where);
std::vector<Collection> readCollections(std::string_view body, const std::string& where);
Collection readCollection(std::string_view body, const std::string& where);
RetrievalJob readJob(std::string_view body, const std::string& where);
DocumentColumns readDocumentColumns(std::string_view body, const std::string& where);
Document readDocument(std::string_view body, const std::string& where);
SearchReply readSearch(std::string_view body, const std::string& where);
HeadStatistics readHeadStatistics(std::string_view body, const std::string& where);
std::vector<Projection> readProjections(std::string_view body, const std::string& where);
std::vector<RetrievalQuery> readQueries(std::string_view body, const std::string& where);
std::vector<Evaluation> readEvaluations(std::string_view body, const std::string& where);

} // namespace fulgurite::client
