// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/embedders and /fulgurite/v1/collections.
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/query_reader.h"
#include "core/node/retrieval_reply.h"
#include "core/node/retrieval_service.h"
#include "core/node/thing_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace fulgurite::node {

namespace {

using nlohmann::json;

constexpr std::int64_t kMaxLayer = 1 << 20;
constexpr std::int64_t kMaxPage = 20'000;
constexpr std::int64_t kMaxDocuments = std::int64_t{1} << 31;
constexpr std::int64_t kMaxNearest = 100'000;
constexpr std::size_t kMaxTexts = 10'000;

// Keeps the model for as long as it is held.
std::shared_ptr<RetrievalService> serviceOf(const EndpointContext& context) {
    const std::shared_ptr<ModelService> model = context.host.get();
    if (model->retrieval() == nullptr) {
        throw ApiError(400, "this engine keeps no collections", {}, "unsupported");
    }
    return {model, model->retrieval()};
}

HttpReply reply(const json& value) {
    HttpReply answer;
    answer.body = dumpJson(value);
    return answer;
}

// "ID/search" behind the prefix; "ID/documents/17" has a rest.
struct Target {
    std::string id;
    std::string view;
    std::string rest;
    std::stop_token stop; // of the request
};

Target targetOf(const HttpRequest& request) {
    constexpr std::string_view kPrefix = "/fulgurite/v1/collections/";
    std::string_view path = std::string_view(request.head.path).substr(kPrefix.size());
    const auto next = [&path] {
        const std::size_t slash = path.find('/');
        std::string part(path.substr(0, slash));
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        return part;
    };
    Target target;
    target.id = next();
    target.view = next();
    target.rest = std::string(path);
    target.stop = request.stop;
    return target;
}

std::vector<std::string> readTexts(ObjectReader& reader, const char* key) {
    std::vector<std::string> texts;
    const json* list = reader.array(key);
    if (list == nullptr) {
        return texts;
    }
    if (list->size() > kMaxTexts) {
        refuse(reader.pathOf(key), fmt::format("has more than {} entries", kMaxTexts));
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
        if (!(*list)[i].is_string()) {
            refuse(fmt::format("{}[{}]", reader.pathOf(key), i), "must be a string");
        }
        texts.push_back((*list)[i].get<std::string>());
    }
    return texts;
}

std::string required(ObjectReader& reader, const char* key) {
    const auto text = reader.string(key);
    if (!text || text->empty()) {
        refuse(reader.pathOf(key), "is needed");
    }
    return *text;
}

// The heads' vectors lie in one place for the whole collection; another one is not stored.
int readLayer(const retrieval::CollectionInfo& collection, std::optional<std::int64_t> layer,
              const std::optional<std::string>& place) {
    if (place && *place != nameOf(collection.plan.place)) {
        refuse("place", fmt::format("heads of {} are stored from \"{}\" only", collection.plan.name,
                                    nameOf(collection.plan.place)));
    }
    return layer ? static_cast<int>(*layer) : -1;
}

retrieval::CollectionPlan readPlan(ObjectReader& reader) {
    retrieval::CollectionPlan plan;
    plan.name = required(reader, "name");
    plan.embedder = reader.string("embedder").value_or(plan.embedder);
    plan.chunk_tokens = static_cast<std::size_t>(reader.integer("chunk_tokens", 0, kMaxDocuments).value_or(0));
    plan.max_tokens = static_cast<std::size_t>(reader.integer("max_tokens", 0, kMaxDocuments).value_or(0));
    const json* stored = reader.array("stored");
    for (std::size_t i = 0; stored != nullptr && i < stored->size(); ++i) {
        ObjectReader each((*stored)[i], fmt::format("stored[{}]", i));
        const auto layer = each.integer("layer", 0, kMaxLayer);
        if (!layer) {
            refuse(each.pathOf("layer"), "is needed");
        }
        const auto place = each.string("place");
        const auto dtype = each.string("dtype");
        each.finish();
        const retrieval::HeadPlace taken = place ? retrieval::headPlaceOf(*place) : plan.place;
        const retrieval::VectorType type = dtype ? retrieval::vectorTypeOf(*dtype) : plan.type;
        if (i > 0 && (taken != plan.place || type != plan.type)) {
            refuse(fmt::format("stored[{}]", i), "a collection stores all layers from one place and in one type");
        }
        plan.layers.push_back(static_cast<int>(*layer));
        plan.place = taken;
        plan.type = type;
    }
    return plan;
}

Answer documentsView(RetrievalService& service, const Target& target, QueryReader& query) {
    if (target.rest.empty()) {
        const auto first = static_cast<std::size_t>(query.integer("first", 0, kMaxDocuments).value_or(0));
        const auto count = static_cast<std::size_t>(query.integer("count", 0, kMaxPage).value_or(kMaxPage));
        query.finish();
        return reply(toJson(service.collections().documents(target.id, first, count)));
    }
    query.finish();
    std::size_t number = 0;
    const char* end = target.rest.data() + target.rest.size();
    const auto [last, code] = std::from_chars(target.rest.data(), end, number);
    if (code != std::errc() || last != end) {
        throw ApiError(404, fmt::format("'{}' is no number of a document", target.rest.substr(0, 64)));
    }
    return reply(toJson(service.collections().document(target.id, number)));
}

Answer headsView(RetrievalService& service, const Target& target, QueryReader& query) {
    const auto layer = query.integer("layer", 0, kMaxLayer);
    const auto place = query.string("place");
    query.finish();
    const retrieval::CollectionInfo collection = service.collections().info(target.id);
    return reply(
        toJson(service.collections().heads(collection.id, readLayer(collection, layer, place), service.pool())));
}

Answer queriesView(RetrievalService& service, const Target& target, QueryReader& query) {
    const auto set = query.text("set");
    query.finish();
    if (!set) {
        refuse("set", "is needed: the id or name of a query set");
    }
    return reply(toJson(service.collections().queries(target.id, *set)));
}

Answer evaluationsView(RetrievalService& service, const Target& target, QueryReader& query) {
    query.finish();
    if (!target.rest.empty()) {
        HttpReply answer;
        answer.body = service.collections().evaluationMatrices(target.id, target.rest);
        return answer;
    }
    json list = json::array();
    for (const std::string& text : service.collections().evaluations(target.id)) {
        list.push_back(json::parse(text));
    }
    return reply({{"evaluations", std::move(list)}});
}

Answer search(RetrievalService& service, const Target& target, ObjectReader& reader) {
    const retrieval::CollectionInfo collection = service.collections().info(target.id);
    retrieval::SearchRequest request;
    request.query = required(reader, "query");
    request.layer = readLayer(collection, reader.integer("layer", 0, kMaxLayer), reader.string("place"));
    request.count = static_cast<std::size_t>(reader.integer("n", 1, kMaxNearest).value_or(10));
    request.nearest = static_cast<std::size_t>(reader.integer("c", 1, kMaxNearest).value_or(0));
    request.strategies = readTexts(reader, "strategies");
    request.prompts = readTexts(reader, "prompts");
    reader.finish();
    return reply(toJson(service.search(collection.id, request, target.stop)));
}

Answer project(RetrievalService& service, const Target& target, ObjectReader& reader) {
    const retrieval::CollectionInfo collection = service.collections().info(target.id);
    const int layer = readLayer(collection, reader.integer("layer", 0, kMaxLayer), reader.string("place"));
    const std::string query = reader.string("query").value_or("");
    const json* spaces = reader.array("spaces");
    std::vector<int> heads;
    for (std::size_t i = 0; spaces != nullptr && i < spaces->size(); ++i) {
        const json& each = (*spaces)[i];
        const bool standard = each == "standard";
        if (!standard && (!each.is_number_integer() || each < 0 || each >= collection.embedder.heads)) {
            refuse(fmt::format("spaces[{}]", i),
                   fmt::format("must be \"standard\" or a head from 0 to {}", collection.embedder.heads - 1));
        }
        heads.push_back(standard ? -1 : each.get<int>());
    }
    reader.finish();
    return reply(toJson(service.project(collection.id, layer, heads, query, target.stop)));
}

Answer addQuery(RetrievalService& service, const Target& target, ObjectReader& reader) {
    std::string set = required(reader, "query_set");
    const std::vector<retrieval::QuerySetInfo> sets = service.collections().info(target.id).query_sets;
    const auto known = std::find_if(sets.begin(), sets.end(), [&](const auto& each) { return each.id == set; });
    set = known == sets.end() ? set : known->name; // a new one is made by its name
    retrieval::StoredQuery query;
    query.text = required(reader, "text");
    query.prompts = readTexts(reader, "prompts");
    const json* relevant = reader.array("relevant");
    if (relevant == nullptr || relevant->empty()) {
        refuse("relevant", "is needed: the numbers of the relevant documents");
    }
    for (std::size_t i = 0; i < relevant->size(); ++i) {
        const json& each = (*relevant)[i];
        if (!each.is_number_integer() || each < 0 || each >= kMaxDocuments) {
            refuse(fmt::format("relevant[{}]", i), "must be the number of a document");
        }
        query.relevant.push_back(each.get<std::int32_t>());
    }
    reader.finish();
    return reply(toJson(service.collections().addQuery(target.id, set, query)));
}

Answer ingest(RetrievalService& service, const Target& target, ObjectReader& reader, const NameableFiles& files) {
    std::vector<std::filesystem::path> paths;
    for (const std::string& path : readTexts(reader, "paths")) {
        files.require(path);
        paths.emplace_back(path);
    }
    reader.finish();
    if (paths.empty()) {
        refuse("paths", "is needed: files and folders on the node's machine");
    }
    return reply({{"job", toJson(service.ingest(target.id, std::move(paths)))}});
}

Answer evaluate(RetrievalService& service, const Target& target, ObjectReader& reader) {
    const retrieval::CollectionInfo collection = service.collections().info(target.id);
    retrieval::EvaluationRequest request;
    request.query_set = required(reader, "query_set");
    request.strategies = readTexts(reader, "strategies");
    request.layer = readLayer(collection, reader.integer("layer", 0, kMaxLayer), reader.string("place"));
    request.nearest = static_cast<std::size_t>(reader.integer("c", 1, kMaxNearest).value_or(32));
    request.offset = static_cast<std::size_t>(reader.integer("offset", 0, kMaxNearest).value_or(5));
    request.resamples = static_cast<std::size_t>(reader.integer("resamples", 100, 100'000).value_or(2000));
    request.seed = reader.seed("seed").value_or(1);
    request.leave_heads_out = reader.boolean("heads").value_or(false);
    reader.finish();
    return reply({{"job", toJson(service.evaluate(collection.id, std::move(request)))}});
}

Answer steer(RetrievalService& service, const Target& target, ObjectReader& reader) {
    const RetrievalAction action = retrievalActionOf(required(reader, "action"));
    reader.finish();
    return reply({{"job", toJson(service.steer(target.id, action))}});
}

// An embedder may be any folder of the node's machine: which ones others than administrators take is said by
// `serve`.
void requireOnOffer(const EndpointContext& context, const HttpRequest& request, RetrievalService& service,
                    const std::string& embedder) {
    if (callerOf(request).has(Scope::Admin)) {
        return;
    }
    const std::vector<EmbedderOffer> offers = service.embedders();
    const bool offered =
        std::any_of(offers.begin(), offers.end(), [&](const EmbedderOffer& offer) { return offer.id == embedder; });
    if (!offered) {
        NameableFiles(context, request).require(embedder);
    }
}

using View = Answer (*)(RetrievalService&, const Target&, QueryReader&);
using Order = Answer (*)(RetrievalService&, const Target&, ObjectReader&);

constexpr std::pair<std::string_view, View> kViews[] = {
    {"documents", documentsView}, {"heads", headsView}, {"queries", queriesView}, {"evaluations", evaluationsView}};
constexpr std::pair<std::string_view, Order> kOrders[] = {
    {"search", search}, {"projection", project}, {"queries", addQuery}, {"evaluations", evaluate}, {"job", steer}};

[[noreturn]] void refuseView(const std::string& view) {
    throw ApiError(404, fmt::format("a collection has no '{}'", view.substr(0, 64)));
}

} // namespace

Answer listEmbedders(const EndpointContext& context, const HttpRequest& request) {
    QueryReader(request.head.query).finish();
    json list = json::array();
    for (const EmbedderOffer& offer : serviceOf(context)->embedders()) {
        list.push_back(toJson(offer));
    }
    return reply({{"embedders", std::move(list)}});
}

Answer describeEmbedder(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<RetrievalService> held = serviceOf(context);
    RetrievalService& service = *held;
    const json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const std::string folder = required(reader, "folder");
    reader.finish();
    requireOnOffer(context, request, service, folder);
    return reply(toJson(service.offerOf(folder)));
}

Answer listCollections(const EndpointContext& context, const HttpRequest& request) {
    QueryReader(request.head.query).finish();
    const std::shared_ptr<RetrievalService> held = serviceOf(context);
    RetrievalService& service = *held;
    json list = json::array();
    for (const retrieval::CollectionInfo& collection : service.collections().list()) {
        if (maySee(context, request, Kind::Collection, collection.id)) {
            list.push_back(withShownName(callerOf(request), collectionJson(service, collection)));
        }
    }
    return reply({{"collections", std::move(list)}});
}

Answer createCollection(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<RetrievalService> held = serviceOf(context);
    RetrievalService& service = *held;
    const json body = parseBody(request.body);
    ObjectReader reader(body, "");
    retrieval::CollectionPlan plan = readPlan(reader);
    plan.name = keptName(callerOf(request), plan.name);
    reader.finish();
    requireOnOffer(context, request, service, plan.embedder);
    const retrieval::CollectionInfo collection = service.create(plan);
    context.ledger.claim(Kind::Collection, collection.id, callerOf(request));
    return reply(withShownName(callerOf(request), collectionJson(service, collection)));
}

Answer showCollection(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<RetrievalService> held = serviceOf(context);
    RetrievalService& service = *held;
    const Target target = targetOf(request);
    QueryReader query(request.head.query);
    if (target.view.empty()) {
        query.finish();
        return reply(
            withShownName(callerOf(request), collectionJson(service, service.collections().info(target.id))));
    }
    for (const auto& [name, view] : kViews) {
        if (name == target.view) {
            return view(service, target, query);
        }
    }
    refuseView(target.view);
}

Answer changeCollection(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<RetrievalService> held = serviceOf(context);
    RetrievalService& service = *held;
    const Target target = targetOf(request);
    const json body = parseBody(request.body);
    ObjectReader reader(body, "");
    if (target.view == "ingest" && target.rest.empty()) {
        return ingest(service, target, reader, NameableFiles(context, request));
    }
    for (const auto& [name, order] : kOrders) {
        if (name == target.view && target.rest.empty()) {
            return order(service, target, reader);
        }
    }
    refuseView(target.view);
}

Answer removeCollection(const EndpointContext& context, const HttpRequest& request) {
    const Target target = targetOf(request);
    if (!target.view.empty()) {
        throw ApiError(405, "only a whole collection can be removed");
    }
    serviceOf(context)->remove(target.id);
    context.ledger.forget(Kind::Collection, target.id);
    return reply({{"removed", target.id}});
}

} // namespace fulgurite::node
