// SPDX-License-Identifier: Apache-2.0
// The table of routes and admission.
#include "core/node/node.h"

#include "core/base/error.h"
#include "core/node/host_check.h"
#include "core/node/json_text.h"
#include "core/node/node_report.h"
#include "core/node/route_paths.h"
#include "core/node/sampling_fields.h"
#include "core/node/state_exchange.h"
#include "core/node/thing_guard.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

namespace fulgurite::node {

namespace {

// What is done on the records' thread needs no model.
enum class Where { IoThread, PreparingThread, InspectingThread, RecordsThread, SearchingThread };

struct Route {
    std::string_view method;
    std::string_view path; // ends with '/' when it takes more segments
    Where where;
    Scope scope; // what its caller's token must have
    Kind kind;   // of the thing whose id stands behind the path
    Answer (*endpoint)(const EndpointContext&, const HttpRequest&);
};

constexpr Route kRoutes[] = {
    {"GET", "/health", Where::IoThread, Scope::Open, Kind::None, health},
    {"GET", "/health/ready", Where::IoThread, Scope::Open, Kind::None, ready},
    {"GET", "/ready", Where::IoThread, Scope::Open, Kind::None, ready},
    {"GET", "/metrics", Where::IoThread, Scope::Metrics, Kind::None, metricsText},
    {"GET", "/v1/models", Where::IoThread, Scope::Any, Kind::None, listModels},
    {"GET", "/v1/models/", Where::IoThread, Scope::Any, Kind::None, showModel},
    {"POST", "/v1/chat/completions", Where::PreparingThread, Scope::Prompt, Kind::None, chatCompletions},
    {"POST", "/v1/completions", Where::PreparingThread, Scope::Prompt, Kind::None, completions},
    {"POST", "/v1/embeddings", Where::SearchingThread, Scope::Prompt, Kind::None, embeddings},
    {"GET", "/fulgurite/v1/info", Where::IoThread, Scope::Any, Kind::None, info},
    {"GET", "/fulgurite/v1/status", Where::IoThread, Scope::Any, Kind::None, status},
    {"GET", "/fulgurite/v1/node", Where::RecordsThread, Scope::Any, Kind::None, nodeReport},
    {"GET", "/fulgurite/v1/node/log", Where::IoThread, Scope::Admin, Kind::None, showLog},
    {"GET", "/fulgurite/v1/access", Where::IoThread, Scope::Any, Kind::None, whoAmI},
    {"POST", "/fulgurite/v1/share", Where::RecordsThread, Scope::Any, Kind::None, shareThing},
    {"GET", "/fulgurite/v1/model", Where::RecordsThread, Scope::Admin, Kind::None, showModelState},
    {"GET", "/fulgurite/v1/model/choices", Where::RecordsThread, Scope::Admin, Kind::None, listModelChoices},
    {"POST", "/fulgurite/v1/model/load", Where::RecordsThread, Scope::Admin, Kind::None, loadModel},
    {"POST", "/fulgurite/v1/model/unload", Where::RecordsThread, Scope::Admin, Kind::None, unloadModel},
    {"POST", "/fulgurite/v1/model/cancel", Where::RecordsThread, Scope::Admin, Kind::None, stopModelChange},
    {"POST", "/fulgurite/v1/generate", Where::PreparingThread, Scope::Prompt, Kind::None, generate},
    {"POST", "/fulgurite/v1/tokenize", Where::PreparingThread, Scope::Prompt, Kind::None, tokenize},
    {"POST", "/fulgurite/v1/reentry", Where::PreparingThread, Scope::Prompt, Kind::None, reentry},
    {"POST", "/fulgurite/v1/search-prompts", Where::PreparingThread, Scope::Prompt, Kind::None, searchPrompts},
    {"POST", "/fulgurite/v1/states", Where::InspectingThread, Scope::Prompt, Kind::None, takeState},
    {"POST", "/fulgurite/v1/state-uploads", Where::InspectingThread, Scope::Prompt, Kind::None, beginStateUpload},
    {"GET", "/fulgurite/v1/states/", Where::InspectingThread, Scope::Prompt, Kind::State, showState},
    {"POST", "/fulgurite/v1/states/", Where::InspectingThread, Scope::Prompt, Kind::State, changeState},
    {"DELETE", "/fulgurite/v1/states/", Where::InspectingThread, Scope::Prompt, Kind::State, removeState},
    {"POST", "/fulgurite/v1/inspect/plan", Where::PreparingThread, Scope::Inspect, Kind::None, planOfCapture},
    {"GET", "/fulgurite/v1/inspect/decay", Where::IoThread, Scope::Inspect, Kind::None, decayOfModel},
    {"GET", "/fulgurite/v1/inspect/costs", Where::InspectingThread, Scope::Inspect, Kind::None, costsOfModel},
    {"POST", "/fulgurite/v1/inspect/compare", Where::PreparingThread, Scope::Inspect, Kind::None,
     compareUnderIntervention},
    {"POST", "/fulgurite/v1/captures", Where::PreparingThread, Scope::Inspect, Kind::None, takeCapture},
    {"GET", "/fulgurite/v1/captures", Where::InspectingThread, Scope::Inspect, Kind::None, listCaptures},
    {"GET", "/fulgurite/v1/captures/", Where::InspectingThread, Scope::Inspect, Kind::Capture, showCapture},
    {"DELETE", "/fulgurite/v1/captures/", Where::InspectingThread, Scope::Inspect, Kind::Capture, removeCapture},
    {"GET", "/fulgurite/v1/runs", Where::RecordsThread, Scope::Train, Kind::None, listRuns},
    {"POST", "/fulgurite/v1/runs", Where::RecordsThread, Scope::Train, Kind::None, beginRun},
    {"GET", "/fulgurite/v1/runs/", Where::RecordsThread, Scope::Train, Kind::Run, showRun},
    {"POST", "/fulgurite/v1/runs/", Where::RecordsThread, Scope::Train, Kind::Run, pushToRun},
    {"PATCH", "/fulgurite/v1/runs/", Where::RecordsThread, Scope::Train, Kind::Run, editRun},
    {"DELETE", "/fulgurite/v1/runs/", Where::RecordsThread, Scope::Train, Kind::Run, removeRun},
    {"GET", "/fulgurite/v1/jobs", Where::RecordsThread, Scope::Train, Kind::None, listJobs},
    {"POST", "/fulgurite/v1/jobs", Where::RecordsThread, Scope::Train, Kind::None, startJob},
    {"GET", "/fulgurite/v1/jobs/", Where::RecordsThread, Scope::Train, Kind::Job, showJob},
    {"POST", "/fulgurite/v1/jobs/", Where::RecordsThread, Scope::Train, Kind::Job, steerJob},
    {"DELETE", "/fulgurite/v1/jobs/", Where::RecordsThread, Scope::Train, Kind::Job, removeJob},
    {"GET", "/fulgurite/v1/encoders", Where::IoThread, Scope::Inspect, Kind::None, listEncoders},
    {"GET", "/fulgurite/v1/libraries", Where::IoThread, Scope::Inspect, Kind::None, listLibraries},
    {"POST", "/fulgurite/v1/libraries", Where::IoThread, Scope::Inspect, Kind::None, createLibrary},
    {"GET", "/fulgurite/v1/libraries/", Where::IoThread, Scope::Inspect, Kind::Library, showLibrary},
    {"PATCH", "/fulgurite/v1/libraries/", Where::IoThread, Scope::Inspect, Kind::Library, changeLibrary},
    {"DELETE", "/fulgurite/v1/libraries/", Where::IoThread, Scope::Inspect, Kind::Library, removeLibrary},
    {"POST", "/fulgurite/v1/libraries/", Where::IoThread, Scope::Inspect, Kind::Library, actOnLibrary},
    {"GET", "/fulgurite/v1/embedders", Where::SearchingThread, Scope::Inspect, Kind::None, listEmbedders},
    {"POST", "/fulgurite/v1/embedders", Where::SearchingThread, Scope::Inspect, Kind::None, describeEmbedder},
    {"GET", "/fulgurite/v1/collections", Where::InspectingThread, Scope::Inspect, Kind::None, listCollections},
    {"POST", "/fulgurite/v1/collections", Where::SearchingThread, Scope::Inspect, Kind::None, createCollection},
    {"GET", "/fulgurite/v1/collections/", Where::InspectingThread, Scope::Inspect, Kind::Collection,
     showCollection},
    {"POST", "/fulgurite/v1/collections/", Where::SearchingThread, Scope::Inspect, Kind::Collection,
     changeCollection},
    {"DELETE", "/fulgurite/v1/collections/", Where::SearchingThread, Scope::Inspect, Kind::Collection,
     removeCollection},
};

// A collection is looked at, and its work paused, while it is searched; figures of its heads are worked out.
Where whereOf(const Route& route, std::string_view path) {
    if (route.endpoint == showCollection && path.ends_with("/heads")) {
        return Where::SearchingThread;
    }
    return route.endpoint == changeCollection && path.ends_with("/job") ? Where::InspectingThread : route.where;
}

// Image libraries have encoders of their own, and records are files.
bool needsModel(const Route& route) {
    return route.where != Where::RecordsThread && route.kind != Kind::Library && route.endpoint != createLibrary;
}

bool methodFits(const Route& route, std::string_view method) {
    return method == route.method || (method == "HEAD" && route.method == "GET");
}

bool pathFits(const Route& route, std::string_view path) {
    return route.path.back() == '/'
               ? path.size() > route.path.size() && path.substr(0, route.path.size()) == route.path
               : path == route.path;
}

// The route of that path, for another method where there is none for this one.
const Route* findRoute(const HttpHead& head) {
    const Route* found = nullptr;
    for (const Route& route : kRoutes) {
        if (pathFits(route, head.path) && (found == nullptr || methodFits(route, head.method))) {
            found = &route;
        }
    }
    return found;
}

// Of the whole path, or of every route that takes what begins like it.
std::vector<std::string_view> methodsOf(std::string_view path) {
    std::vector<std::string_view> methods = methodsAt(path);
    const bool whole = !methods.empty();
    for (const Route& route : kRoutes) {
        if (!whole && pathFits(route, path)) {
            methods.push_back(route.method);
        }
    }
    return methods;
}

// "application/json; charset=utf-8" is JSON.
bool isJson(std::string_view content_type) {
    constexpr std::string_view kJson = "application/json";
    std::string_view type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && type.back() == ' ') {
        type.remove_suffix(1);
    }
    return std::equal(type.begin(), type.end(), kJson.begin(), kJson.end(),
                      [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

// As the client chose it, or one of ours.
std::string requestId(const std::string& wanted) {
    constexpr std::size_t kLongest = 128;
    const bool fits = !wanted.empty() && wanted.size() <= kLongest &&
                      std::all_of(wanted.begin(), wanted.end(), [](unsigned char c) {
                          return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
                      });
    return fits ? wanted : newId("req-");
}

ApiError wrongScope(const Route& route, const Caller& caller) {
    std::string has;
    for (const std::string& name : caller.scopes.names()) {
        has += (has.empty() ? "" : ", ") + name;
    }
    return {403,
            fmt::format("this asks for a token with the scope '{}'; '{}' has: {}", nameOf(route.scope), caller.name,
                        has),
            {},
            "scope"};
}

// Of a request whose work is done on a thread: taken until it has left it, whether or not its client is there.
class Place {
  public:
    explicit Place(std::shared_ptr<RequestRecord> record) : record_(std::move(record)) { record_->keepPlace(); }
    ~Place() { leave(); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    void leave() {
        if (record_) {
            std::exchange(record_, nullptr)->leavePlace();
        }
    }

  private:
    std::shared_ptr<RequestRecord> record_;
};

// What would be done for the answer alone is not done when nobody waits for it.
bool isForTheAnswerAlone(const Route& route) {
    return route.method == "GET" || (route.scope == Scope::Prompt && route.where != Where::InspectingThread);
}

// `place` is free again before the answer goes out: its client may send the next request at once.
void answer(const Route& route, const EndpointContext& context, const HttpRequest& request, Responder& responder,
            Place* place = nullptr) {
    const auto leave = [place] {
        if (place != nullptr) {
            place->leave();
        }
    };
    try {
        if (request.stop.stop_requested() && isForTheAnswerAlone(route)) {
            fail(ErrorKind::Cancelled, "nobody waits for this answer");
        }
        if (route.kind != Kind::None) {
            guardThing(context, request, route.kind, std::string_view(request.head.path).substr(route.path.size()));
        }
        Answer result = route.endpoint(context, request);
        leave();
        if (auto* reply = std::get_if<HttpReply>(&result)) {
            responder.reply(std::move(*reply));
        } else {
            responder.stream(std::get<std::shared_ptr<ReplySource>>(std::move(result)));
        }
    } catch (...) {
        leave();
        const bool ended = request.stop.stop_requested() && context.draining;
        responder.reply(replyOf(ended ? ApiError(503, "the server is shutting down", {}, "shutting_down")
                                      : toApiError(std::current_exception())));
    }
}

} // namespace

HttpReply replyOf(const ApiError& error) {
    HttpReply reply;
    reply.status = error.status();
    reply.body = dumpJson(error.body());
    if (error.retry()) {
        reply.fields.emplace_back("Retry-After", fmt::format("{:.0f}", std::ceil(error.retrySeconds())));
    }
    return reply;
}

std::vector<RouteInfo> allRoutes() {
    std::vector<RouteInfo> routes;
    for (const Route& route : kRoutes) {
        routes.push_back({route.method, route.path, route.scope, route.kind});
    }
    return routes;
}

Node::Node(ModelHost& host, Metrics& metrics, const AccessControl& access, JobLimits limits, NodeServices services,
           std::shared_ptr<RequestJournal> journal)
    : ledger_(services.ledger ? services.ledger : std::make_shared<Ledger>()),
      journal_(journal ? std::move(journal) : std::make_shared<RequestJournal>(JournalOptions{}, metrics, ledger_)),
      context_{host, metrics, access, limits, std::move(services), *ledger_, draining_} {
    context_.services.ledger = ledger_;
}

Node::~Node() = default;

std::string Node::label(const HttpHead& head) const {
    const Route* route = findRoute(head);
    return route == nullptr ? "other" : std::string(route->path);
}

std::optional<HttpReply> Node::admit(HttpHead& head) {
    const Route* route = findRoute(head);
    head.record = journal_->begin();
    RequestRecord& record = *head.record;
    record.id = requestId(head.request_id);
    record.peer = head.peer;
    record.method = head.method;
    record.path = head.path;
    record.route = route == nullptr ? "other" : route->path;
    record.scope = route == nullptr ? Scope::Any : route->scope;
    record.who = context_.access.identify(head.authorization);
    HttpFields fields;
    try {
        refuseWhom(head);
        if (route == nullptr) {
            throw ApiError(404, fmt::format("there is no '{}' here", head.path.substr(0, 128)));
        }
        const std::vector<std::string_view> methods = methodsOf(head.path);
        const std::string_view method = head.method == "HEAD" ? "GET" : std::string_view(head.method);
        if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
            const std::string all = fmt::format("{}", fmt::join(methods, ", "));
            fields = {{"Allow", all}};
            throw ApiError(405, fmt::format("'{}' takes {} only", head.path.substr(0, 128), all));
        }
        if (method == "GET" && head.content_length != std::uint64_t{0}) {
            throw ApiError(400, fmt::format("a {} has no body; leave it out", head.method));
        }
        if (record.who && !record.who->has(route->scope)) {
            throw wrongScope(*route, *record.who);
        }
        refuseWhat(head);
    } catch (const ApiError& error) {
        record.refusedWith(error.code().empty() ? fmt::format("http_{}", error.status()) : error.code());
        HttpReply reply = replyOf(error);
        reply.fields.insert(reply.fields.end(), fields.begin(), fields.end());
        if (error.status() == 401) {
            reply.fields.emplace_back("WWW-Authenticate", "Bearer");
        }
        return reply;
    }
    return std::nullopt;
}

void Node::unreadable(HttpHead& head) {
    head.record = journal_->begin();
    RequestRecord& record = *head.record;
    record.id = newId("req-");
    record.peer = head.peer;
    record.route = "other";
    record.refusedWith("not_http");
}

// By who asks.
void Node::refuseWhom(const HttpHead& head) const {
    if (head.record->scope == Scope::Open) {
        return;
    }
    if (!head.record->who) {
        throw ApiError(401,
                       "this node wants the header 'Authorization: Bearer TOKEN' with a token that it knows; its "
                       "administrator hands them out",
                       {}, "no_such_token");
    }
    if (context_.access.required()) {
        return;
    }
    // Without a token every web page that a browser on this machine shows could reach us. Browsers say Origin to
    // another site, and which page asks; to what they take for the page's own site they say its name.
    if (head.has_origin || head.cross_site) {
        throw ApiError(403,
                       "requests from web pages are refused by a node without a token; start it with --token-file",
                       {}, "web_page");
    }
    if (!isKnownHost(head.host, context_.services.host_names)) {
        throw ApiError(403,
                       fmt::format("'{}' is none of this machine's names, and a node without a token answers to no "
                                   "other; ask it by its address, or start it with --host-name or --token-file",
                                   head.host.substr(0, 128)),
                       {}, "unknown_host");
    }
}

// By what is asked, and whether there is room for it.
void Node::refuseWhat(const HttpHead& head) const {
    const Route& route = *findRoute(head);
    const bool works = route.scope != Scope::Open && route.scope != Scope::Any && route.scope != Scope::Metrics;
    if (works && draining_) {
        throw ApiError(503, "the server is shutting down", {}, "shutting_down");
    }
    if (route.method == "POST" || route.method == "PATCH") {
        if (!head.content_encoding.empty() && head.content_encoding != "identity") {
            throw ApiError(415, "compressed bodies are not read; send it without Content-Encoding");
        }
        if (!isJson(head.content_type)) {
            throw ApiError(415, "the body must be JSON: send the header 'Content-Type: application/json'");
        }
        // Before its body is read: nothing could be done with it.
        if (needsModel(route)) {
            context_.host.requireReady();
        }
    }
    if (!works) {
        return;
    }
    const Caller& caller = *head.record->who;
    if (const auto refusal = caller.use->enter(caller.limits, CallerUse::Clock::now(), unixSeconds())) {
        throw ApiError(429, refusal->message, {}, refusal->code).retryAfter(refusal->retry_seconds);
    }
    head.record->entered = true;
}

void Node::tidy(std::chrono::steady_clock::time_point now) {
    inspecting_.enqueue([this, now] {
        const std::shared_ptr<ModelService> model = context_.host.find();
        StateExchange* const states = model ? model->states() : nullptr;
        if (states == nullptr) {
            return;
        }
        try {
            for (const std::string& id : states->expire(now)) {
                ledger_->forget(Kind::State, id);
            }
        } catch (const std::exception&) { // a full disk: they are gone all the same, and forgotten at the next start
        }
    });
}

void Node::handle(HttpRequest request, std::shared_ptr<Responder> responder) {
    const Route& route = *findRoute(request.head);
    if (journal_->showsPrompts() && route.scope == Scope::Prompt) {
        request.head.record->prompt = request.body;
    }
    const Where where = whereOf(route, request.head.path);
    if (where == Where::IoThread) {
        answer(route, context_, request, *responder);
        return;
    }
    TaskThread& thread = where == Where::PreparingThread    ? preparing_
                         : where == Where::InspectingThread ? inspecting_
                         : where == Where::SearchingThread  ? searching_
                                                            : records_;
    auto place = std::make_shared<Place>(request.head.record);
    thread.enqueue(
        [this, &route, place = std::move(place), request = std::move(request), responder = std::move(responder)] {
            answer(route, context_, request, *responder, place.get());
        });
}

} // namespace fulgurite::node
