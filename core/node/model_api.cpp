// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/model: which model the node has, and changing it.
#include "core/base/system_memory.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/model_shelf.h"
#include "core/node/node_log.h"
#include "core/node/object_reader.h"
#include "core/node/query_reader.h"

#include <fmt/format.h>

namespace fulgurite::node {

namespace {

constexpr int kAccepted = 202;

HttpReply reply(const nlohmann::json& value, int status = 200) {
    HttpReply answer;
    answer.status = status;
    answer.body = dumpJson(value);
    return answer;
}

nlohmann::json stateObject(const ModelHost& host) {
    const ModelHost::Status now = host.status();
    nlohmann::json object{{"state", nameOf(now.state)},
                          {"message", now.message},
                          {"in_use", now.in_use},
                          {"change", nullptr},
                          {"id", nullptr}};
    if (now.cancellable) {
        object["change"] = {{"to", now.wanted.empty() ? nlohmann::json() : nlohmann::json(now.wanted)},
                            {"step", now.step.name},
                            {"done_bytes", now.step.done},
                            {"total_bytes", now.step.total},
                            {"seconds", now.seconds}};
    }
    if (const std::shared_ptr<ModelService> model = host.look()) {
        object["id"] = model->facts().id;
        object["weight_bytes"] = model->facts().weight_bytes;
    }
    return object;
}

const ModelShelf& shelfOf(const EndpointContext& context) {
    if (context.services.models == nullptr) {
        throw ApiError(400, "this node keeps the model that it was started with", {}, "unsupported");
    }
    return *context.services.models;
}

bool readWhenBusy(ObjectReader& reader) {
    const std::string word = reader.string("when_busy").value_or("refuse");
    if (word != "refuse" && word != "wait") {
        refuse("when_busy", "must be \"refuse\" or \"wait\"");
    }
    return word == "wait";
}

nlohmann::json choiceObject(const ModelChoice& choice, const std::string& loaded_from) {
    nlohmann::json object{{"id", choice.id},
                          {"loaded", choice.folder.lexically_normal().string() == loaded_from},
                          {"architecture", choice.architecture},
                          {"parameters", choice.parameters},
                          {"weight_bytes", choice.weight_bytes},
                          {"needed_bytes", choice.neededBytes()}};
    if (!choice.problem.empty()) {
        object["problem"] = choice.problem;
    }
    return object;
}

// What the model that gives way holds becomes free.
std::uint64_t roomFor(const ModelShelf& shelf, const ModelHost& host) {
    std::uint64_t room = shelf.freeBytes();
    if (const std::shared_ptr<ModelService> model = host.look()) {
        const EngineStatus engine = model->status();
        room += engine.state_bytes + engine.snapshot_bytes;
        room += shelf.device() == "cpu" ? 0 : static_cast<std::uint64_t>(model->facts().weight_bytes);
    }
    return room;
}

void requireRoom(const ModelChoice& choice, std::uint64_t room, const std::string& device) {
    if (choice.neededBytes() > room) {
        throw ApiError(
            409,
            fmt::format("'{}' needs {} ({} of weights and a conversation of {} tokens), and {} are free on "
                        "{}; \"force\":true loads it nevertheless",
                        choice.id, readableBytes(choice.neededBytes()), readableBytes(choice.weight_bytes),
                        kConversationTokens, readableBytes(room), device),
            "model", "not_enough_memory");
    }
}

} // namespace

Answer showModelState(const EndpointContext& context, const HttpRequest& request) {
    QueryReader(request.head.query).finish();
    return reply(stateObject(context.host));
}

Answer listModelChoices(const EndpointContext& context, const HttpRequest& request) {
    QueryReader(request.head.query).finish();
    const ModelShelf& shelf = shelfOf(context);
    std::string loaded_from;
    if (const std::shared_ptr<ModelService> model = context.host.look()) {
        loaded_from = model->facts().path;
    }
    nlohmann::json list = nlohmann::json::array();
    for (const ModelChoice& choice : shelf.choices()) {
        list.push_back(choiceObject(choice, loaded_from));
    }
    return reply(
        {{"choices", std::move(list)}, {"device", shelf.device()}, {"free_bytes", roomFor(shelf, context.host)}});
}

Answer loadModel(const EndpointContext& context, const HttpRequest& request) {
    const ModelShelf& shelf = shelfOf(context);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto id = reader.string("model");
    const bool wait = readWhenBusy(reader);
    const bool force = reader.boolean("force").value_or(false);
    reader.finish();
    if (!id) {
        refuse("model", "is missing: an id of /fulgurite/v1/model/choices");
    }
    const ModelChoice choice = shelf.find(*id);
    if (!choice.problem.empty()) {
        throw ApiError(409, fmt::format("'{}' cannot be loaded: {}", choice.id, choice.problem), "model",
                       "model_unusable");
    }
    if (!force) {
        requireRoom(choice, roomFor(shelf, context.host), shelf.device());
    }
    context.host.change(choice.id, shelf.loaderOf(choice), wait);
    nodeLog().add(LogLevel::Info, fmt::format("model: to be changed to {}", choice.id));
    return reply(stateObject(context.host), kAccepted);
}

Answer unloadModel(const EndpointContext& context, const HttpRequest& request) {
    shelfOf(context); // refuses where nothing could be loaded afterwards
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const bool wait = readWhenBusy(reader);
    reader.finish();
    context.host.change({}, nullptr, wait);
    nodeLog().add(LogLevel::Info, "model: to be unloaded");
    return reply(stateObject(context.host), kAccepted);
}

Answer stopModelChange(const EndpointContext& context, const HttpRequest& request) {
    if (!request.body.empty()) {
        const nlohmann::json body = parseBody(request.body);
        ObjectReader(body, "").finish();
    }
    if (!context.host.cancel()) {
        throw ApiError(409, "the model is not being changed now", {}, "nothing_to_stop");
    }
    return reply(stateObject(context.host), kAccepted);
}

} // namespace fulgurite::node
