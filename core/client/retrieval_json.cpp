// SPDX-License-Identifier: Apache-2.0
#include "core/client/retrieval_json.h"

#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/client/engine_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace fulgurite::client {

namespace {

using nlohmann::json;

constexpr std::size_t kMostEntries = std::size_t{1} << 24; // of all lists of one search

std::vector<std::string> stringsOf(const JsonField& list) {
    return listOf<std::string>(list, [](const JsonField& each) { return each.string(); });
}

std::vector<double> numbersOf(const JsonField& list) {
    return listOf<double>(list, [](const JsonField& each) { return each.number(); });
}

std::vector<std::int32_t> documentsOf(const JsonField& list) {
    return listOf<std::int32_t>(
        list, [](const JsonField& each) { return static_cast<std::int32_t>(each.integer(0, INT32_MAX)); });
}

void putHeads(json& body, const HeadPlace& place) {
    body["layer"] = place.layer;
    body["place"] = place.place;
}

EmbedderInfo embedderOf(const JsonField& root) {
    EmbedderInfo embedder;
    embedder.id = root["id"].string();
    embedder.name = root["name"].string();
    embedder.standard_width = root["standard_width"].count();
    embedder.heads = root["heads"].count();
    embedder.head_width = root["head_width"].count();
    embedder.layer_kinds = stringsOf(root["layer_kinds"]);
    embedder.problem = root.string("problem", "");
    return embedder;
}

RetrievalJob jobOf(const JsonField& root) {
    RetrievalJob job;
    job.id = root["id"].string();
    job.kind = root["kind"].string();
    job.state = root["state"].string();
    job.done = root["done"].count();
    job.total = root["total"].count();
    job.per_second = root.number("per_second", 0);
    job.seconds_left = root.number("seconds_left", 0);
    job.message = root.string("message", "");
    job.record = root.string("record", "");
    return job;
}

HeadPlace placeOf(const JsonField& root) {
    return {static_cast<int>(root["layer"].integer(0, 1'000'000)), root["place"].string(),
            root.string("dtype", "")};
}

QuerySetInfo querySetOf(const JsonField& root) {
    return {root["id"].string(), root["name"].string(), root["queries"].count(),
            listOf<int>(root["aspects"],
                        [](const JsonField& each) { return static_cast<int>(each.integer(0, 1'000'000)); })};
}

Collection collectionOf(const JsonField& root) {
    Collection collection;
    collection.id = root["id"].string();
    collection.name = root["name"].string();
    collection.revision = root["revision"].count();
    collection.documents = root["documents"].count();
    collection.chunks = root["chunks"].count();
    collection.truncated = root.count("truncated", 0);
    collection.embedder = embedderOf(root["embedder"]);
    collection.stored = listOf<HeadPlace>(root["stored"], placeOf);
    collection.bytes = root["bytes"].count();
    collection.labels = stringsOf(root["labels"]);
    collection.query_sets = listOf<QuerySetInfo>(root["query_sets"], querySetOf);
    if (root.has("job"))
        collection.job = jobOf(root["job"]);
    collection.problem = root.string("problem", "");
    return collection;
}

// [heads][up to c] of documents and distances into rectangles as wide as the longest list.
retrieval::HeadLists listsOf(const JsonField& root) {
    retrieval::HeadLists lists;
    lists.scores = numbersOf(root["scores"]);
    lists.heads = lists.scores.size();
    const JsonField documents = root["documents"];
    const JsonField distances = root["distances"];
    documents.expect(documents.size() == lists.heads, "a list for each head");
    distances.expect(distances.size() == lists.heads, "a list for each head");
    for (std::size_t head = 0; head < lists.heads; ++head) {
        documents.at(head).expect(documents.at(head).size() <= root["c"].count(), "at most c documents");
        lists.depth = std::max(lists.depth, documents.at(head).size());
    }
    documents.expect(lists.depth == 0 || lists.heads <= kMostEntries / lists.depth, "fewer entries");
    for (std::size_t head = 0; head < lists.heads; ++head) {
        std::vector<std::int32_t> nearest = documentsOf(documents.at(head));
        const std::vector<double> far = numbersOf(distances.at(head));
        distances.at(head).expect(far.size() == nearest.size(), "a distance for each document");
        nearest.resize(lists.depth, -1);
        lists.documents.insert(lists.documents.end(), nearest.begin(), nearest.end());
        lists.distances.insert(lists.distances.end(), far.begin(), far.end());
        lists.distances.resize(lists.documents.size(), 0);
    }
    return lists;
}

StrategyResult resultOf(const JsonField& root) {
    StrategyResult result;
    result.strategy = root["strategy"].string();
    result.kind = root["kind"].string();
    result.seconds = root.number("seconds", 0);
    result.reason = root.string("reason", "");
    if (root.has("documents")) {
        result.documents = documentsOf(root["documents"]);
        result.values = numbersOf(root["values"]);
        root["values"].expect(result.values.size() == result.documents.size(), "a value for each document");
    }
    if (root.has("heads"))
        result.lists = listsOf(root["heads"]);
    return result;
}

Separation separationOf(const JsonField& root) {
    return {root["label"].string(), root["auc"].number(), root["standard_auc"].number(), root["documents"].count()};
}

Projection projectionOf(const JsonField& root) {
    Projection projection;
    const JsonField space = root["space"];
    projection.head = space.value().is_string() ? -1 : static_cast<int>(space.integer(0, 1'000'000));
    const auto coordinates = [](const JsonField& list) {
        return listOf<float>(list, [](const JsonField& each) { return static_cast<float>(each.number()); });
    };
    projection.x = coordinates(root["x"]);
    projection.y = coordinates(root["y"]);
    root["y"].expect(projection.y.size() == projection.x.size(), "as many numbers as x has");
    projection.explained = {root["explained"].at(0).number(), root["explained"].at(1).number()};
    if (root.has("query"))
        projection.query = {static_cast<float>(root["query"].at(0).number()),
                            static_cast<float>(root["query"].at(1).number())};
    return projection;
}

Interval intervalOf(const JsonField& root) {
    return {root["mean"].number(), root["low"].number(), root["high"].number()};
}

std::map<std::string, Interval> intervalsOf(const JsonField& root) {
    std::map<std::string, Interval> intervals;
    for (const auto& [name, value] : root.value().items())
        intervals[name] = intervalOf(root[name.c_str()]);
    return intervals;
}

EvaluationRow rowOf(const JsonField& root) {
    EvaluationRow row;
    row.strategy = root["strategy"].string();
    row.aspects = root["n"].count();
    row.k = root["k"].count();
    row.queries = root["queries"].count();
    row.metrics = intervalsOf(root["metrics"]);
    if (root.has("gains")) {
        row.gains = intervalsOf(root["gains"]);
        for (const auto& gain : row.gains)
            row.p[gain.first] = root["gains"][gain.first.c_str()].number("p", std::nan(""));
    }
    return row;
}

Evaluation evaluationOf(const JsonField& root) {
    Evaluation evaluation;
    evaluation.record = root["record"].string();
    evaluation.created = root.string("created", "");
    evaluation.settings = root["settings"].value().dump(2);
    evaluation.metrics = stringsOf(root["metrics"]);
    evaluation.rows = listOf<EvaluationRow>(root["rows"], rowOf);
    if (root.has("without_head"))
        evaluation.without_head = listOf<Interval>(root["without_head"], intervalOf);
    return evaluation;
}

} // namespace

