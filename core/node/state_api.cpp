// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/states: a conversation's state taken from this node, and one brought here from another.
#include "core/base/base64.h"
#include "core/node/endpoints.h"
#include "core/node/file_reply.h"
#include "core/node/json_text.h"
#include "core/node/ledger.h"
#include "core/node/prompt_fields.h"
#include "core/node/query_reader.h"
#include "core/node/state_exchange.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::string_view kPrefix = "/fulgurite/v1/states/";
constexpr std::size_t kPieceBytes = std::size_t{640} << 10; // as base64 it fits the smallest limit of a body
constexpr std::int64_t kMostBytes = std::int64_t{1} << 46;
constexpr double kRetryHash = 10;

HttpReply reply(const nlohmann::json& value) {
    HttpReply answer;
    answer.body = dumpJson(value);
    return answer;
}

// Keeps the model for as long as it is held. What has become old is forgotten on the way.
std::shared_ptr<StateExchange> statesOf(const EndpointContext& context) {
    const std::shared_ptr<ModelService> model = context.host.get();
    StateExchange* const states = model->states();
    if (states == nullptr) {
        throw ApiError(400, "this node exports no states", {}, "unsupported");
    }
    for (const std::string& id : states->expire()) {
        context.ledger.forget(Kind::State, id);
    }
    return {model, states};
}

std::string hashOf(StateExchange& states) {
    try {
        return states.weightsHash();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Unavailable) {
            throw;
        }
        throw ApiError(503, error.what(), {}, "hashing").retryAfter(kRetryHash);
    }
}

struct Target {
    std::string id;
    std::string order;
};

Target targetOf(const HttpRequest& request) {
    const std::string_view rest = std::string_view(request.head.path).substr(kPrefix.size());
    const std::size_t slash = rest.find('/');
    return {std::string(rest.substr(0, slash)),
            slash == std::string_view::npos ? std::string() : std::string(rest.substr(slash + 1))};
}

StateOwner ownerOf(const HttpRequest& request) {
    return {callerOf(request).owner, callerOf(request).limits.memory_share};
}

// What a caller may hold of the memory for states holds for what it brings, too.
void requireShare(const EndpointContext& context, const HttpRequest& request, std::uint64_t bytes) {
    const Caller& caller = callerOf(request);
    const double most = caller.limits.memory_share * static_cast<double>(context.host.get()->status().memory_limit);
    if (static_cast<double>(bytes) > most) {
        throw ApiError(400,
                       fmt::format("{} bytes are more than this token may hold of the memory for states ({:.0f})",
                                   bytes, most),
                       "bytes", "state_too_large");
    }
}

} // namespace

Answer takeState(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<StateExchange> states = statesOf(context);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const PromptTokens text = readPromptTokens(reader, *context.host.get());
    reader.finish();
    const std::string hash = hashOf(*states);
    const StateExchange::Taken taken = states->take(text.tokens, ownerOf(request));
    context.ledger.claim(Kind::State, taken.id, callerOf(request));
    const TokenIds absorbed(text.tokens.begin(), text.tokens.begin() + static_cast<std::ptrdiff_t>(taken.tokens));
    return reply({{"id", taken.id},
                  {"tokens", absorbed},
                  {"total", text.tokens.size()},
                  {"bytes", taken.bytes},
                  {"weights", hash}});
}

Answer beginStateUpload(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<StateExchange> states = statesOf(context);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto bytes = reader.integer("bytes", 1, kMostBytes);
    const auto weights = reader.string("weights");
    reader.finish();
    if (!bytes || !weights) {
        refuse(!bytes ? "bytes" : "weights", "is missing");
    }
    const std::string own = hashOf(*states);
    if (*weights != own) {
        throw ApiError(
            409,
            fmt::format("the state comes from a model with the weights {:.16}, this node has {:.16}; the text "
                        "has to be read again",
                        *weights, own),
            "weights", "other_weights");
    }
    requireShare(context, request, static_cast<std::uint64_t>(*bytes));
    const std::string id = states->begin(static_cast<std::uint64_t>(*bytes), ownerOf(request));
    context.ledger.claim(Kind::State, id, callerOf(request));
    return reply({{"id", id}, {"piece_bytes", kPieceBytes}});
}

Answer showState(const EndpointContext& context, const HttpRequest& request) {
    const Target target = targetOf(request);
    QueryReader(request.head.query).finish();
    if (!target.order.empty()) {
        throw ApiError(404, fmt::format("a state has no '{}'", target.order.substr(0, 64)));
    }
    return std::make_shared<FileReply>(statesOf(context)->fileOf(target.id), target.id + ".safetensors");
}

namespace {

Answer takePiece(StateExchange& states, const std::string& id, ObjectReader& reader) {
    const auto offset = reader.integer("offset", 0, kMostBytes);
    const auto data = reader.string("data");
    reader.finish();
    if (!offset || !data) {
        refuse(!offset ? "offset" : "data", "is missing");
    }
    const std::optional<std::string> bytes = fromBase64(*data);
    if (!bytes) {
        refuse("data", "must be base64");
    }
    return reply({{"written", states.append(id, static_cast<std::uint64_t>(*offset), *bytes)}});
}

Answer restoreState(const EndpointContext& context, const HttpRequest& request, StateExchange& states,
                    const std::string& id, ObjectReader& reader) {
    const nlohmann::json* list = reader.array("tokens");
    reader.finish();
    if (list == nullptr) {
        refuse("tokens", "is missing");
    }
    const TokenIds tokens = readTokenIds(*list, "tokens", context.host.get()->facts().config.vocab_size);
    const auto begin = std::chrono::steady_clock::now();
    bool kept = false;
    try {
        kept = states.restore(id, tokens, callerOf(request).owner);
    } catch (...) {
        if (!states.has(id)) { // one that finds no room now, or has not all come, stays
            context.ledger.forget(Kind::State, id);
        }
        throw;
    }
    context.ledger.forget(Kind::State, id);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    return reply({{"kept", kept}, {"tokens", tokens.size()}, {"seconds", seconds.count()}});
}

} // namespace

Answer changeState(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<StateExchange> states = statesOf(context);
    const Target target = targetOf(request);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    if (target.order == "piece") {
        return takePiece(*states, target.id, reader);
    }
    if (target.order == "restore") {
        return restoreState(context, request, *states, target.id, reader);
    }
    throw ApiError(404, fmt::format("a state cannot be told to '{}'", target.order.substr(0, 64)));
}

Answer removeState(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<StateExchange> states = statesOf(context);
    const Target target = targetOf(request);
    if (!target.order.empty()) {
        throw ApiError(405, "only a whole state can be removed");
    }
    states->remove(target.id);
    context.ledger.forget(Kind::State, target.id);
    return reply({{"removed", target.id}});
}

} // namespace fulgurite::node
