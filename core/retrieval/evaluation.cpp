// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/evaluation.h"

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/probe/content_hash.h"
#include "core/retrieval/strategy_search.h"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fulgurite::retrieval {

namespace {

constexpr std::size_t kNamedText = 60; // bytes of a query that a message repeats

std::vector<std::int32_t> documentsOf(const StrategyResult& result) {
    std::vector<std::int32_t> documents;
    std::transform(result.documents.begin(), result.documents.end(), std::back_inserter(documents),
                   [](const Ranked& entry) { return entry.document; });
    return documents;
}

// Everything one query gives under one strategy: metric values for k = 1..32.
using QueryMatrix = std::vector<MetricValues>;

class Evaluation {
  public:
    Evaluation(Collections& collections, const std::string& collection, const EvaluationRequest& request,
               Embedder& embedder, kernels::ThreadPool& pool)
        : collections_(collections),
          collection_(collection),
          embedder_(embedder),
          index_(collections.index(collection)),
          search_(index_, request.layer, pool) {
        result_.request = request;
        for (const std::string& name : request.strategies) {
            strategies_.push_back(&strategyOf(name));
        }
        requireSameEmbedder();
        readFacts();
        readQueries();
    }

    EvaluationResult run(const std::function<void(std::size_t, std::size_t)>& progress,
                         const std::stop_token& stop) {
        for (std::size_t i = 0; i < queries_.size(); ++i) {
            if (stop.stop_requested()) {
                fail(ErrorKind::Cancelled, "the evaluation was stopped after {} of {} queries", i, queries_.size());
            }
            judgeQuery(queries_[i]);
            if (progress) {
                progress(i + 1, queries_.size());
            }
        }
        summarise();
        describe();
        return std::move(result_);
    }

  private:
    void requireSameEmbedder() const {
        if (embedder_.info().fingerprint != index_->info().embedder.fingerprint) {
            fail(ErrorKind::InvalidInput,
                 "collection '{}' holds vectors of {}, the queries would be embedded by {}",
                 index_->info().plan.name, index_->info().embedder.name, embedder_.info().name);
        }
    }

    void readFacts() {
        facts_ = collections_.facts(collection_);
        if (facts_.size() != index_->documents()) {
            fail(ErrorKind::Unavailable, "collection '{}' changed just now; evaluate again",
                 index_->info().plan.name);
        }
    }

    void readQueries() {
        for (StoredQuery& query : collections_.queries(collection_, result_.request.query_set)) {
            const bool says_nothing = query.text.find_first_not_of(" \t\r\n") == std::string::npos;
            if (query.unresolved > 0 || query.items.empty() || says_nothing) {
                ++result_.left_out;
            } else {
                queries_.push_back(std::move(query));
            }
        }
        if (queries_.empty()) {
            fail(ErrorKind::InvalidInput, "no query of '{}' has all of its relevant documents in collection '{}'",
                 result_.request.query_set, index_->info().plan.name);
        }
    }

    void judgeQuery(const StoredQuery& query) {
        const Relevance relevance{{query.items.begin(), query.items.end()},
                                  {query.labels.begin(), query.labels.end()},
                                  {query.relevant.begin(), query.relevant.end()}};
        const bool fused =
            std::any_of(strategies_.begin(), strategies_.end(), [](const Strategy* s) { return s->fused; });
        const QueryVectors vectors =
            embedQuery(query.text, fused ? query.prompts : std::vector<std::string>{}, embedder_);
        const std::size_t n = relevance.items.size();
        for (const Strategy* strategy : strategies_) {
            QueryMatrix matrix = strategy->fused ? judgeFused(*strategy, query.text, vectors, relevance)
                                                 : judgeOnce(*strategy, query.text, vectors, relevance);
            auto& rows = result_.matrices[strategy->name][n];
            rows.resize(kMostJudged);
            for (std::size_t k = 0; k < kMostJudged; ++k) {
                rows[k].push_back(matrix[k]);
            }
        }
        if (result_.request.leave_heads_out) {
            leaveHeadsOut(vectors, relevance);
        }
    }