std::string newCollectionBody(const NewCollection& wanted) {
    json stored = json::array();
    for (const HeadPlace& place : wanted.stored) {
        json each;
        putHeads(each, place);
        if (!place.dtype.empty())
            each["dtype"] = place.dtype;
        stored.push_back(std::move(each));
    }
    json body{{"name", wanted.name}, {"embedder", wanted.embedder}, {"stored", std::move(stored)}};
    if (wanted.chunk_tokens != 0)
        body["chunk_tokens"] = wanted.chunk_tokens;
    return dumpJson(body);
}

std::string ingestBody(const std::vector<std::string>& paths) {
    return dumpJson({{"paths", paths}});
}

std::string jobActionBody(JobAction action) {
    return dumpJson({{"action", action == JobAction::Pause    ? "pause"
                            : action == JobAction::Resume ? "resume"
                                                          : "cancel"}});
}

std::string searchBody(const SearchRequest& request) {
    json body{{"query", request.query}, {"n", request.count}, {"strategies", request.strategies}};
    putHeads(body, request.heads);
    if (request.nearest != 0)
        body["c"] = request.nearest;
    if (!request.prompts.empty())
        body["prompts"] = request.prompts;
    return dumpJson(body);
}

std::string projectionBody(const HeadPlace& place, const std::vector<int>& heads, const std::string& query) {
    json body;
    putHeads(body, place);
    for (const int head : heads)
        body["spaces"].push_back(head < 0 ? json("standard") : json(head));
    if (!query.empty())
        body["query"] = query;
    return dumpJson(body);
}

