// SPDX-License-Identifier: Apache-2.0
#include "core/node/retrieval_reply.h"

#include "core/node/json_text.h"

#include <cmath>
#include <utility>

namespace fulgurite::node {

namespace {

using nlohmann::json;

// Five significant digits: pixels need no more, and 100,000 points are half the size.
json coordinates(const std::vector<float>& values) {
    json list = json::array();
    for (const float value : values) {
        if (value == 0 || !std::isfinite(value)) {
            list.push_back(0);
            continue;
        }
        const double scale = std::pow(10.0, 4 - std::floor(std::log10(std::abs(static_cast<double>(value)))));
        list.push_back(std::round(static_cast<double>(value) * scale) / scale);
    }
    return list;
}

json embedderJson(const std::string& id, const retrieval::EmbedderInfo& info, std::vector<std::string> kinds) {
    return {{"id", id},
            {"name", info.name},
            {"standard_width", info.width},
            {"heads", info.heads},
            {"head_width", info.head_dim},
            {"layer_kinds", std::move(kinds)}};
}

json queryJson(const retrieval::StoredQuery& query) {
    return {
        {"text", query.text}, {"relevant", query.relevant}, {"labels", query.labels}, {"prompts", query.prompts}};
}

// One list for each head, without what fills up shorter ones.
json listsJson(const retrieval::HeadLists& lists) {
    json documents = json::array();
    json distances = json::array();
    for (std::size_t head = 0; head < lists.heads; ++head) {
        json nearest = json::array();
        json far = json::array();
        for (std::size_t rank = 0; rank < lists.depth; ++rank) {
            const std::size_t at = head * lists.depth + rank;
            if (lists.documents[at] < 0) {
                break;
            }
            nearest.push_back(lists.documents[at]);
            far.push_back(lists.distances[at]);
        }
        documents.push_back(std::move(nearest));
        distances.push_back(std::move(far));
    }
    return {{"c", lists.depth},
            {"scores", lists.scores},
            {"documents", std::move(documents)},
            {"distances", std::move(distances)}};
}

json resultJson(const retrieval::StrategyResult& result) {
    json value{{"strategy", result.strategy}, {"seconds", result.seconds}, {"kind", nameOf(result.kind)}};
    if (result.kind == retrieval::ResultKind::Unavailable) {
        value["reason"] = result.reason;
        return value;
    }
    json documents = json::array();
    json values = json::array();
    for (const retrieval::Ranked& each : result.documents) {
        documents.push_back(each.document);
        values.push_back(each.total);
    }
    value["documents"] = std::move(documents);
    value["values"] = std::move(values);
    if (result.kind == retrieval::ResultKind::Votes) {
        value["heads"] = listsJson(result.lists);
    }
    return value;
}

} // namespace

json toJson(const EmbedderOffer& offer) {
    json value = embedderJson(offer.id, offer.info, offer.layer_kinds);
    if (!offer.problem.empty()) {
        value["problem"] = offer.problem;
    }
    return value;
}

json toJson(const RetrievalJob& job) {
    return {{"id", job.id},
            {"kind", job.kind},
            {"state", nameOf(job.state)},
            {"done", job.done},
            {"total", job.total},
            {"per_second", job.per_second},
            {"seconds_left", job.seconds_left},
            {"message", job.message},
            {"record", job.record}};
}

json collectionJson(RetrievalService& service, const retrieval::CollectionInfo& collection) {
    json stored = json::array();
    for (const int layer : collection.embedder.layers) {
        stored.push_back(
            {{"layer", layer}, {"place", nameOf(collection.plan.place)}, {"dtype", nameOf(collection.plan.type)}});
    }
    json sets = json::array();
    for (const retrieval::QuerySetInfo& set : collection.query_sets) {
        sets.push_back({{"id", set.id}, {"name", set.name}, {"queries", set.queries}, {"aspects", set.aspects}});
    }
    const std::optional<RetrievalJob> job = service.job(collection.id);
    return {
        {"id", collection.id},
        {"name", collection.plan.name},
        {"revision", collection.revision},
        {"documents", collection.documents},
        {"chunks", collection.chunks},
        {"truncated", collection.truncated},
        {"embedder", embedderJson(collection.plan.embedder, collection.embedder, service.layerKinds(collection))},
        {"stored", std::move(stored)},
        {"bytes", collection.vector_bytes},
        {"labels", collection.labels},
        {"query_sets", std::move(sets)},
        {"job", job ? toJson(*job) : json()},
        {"problem", service.problemOf(collection)}};
}

json toJson(const retrieval::DocumentColumns& columns) {
    return {{"revision", columns.revision}, {"first", columns.first},   {"total", columns.total},
            {"titles", columns.titles},     {"labels", columns.labels}, {"characters", columns.characters}};
}

json toJson(const retrieval::StoredDocument& document) {
    json chunks = json::array();
    for (const retrieval::ChunkInfo& chunk : document.chunks) {
        chunks.push_back(
            {{"begin", chunk.begin}, {"end", chunk.end}, {"tokens", chunk.tokens}, {"truncated", chunk.truncated}});
    }
    return {{"title", document.title},
            {"label", document.label},
            {"source", document.source},
            {"text", document.text},
            {"chunks", std::move(chunks)}};
}

json toJson(const retrieval::SearchReply& reply) {
    json results = json::array();
    for (const retrieval::StrategyResult& result : reply.results) {
        results.push_back(resultJson(result));
    }
    json passages = json::object();
    for (const auto& [document, passage] : reply.passages) {
        passages[std::to_string(document)] = {
            {"chunk", passage.chunk}, {"begin", passage.begin}, {"end", passage.end}, {"text", passage.text}};
    }
    return {{"revision", reply.revision},    {"query_tokens", reply.query_tokens},
            {"truncated", reply.truncated},  {"embed_seconds", reply.embed_seconds},
            {"results", std::move(results)}, {"passages", std::move(passages)}};
}

json toJson(const retrieval::HeadStatistics& statistics) {
    json value{{"scores", json::array()}, {"norms", json::array()}, {"spreads", json::array()}};
    for (const retrieval::HeadScore& each : statistics.scores) {
        value["scores"].push_back(each.score);
        value["norms"].push_back(each.norm);
        value["spreads"].push_back(each.spread);
    }
    json separates = json::array();
    for (const auto& head : statistics.separates) {
        json labels = json::array();
        for (const retrieval::Separation& each : head) {
            labels.push_back({{"label", each.label},
                              {"auc", each.auc},
                              {"standard_auc", each.standard_auc},
                              {"documents", each.documents}});
        }
        separates.push_back(std::move(labels));
    }
    value["separates"] = std::move(separates);
    return value;
}

json toJson(const std::vector<retrieval::Projection>& spaces) {
    json list = json::array();
    for (const retrieval::Projection& each : spaces) {
        json space{{"space", each.head < 0 ? json("standard") : json(each.head)},
                   {"x", coordinates(each.x)},
                   {"y", coordinates(each.y)},
                   {"explained", each.explained},
                   {"query", nullptr}};
        if (each.query) {
            space["query"] = coordinates({(*each.query)[0], (*each.query)[1]});
        }
        list.push_back(std::move(space));
    }
    return {{"spaces", std::move(list)}};
}

json toJson(const std::vector<retrieval::StoredQuery>& queries) {
    json list = json::array();
    for (const retrieval::StoredQuery& query : queries) {
        list.push_back(queryJson(query));
    }
    return {{"queries", std::move(list)}};
}

} // namespace fulgurite::node