    // The ranking is made once and the result for k documents is its beginning.
    QueryMatrix judgeOnce(const Strategy& strategy, const std::string& text, const QueryVectors& vectors,
                          const Relevance& relevance) {
        StrategyResult ranked;
        if (strategy.vectors == VectorKind::Words) {
            ranked = collections_.searchWords(collection_, text, *index_, kMostJudged);
        } else {
            ranked = search_.run(strategy, vectors, kMostJudged, result_.request.nearest);
            requireRun(ranked, text);
        }
        return judgeAll(documentsOf(ranked), relevance);
    }

    // A strategy that cannot run is no strategy that finds nothing.
    static void requireRun(const StrategyResult& result, const std::string& text) {
        if (result.kind == ResultKind::Unavailable) {
            fail(ErrorKind::InvalidInput, "{} cannot be evaluated with the query '{}': {}", result.strategy,
                 replaceInvalidUtf8(text.substr(0, kNamedText)), result.reason);
        }
    }

    // Fusion is computed for each k, as published: each prompt fetches k documents.
    QueryMatrix judgeFused(const Strategy& strategy, const std::string& text, const QueryVectors& vectors,
                           const Relevance& relevance) {
        QueryMatrix matrix;
        for (std::size_t k = 1; k <= kMostJudged; ++k) {
            const StrategyResult ranked = search_.run(strategy, vectors, k, k);
            requireRun(ranked, text);
            matrix.push_back(judge(documentsOf(ranked), k, relevance, facts_));
        }
        return matrix;
    }

    QueryMatrix judgeAll(const std::vector<std::int32_t>& documents, const Relevance& relevance) const {
        QueryMatrix matrix;
        for (std::size_t k = 1; k <= kMostJudged; ++k) {
            matrix.push_back(judge(documents, k, relevance, facts_));
        }
        return matrix;
    }

    std::size_t judgedAt(std::size_t n) const { return std::min(n + result_.request.offset, kMostJudged); }

    void leaveHeadsOut(const QueryVectors& vectors, const Relevance& relevance) {
        const Strategy& mrag = strategyOf("mrag");
        const StrategyResult whole = search_.run(mrag, vectors, kMostJudged, result_.request.nearest);
        const std::size_t k = judgedAt(relevance.items.size());
        const auto weighted = [&](const std::vector<Ranked>& ranking) {
            StrategyResult result;
            result.documents = ranking;
            return judge(documentsOf(result), k, relevance, facts_)[static_cast<std::size_t>(Metric::Weighted)];
        };
        const double with = weighted(whole.documents);
        without_.resize(whole.lists.heads);
        std::vector<std::uint8_t> on(whole.lists.heads, 1);
        for (std::size_t head = 0; head < on.size(); ++head) {
            on[head] = 0;
            without_[head].push_back(weighted(rankByVotes(whole.lists, mrag.rule, on)) - with);
            on[head] = 1;
        }
    }

    void summarise() {
        const EvaluationRequest& request = result_.request;
        for (const Strategy* strategy : strategies_) {
            for (const auto& [n, rows] : result_.matrices[strategy->name]) {
                const std::vector<MetricValues>& judged = rows[judgedAt(n) - 1];
                EvaluationRow row{strategy->name, n, judgedAt(n), judged.size(), {}, {}};
                const auto standard = result_.matrices.find("standard");
                for (std::size_t metric = 0; metric < kMetrics; ++metric) {
                    std::vector<double> values;
                    std::vector<double> gains;
                    for (std::size_t i = 0; i < judged.size(); ++i) {
                        values.push_back(judged[i][metric]);
                        if (standard != result_.matrices.end()) {
                            gains.push_back(judged[i][metric] - standard->second.at(n)[judgedAt(n) - 1][i][metric]);
                        }
                    }
                    row.metrics[metric] = bootstrap(values, request.resamples, request.seed);
                    row.gains[metric] = bootstrap(gains, request.resamples, request.seed);
                }
                result_.rows.push_back(std::move(row));
            }
        }
        for (const std::vector<double>& changes : without_) {
            result_.without_head.push_back(bootstrap(changes, request.resamples, request.seed));
        }
    }