std::string addQueryBody(const std::string& query_set, const RetrievalQuery& query) {
    return dumpJson(
        {{"query_set", query_set}, {"text", query.text}, {"relevant", query.relevant}, {"prompts", query.prompts}});
}

std::string evaluationBody(const EvaluationRequest& request) {
    json body{{"query_set", request.query_set}, {"strategies", request.strategies}, {"c", request.nearest},
              {"offset", request.offset},       {"resamples", request.resamples},   {"seed", request.seed}};
    putHeads(body, request.heads);
    if (request.leave_heads_out)
        body["heads"] = true;
    return dumpJson(body);
}

std::string embedderFolderBody(const std::string& folder) {
    return dumpJson({{"folder", folder}});
}

std::string searchPromptsBody(const std::string& query, std::size_t count) {
    return dumpJson({{"query", query}, {"count", count}});
}

EmbedderInfo readEmbedder(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return embedderOf(JsonField(document, where));
}

std::vector<std::string> readSearchPrompts(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return stringsOf(JsonField(document, where)["prompts"]);
}

std::vector<EmbedderInfo> readEmbedders(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return listOf<EmbedderInfo>(JsonField(document, where)["embedders"], embedderOf);
}

std::vector<Collection> readCollections(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return listOf<Collection>(JsonField(document, where)["collections"], collectionOf);
}

Collection readCollection(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return collectionOf(JsonField(document, where));
}

RetrievalJob readJob(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return jobOf(JsonField(document, where)["job"]);
}

DocumentColumns readDocumentColumns(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    DocumentColumns columns;
    columns.revision = root["revision"].count();
    columns.first = root["first"].count();
    columns.total = root["total"].count();
    columns.titles = stringsOf(root["titles"]);
    columns.labels = stringsOf(root["labels"]);
    columns.characters =
        listOf<std::size_t>(root["characters"], [](const JsonField& each) { return each.count(); });
    root["labels"].expect(columns.labels.size() == columns.titles.size(), "as many texts as titles");
    root["characters"].expect(columns.characters.size() == columns.titles.size(), "as many numbers as titles");
    return columns;
}

Document readDocument(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    return {root["title"].string(), root.string("label", ""), root.string("source", ""), root["text"].string(),
            listOf<DocumentChunk>(root["chunks"], [](const JsonField& each) {
                return DocumentChunk{each["begin"].count(), each["end"].count(), each.count("tokens", 0)};
            })};
}

SearchReply readSearch(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    SearchReply reply;
    reply.revision = root["revision"].count();
    reply.query_tokens = root.count("query_tokens", 0);
    reply.truncated = root.boolean("truncated", false);
    reply.embed_seconds = root.number("embed_seconds", 0);
    reply.results = listOf<StrategyResult>(root["results"], resultOf);
    const JsonField passages = root["passages"];
    for (const auto& [name, value] : passages.value().items()) {
        std::int32_t number = -1;
        std::from_chars(name.data(), name.data() + name.size(), number);
        passages.expect(number >= 0, "documents' numbers as names");
        const JsonField each = passages[name.c_str()];
        reply.passages[number] = {each.count("chunk", 0), each.count("begin", 0), each.count("end", 0),
                                  each["text"].string()};
    }
    return reply;
}

HeadStatistics readHeadStatistics(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    HeadStatistics statistics;
    statistics.scores = numbersOf(root["scores"]);
    statistics.norms = numbersOf(root["norms"]);
    statistics.spreads = numbersOf(root["spreads"]);
    statistics.separates = listOf<std::vector<Separation>>(
        root["separates"], [](const JsonField& each) { return listOf<Separation>(each, separationOf); });
    for (const char* name : {"norms", "spreads", "separates"})
        root[name].expect(root[name].size() == statistics.scores.size(), "one for each head");
    return statistics;
}

std::vector<Projection> readProjections(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return listOf<Projection>(JsonField(document, where)["spaces"], projectionOf);
}

std::vector<RetrievalQuery> readQueries(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return listOf<RetrievalQuery>(JsonField(document, where)["queries"], [](const JsonField& each) {
        return RetrievalQuery{each["text"].string(), documentsOf(each["relevant"]),
                              each.has("prompts") ? stringsOf(each["prompts"]) : std::vector<std::string>{}};
    });
}

std::vector<Evaluation> readEvaluations(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    return listOf<Evaluation>(JsonField(document, where)["evaluations"], evaluationOf);
}

} // namespace fulgurite::client
