// SPDX-License-Identifier: Apache-2.0
// The table of routes and admission.
#include "core/node/node.h"

#include "core/node/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace fulgurite::node {

namespace {

// What is done on the records' thread needs no model.
enum class Where { IoThread, PreparingThread, InspectingThread, RecordsThread, SearchingThread };

struct Route {
    std::string_view method;
    std::string_view path; // ends with '/' when it takes more segments
    Where where;
    bool open; // needs no token
    Answer (*endpoint)(const EndpointContext&, const HttpRequest&);
};

constexpr Route kRoutes[] = {
    {"GET", "/health", Where::IoThread, true, health},
    {"GET", "/health/ready", Where::IoThread, true, ready},
    {"GET", "/metrics", Where::IoThread, false, metricsText},
    {"GET", "/v1/models", Where::IoThread, false, listModels},
    {"GET", "/v1/models/", Where::IoThread, false, showModel},
    {"POST", "/v1/chat/completions", Where::PreparingThread, false, chatCompletions},
    {"POST", "/v1/completions", Where::PreparingThread, false, completions},
    {"POST", "/v1/embeddings", Where::SearchingThread, false, embeddings},
    {"GET", "/fulgurite/v1/info", Where::IoThread, false, info},
    {"GET", "/fulgurite/v1/status", Where::IoThread, false, status},
    {"POST", "/fulgurite/v1/generate", Where::PreparingThread, false, generate},
    {"POST", "/fulgurite/v1/tokenize", Where::PreparingThread, false, tokenize},
    {"POST", "/fulgurite/v1/reentry", Where::PreparingThread, false, reentry},
    {"POST", "/fulgurite/v1/inspect/plan", Where::PreparingThread, false, planOfCapture},
    {"GET", "/fulgurite/v1/inspect/decay", Where::IoThread, false, decayOfModel},
    {"GET", "/fulgurite/v1/inspect/costs", Where::InspectingThread, false, costsOfModel},
    {"POST", "/fulgurite/v1/inspect/compare", Where::PreparingThread, false, compareUnderIntervention},
    {"POST", "/fulgurite/v1/captures", Where::PreparingThread, false, takeCapture},
    {"GET", "/fulgurite/v1/captures", Where::InspectingThread, false, listCaptures},
    {"GET", "/fulgurite/v1/captures/", Where::InspectingThread, false, showCapture},
    {"DELETE", "/fulgurite/v1/captures/", Where::InspectingThread, false, removeCapture},
    {"GET", "/fulgurite/v1/runs", Where::RecordsThread, false, listRuns},
    {"POST", "/fulgurite/v1/runs", Where::RecordsThread, false, beginRun},
    {"GET", "/fulgurite/v1/runs/", Where::RecordsThread, false, showRun},
    {"POST", "/fulgurite/v1/runs/", Where::RecordsThread, false, pushToRun},
    {"PATCH", "/fulgurite/v1/runs/", Where::RecordsThread, false, editRun},
    {"DELETE", "/fulgurite/v1/runs/", Where::RecordsThread, false, removeRun},
    {"GET", "/fulgurite/v1/jobs", Where::RecordsThread, false, listJobs},
    {"POST", "/fulgurite/v1/jobs", Where::RecordsThread, false, startJob},
    {"GET", "/fulgurite/v1/jobs/", Where::RecordsThread, false, showJob},
    {"POST", "/fulgurite/v1/jobs/", Where::RecordsThread, false, steerJob},
    {"DELETE", "/fulgurite/v1/jobs/", Where::RecordsThread, false, removeJob},
    {"GET", "/fulgurite/v1/encoders", Where::IoThread, false, listEncoders},
    {"GET", "/fulgurite/v1/libraries", Where::IoThread, false, listLibraries},
    {"POST", "/fulgurite/v1/libraries", Where::IoThread, false, createLibrary},
    {"GET", "/fulgurite/v1/libraries/", Where::IoThread, false, showLibrary},
    {"PATCH", "/fulgurite/v1/libraries/", Where::IoThread, false, changeLibrary},
    {"DELETE", "/fulgurite/v1/libraries/", Where::IoThread, false, removeLibrary},
    {"POST", "/fulgurite/v1/libraries/", Where::IoThread, false, actOnLibrary},
    {"GET", "/fulgurite/v1/embedders", Where::SearchingThread, false, listEmbedders},
    {"GET", "/fulgurite/v1/collections", Where::InspectingThread, false, listCollections},
    {"POST", "/fulgurite/v1/collections", Where::SearchingThread, false, createCollection},
    {"GET", "/fulgurite/v1/collections/", Where::SearchingThread, false, showCollection},
    {"POST", "/fulgurite/v1/collections/", Where::SearchingThread, false, changeCollection},
    {"DELETE", "/fulgurite/v1/collections/", Where::SearchingThread, false, removeCollection},
};

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

// "GET, POST": of every route with that path.
std::string methodsOf(std::string_view path) {
    std::string methods;
    for (const Route& route : kRoutes) {
        if (pathFits(route, path)) {
            methods += (methods.empty() ? "" : ", ") + std::string(route.method);
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

HttpReply refusal(int status, const std::string& message, HttpFields fields = {}) {
    HttpReply reply = replyOf(ApiError(status, message));
    reply.fields.insert(reply.fields.end(), fields.begin(), fields.end());
    return reply;
}

void answer(const Route& route, const EndpointContext& context, const HttpRequest& request, Responder& responder) {
    try {
        Answer result = route.endpoint(context, request);
        if (auto* reply = std::get_if<HttpReply>(&result)) {
            responder.reply(std::move(*reply));
        } else {
            responder.stream(std::get<std::shared_ptr<ReplySource>>(std::move(result)));
        }
    } catch (...) {
        responder.reply(replyOf(toApiError(std::current_exception())));
    }
}

} // namespace

HttpReply replyOf(const ApiError& error) {
    HttpReply reply;
    reply.status = error.status();
    reply.body = dumpJson(error.body());
    if (error.retry()) {
        reply.fields.emplace_back("Retry-After", "1");
    }
    return reply;
}

Node::Node(ModelHost& host, Metrics& metrics, const std::string& token, JobLimits limits, NodeServices services)
    : context_{host, metrics, limits, services}, token_(token) {}

Node::~Node() = default;

std::string Node::label(const HttpHead& head) const {
    const Route* route = findRoute(head);
    return route == nullptr ? "other" : std::string(route->path);
}

std::optional<HttpReply> Node::admit(const HttpHead& head) {
    const Route* route = findRoute(head);
    const bool open = route != nullptr && route->open;
    if (!open && !token_.matches(head.authorization)) {
        return refusal(
            401, "this node wants the header 'Authorization: Bearer TOKEN' with the token it was started with",
            {{"WWW-Authenticate", "Bearer"}});
    }
    // Without a token every web page a browser on this machine shows could reach us; browsers always say Origin.
    if (!open && !token_.required() && head.has_origin) {
        return refusal(403,
                       "requests from web pages are refused by a node without a token; start it with --token-file");
    }
    if (route == nullptr) {
        return refusal(404, fmt::format("there is no '{}' here", head.path.substr(0, 128)));
    }
    if (!methodFits(*route, head.method)) {
        const std::string methods = methodsOf(head.path);
        return refusal(405, fmt::format("'{}' takes {} only", route->path, methods), {{"Allow", methods}});
    }
    if (route->method != "POST" && route->method != "PATCH") {
        return std::nullopt;
    }
    if (!head.content_encoding.empty() && head.content_encoding != "identity") {
        return refusal(415, "compressed bodies are not read; send it without Content-Encoding");
    }
    if (!isJson(head.content_type)) {
        return refusal(415, "the body must be JSON: send the header 'Content-Type: application/json'");
    }
    // Before its body is read: nothing could be done with it.
    if (route->where != Where::RecordsThread && context_.host.state() != ModelHost::State::Ready) {
        try {
            context_.host.get();
        } catch (const ApiError& error) {
            return replyOf(error);
        }
    }
    return std::nullopt;
}

void Node::handle(HttpRequest request, std::shared_ptr<Responder> responder) {
    const Route& route = *findRoute(request.head);
    if (route.where == Where::IoThread) {
        answer(route, context_, request, *responder);
        return;
    }
    TaskThread& thread = route.where == Where::PreparingThread    ? preparing_
                         : route.where == Where::InspectingThread ? inspecting_
                         : route.where == Where::SearchingThread  ? searching_
                                                                  : records_;
    thread.enqueue([this, &route, request = std::move(request), responder = std::move(responder)] {
        answer(route, context_, request, *responder);
    });
}

} // namespace fulgurite::node