    void describe() {
        const CollectionInfo& info = index_->info();
        const EmbedderInfo& embedder = info.embedder;
        result_.created = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
        result_.collection = info.plan.name;
        const std::string chunks = info.plan.chunk_tokens == 0
                                       ? "documents whole"
                                       : fmt::format("chunks of {} tokens", info.plan.chunk_tokens);
        result_.embedder = fmt::format("{}, {} pooling, {}, {}, cut at {} tokens, {} of {} chunks cut",
                                       embedder.name, nameOf(embedder.pooling), nameOf(embedder.place), chunks,
                                       embedder.max_tokens, info.truncated, info.chunks);
        result_.index_hash = collections_.contentHash(collection_);
        std::string key = result_.index_hash + embedder.fingerprint + evaluationJson(result_);
        const std::size_t created = key.find(result_.created); // the time is no setting
        key.erase(created, result_.created.size());
        for (const StoredQuery& query : queries_) {
            key += query.text;
        }
        result_.record = probe::sha256(key).substr(0, 16);
    }

    Collections& collections_;
    std::string collection_;
    Embedder& embedder_;
    std::shared_ptr<const CollectionIndex> index_;
    StrategySearch search_;
    std::vector<const Strategy*> strategies_;
    std::vector<DocumentFacts> facts_;
    std::vector<StoredQuery> queries_;
    std::vector<std::vector<double>> without_; // [heads][queries]
    EvaluationResult result_;
};

nlohmann::json intervalJson(const Interval& interval, bool gain) {
    nlohmann::json json{{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
    if (gain) {
        json["p"] = interval.p;
    }
    return json;
}

nlohmann::json metricsJson(const std::array<Interval, kMetrics>& intervals, bool gain) {
    nlohmann::json json;
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
        json[metricNames()[metric]] = intervalJson(intervals[metric], gain);
    }
    return json;
}

} // namespace

EvaluationResult evaluate(Collections& collections, const std::string& collection, const EvaluationRequest& request,
                          Embedder& embedder, kernels::ThreadPool& pool,
                          const std::function<void(std::size_t, std::size_t)>& progress,
                          const std::stop_token& stop) {
    return Evaluation(collections, collection, request, embedder, pool).run(progress, stop);
}

std::string evaluationJson(const EvaluationResult& result) {
    const EvaluationRequest& request = result.request;
    nlohmann::json rows = nlohmann::json::array();
    const bool gains =
        std::find(request.strategies.begin(), request.strategies.end(), "standard") != request.strategies.end();
    for (const EvaluationRow& row : result.rows) {
        nlohmann::json json{{"strategy", row.strategy},
                            {"n", row.items},
                            {"k", row.k},
                            {"queries", row.queries},
                            {"metrics", metricsJson(row.metrics, false)}};
        if (gains && row.strategy != "standard") {
            json["gains"] = metricsJson(row.gains, true);
        }
        rows.push_back(std::move(json));
    }
    nlohmann::json without = nlohmann::json::array();
    for (const Interval& interval : result.without_head) {
        without.push_back(intervalJson(interval, true));
    }
    const nlohmann::json settings{{"collection", result.collection},
                                  {"embedder", result.embedder},
                                  {"index", result.index_hash},
                                  {"query_set", request.query_set},
                                  {"strategies", request.strategies},
                                  {"layer", request.layer},
                                  {"c", request.nearest},
                                  {"offset", request.offset},
                                  {"resamples", request.resamples},
                                  {"seed", request.seed},
                                  {"queries_left_out", result.left_out}};
    return nlohmann::json{{"record", result.record},
                          {"created", result.created},
                          {"settings", settings},
                          {"metrics", metricNames()},
                          {"rows", rows},
                          {"without_head", without}}
        .dump();
}

} // namespace fulgurite::retrieval
