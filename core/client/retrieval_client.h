// SPDX-License-Identifier: Apache-2.0
// Collections of documents that lie with a node, as docs/protocol.md has it. Obtained from an EngineClient whose
// engine has the capability "retrieval".
#pragma once

#include "core/client/engine_client.h"
#include "core/client/retrieval_types.h"

#include <memory>
#include <string>
#include <vector>

namespace fulgurite::client {

enum class JobAction { Pause, Resume, Cancel };

// Methods may be called from any thread and return at once; replies come on the client's thread. A call that was
// cancelled replies with Error{Cancelled}.
class RetrievalClient {
  public:
    using Call = std::shared_ptr<HttpCall>;

    virtual ~RetrievalClient() = default;
    virtual Call embedders(Callback<std::vector<EmbedderInfo>> reply) = 0;
    // A checkpoint folder of the node's machine; why it cannot be used is in its `problem`.
    virtual Call describeEmbedder(const std::string& folder, Callback<EmbedderInfo> reply) = 0;
    // The loaded model writes `count` search prompts for the fusion strategies.
    virtual Call searchPrompts(const std::string& query, std::size_t count,
                               Callback<std::vector<std::string>> reply) = 0;
    virtual Call collections(Callback<std::vector<Collection>> reply) = 0;
    virtual Call create(const NewCollection& wanted, Callback<Collection> reply) = 0;
    virtual Call remove(const std::string& id, Callback<std::string> reply) = 0; // the id

    // Files and folders as the node sees them: only for a node on this machine. What is unchanged is not embedded
    // again.
    virtual Call ingest(const std::string& id, const std::vector<std::string>& paths,
                        Callback<RetrievalJob> reply) = 0;
    virtual Call steer(const std::string& id, JobAction action, Callback<RetrievalJob> reply) = 0;

    // At most 20,000 at once.
    virtual Call documents(const std::string& id, std::size_t first, std::size_t count,
                           Callback<DocumentColumns> reply) = 0;
    virtual Call document(const std::string& id, std::int32_t document, Callback<Document> reply) = 0;

    virtual Call search(const std::string& id, const SearchRequest& request, Callback<SearchReply> reply) = 0;
    virtual Call heads(const std::string& id, const HeadPlace& place, Callback<HeadStatistics> reply) = 0;
    // `heads`: -1 is the standard vector. `query` empty: without it.
    virtual Call project(const std::string& id, const HeadPlace& place, const std::vector<int>& heads,
                         const std::string& query, Callback<std::vector<Projection>> reply) = 0;

    virtual Call queries(const std::string& id, const std::string& query_set,
                         Callback<std::vector<RetrievalQuery>> reply) = 0;
    virtual Call addQuery(const std::string& id, const std::string& query_set, const RetrievalQuery& query,
                          Callback<std::vector<RetrievalQuery>> reply) = 0;
    virtual Call evaluate(const std::string& id, const EvaluationRequest& request,
                          Callback<RetrievalJob> reply) = 0;
    virtual Call evaluations(const std::string& id, Callback<std::vector<Evaluation>> reply) = 0; // newest first
    // The numbers of every query as a result file (core/retrieval/results/result_file.h reads it).
    virtual Call evaluationFile(const std::string& id, const std::string& record, Callback<std::string> reply) = 0;
};

// A connection of its own to a node. Destroying it cancels what runs; no callback comes afterwards.
std::unique_ptr<RetrievalClient> connectToRetrieval(const HttpEndpoint& endpoint, const std::string& token,
                                                    const HttpClientOptions& options);

} // namespace fulgurite::client
