// SPDX-License-Identifier: Apache-2.0
// RetrievalClient over /fulgurite/v1.
#include "core/client/retrieval_client.h"

#include "core/client/inspection_json.h"
#include "core/client/node_api.h"
#include "core/client/retrieval_json.h"

#include <fmt/format.h>

namespace fulgurite::client {

namespace {

constexpr const char* kCollections = "/fulgurite/v1/collections";

std::string below(const std::string& id, const std::string& rest = {}) {
    return fmt::format("{}/{}{}{}", kCollections, id, rest.empty() ? "" : "/", rest);
}

class NodeRetrieval final : public RetrievalClient {
  public:
    NodeRetrieval(HttpEndpoint endpoint, std::string token, const HttpClientOptions& options)
        // Searches over large collections and first looks at a space take a while before the first byte.
        : api_(std::move(endpoint), std::move(token), options, std::chrono::minutes(10)) {}

    Call embedders(Callback<std::vector<EmbedderInfo>> reply) override {
        return get<std::vector<EmbedderInfo>>("/fulgurite/v1/embedders", readEmbedders, std::move(reply));
    }
    Call describeEmbedder(const std::string& folder, Callback<EmbedderInfo> reply) override {
        return api_.ask<EmbedderInfo>("POST", "/fulgurite/v1/embedders", embedderFolderBody(folder), readEmbedder,
                                      std::move(reply));
    }
    Call searchPrompts(const std::string& query, std::size_t count,
                       Callback<std::vector<std::string>> reply) override {
        return api_.ask<std::vector<std::string>>("POST", "/fulgurite/v1/search-prompts",
                                                  searchPromptsBody(query, count), readSearchPrompts,
                                                  std::move(reply));
    }
    Call collections(Callback<std::vector<Collection>> reply) override {
        return get<std::vector<Collection>>(kCollections, readCollections, std::move(reply));
    }
    Call create(const NewCollection& wanted, Callback<Collection> reply) override {
        return api_.ask<Collection>("POST", kCollections, newCollectionBody(wanted), readCollection,
                                    std::move(reply));
    }
    Call remove(const std::string& id, Callback<std::string> reply) override {
        return api_.ask<std::string>("DELETE", below(id), {}, readRemoved, std::move(reply));
    }

    Call ingest(const std::string& id, const std::vector<std::string>& paths,
                Callback<RetrievalJob> reply) override {
        return api_.ask<RetrievalJob>("POST", below(id, "ingest"), ingestBody(paths), readJob, std::move(reply));
    }
    Call steer(const std::string& id, JobAction action, Callback<RetrievalJob> reply) override {
        return api_.ask<RetrievalJob>("POST", below(id, "job"), jobActionBody(action), readJob, std::move(reply));
    }

    Call documents(const std::string& id, std::size_t first, std::size_t count,
                   Callback<DocumentColumns> reply) override {
        return get<DocumentColumns>(below(id, fmt::format("documents?first={}&count={}", first, count)),
                                    readDocumentColumns, std::move(reply));
    }
    Call document(const std::string& id, std::int32_t document, Callback<Document> reply) override {
        return get<Document>(below(id, fmt::format("documents/{}", document)), readDocument, std::move(reply));
    }

    Call search(const std::string& id, const SearchRequest& request, Callback<SearchReply> reply) override {
        return api_.ask<SearchReply>("POST", below(id, "search"), searchBody(request), readSearch,
                                     std::move(reply));
    }
    Call heads(const std::string& id, const HeadPlace& place, Callback<HeadStatistics> reply) override {
        return get<HeadStatistics>(below(id, fmt::format("heads?layer={}&place={}", place.layer, place.place)),
                                   readHeadStatistics, std::move(reply));
    }
    Call project(const std::string& id, const HeadPlace& place, const std::vector<int>& heads,
                 const std::string& query, Callback<std::vector<Projection>> reply) override {
        return api_.ask<std::vector<Projection>>("POST", below(id, "projection"),
                                                 projectionBody(place, heads, query), readProjections,
                                                 std::move(reply));
    }

    Call queries(const std::string& id, const std::string& query_set,
                 Callback<std::vector<RetrievalQuery>> reply) override {
        return get<std::vector<RetrievalQuery>>(below(id, "queries?set=" + query_set), readQueries,
                                                std::move(reply));
    }
    Call addQuery(const std::string& id, const std::string& query_set, const RetrievalQuery& query,
                  Callback<std::vector<RetrievalQuery>> reply) override {
        return api_.ask<std::vector<RetrievalQuery>>("POST", below(id, "queries"), addQueryBody(query_set, query),
                                                     readQueries, std::move(reply));
    }
    Call evaluate(const std::string& id, const EvaluationRequest& request, Callback<RetrievalJob> reply) override {
        return api_.ask<RetrievalJob>("POST", below(id, "evaluations"), evaluationBody(request), readJob,
                                      std::move(reply));
    }
    Call evaluations(const std::string& id, Callback<std::vector<Evaluation>> reply) override {
        return get<std::vector<Evaluation>>(below(id, "evaluations"), readEvaluations, std::move(reply));
    }
    Call evaluationFile(const std::string& id, const std::string& record, Callback<std::string> reply) override {
        // Megabytes: read by who shows them, so that other answers of this connection do not wait.
        const auto as_it_is = [](std::string_view body, const std::string&) { return std::string(body); };
        return get<std::string>(below(id, "evaluations/" + record), as_it_is, std::move(reply));
    }

  private:
    template <class T>
    Call get(const std::string& path, typename JsonCall<T>::Reader reader, Callback<T> reply) {
        return api_.ask<T>("GET", path, {}, std::move(reader), std::move(reply));
    }

    NodeApi api_;
};

} // namespace

std::unique_ptr<RetrievalClient> connectToRetrieval(const HttpEndpoint& endpoint, const std::string& token,
                                                    const HttpClientOptions& options) {
    return std::make_unique<NodeRetrieval>(endpoint, token, options);
}

} // namespace fulgurite::client
