// SPDX-License-Identifier: Apache-2.0
#include "core/client/node_admin_client.h"

#include "core/base/json_field.h"
#include "core/client/engine_json.h"
#include "core/client/node_api.h"

namespace fulgurite::client {

namespace {

using nlohmann::json;

GpuState gpuOf(const JsonField& field) {
    GpuState gpu;
    gpu.name = field["name"].string();
    gpu.memory_used = field.count("memory_used_bytes", 0);
    gpu.memory_total = field.count("memory_total_bytes", 0);
    gpu.utilisation = field.number("utilisation_percent", 0);
    gpu.temperature = field.number("temperature_celsius", 0);
    gpu.watts = field.number("watts", 0);
    return gpu;
}

NodeReport readReport(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    NodeReport report;
    report.host = root.string("host", "");
    report.version = root["version"].string();
    report.process = static_cast<std::int64_t>(root.count("process", 0));
    report.uptime_seconds = root["uptime_seconds"].number();
    report.clock = root.number("clock", 0);
    const JsonField machine = root["machine"];
    report.cores = machine.count("cores", 0);
    report.load = machine.number("load", 0);
    report.memory_total = machine.count("memory_total_bytes", 0);
    report.memory_available = machine.count("memory_available_bytes", 0);
    report.process_bytes = machine.count("process_bytes", 0);
    const JsonField gpu = root["gpu"];
    report.gpu_driver = gpu.string("driver", "");
    report.gpu_problem = gpu.string("problem", "");
    for (std::size_t i = 0; i < gpu["devices"].size(); ++i)
        report.gpus.push_back(gpuOf(gpu["devices"].at(i)));
    const JsonField model = root["model"];
    report.model_state = model["state"].string();
    report.model_message = model.string("message", "");
    report.model_id = model.string("id", "");
    report.model_path = model.string("path", "");
    report.weight_bytes = model.count("weight_bytes", 0);
    return report;
}

NodeLogPiece readLog(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    NodeLogPiece piece;
    piece.next = root["next"].count();
    const JsonField lines = root["lines"];
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const JsonField line = lines.at(i);
        piece.lines.push_back({line["number"].count(), line["time_us"].integer(0, INT64_MAX),
                               line["level"].string(), line["text"].string()});
    }
    return piece;
}

ModelState readModelState(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    ModelState model;
    model.state = root["state"].string();
    model.message = root.string("message", "");
    model.id = root.string("id", "");
    model.in_use = root.count("in_use", 0);
    model.changing = document.contains("change") && document["change"].is_object();
    if (model.changing) {
        const JsonField change = root["change"];
        model.to = change.string("to", "");
        model.step = change.string("step", "");
        model.done = change.count("done_bytes", 0);
        model.total = change.count("total_bytes", 0);
        model.seconds = change.number("seconds", 0);
    }
    return model;
}

ModelChoices readModelChoices(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    ModelChoices all;
    all.device = root.string("device", "");
    all.free_bytes = root.count("free_bytes", 0);
    const JsonField choices = root["choices"];
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const JsonField each = choices.at(i);
        ModelChoice choice;
        choice.id = each["id"].string();
        choice.architecture = each.string("architecture", "");
        choice.parameters = each.count("parameters", 0);
        choice.weight_bytes = each.count("weight_bytes", 0);
        choice.needed_bytes = each.count("needed_bytes", 0);
        choice.loaded = each.boolean("loaded", false);
        choice.problem = each.string("problem", "");
        all.choices.push_back(std::move(choice));
    }
    return all;
}

class AdminOverHttp final : public NodeAdminClient {
  public:
    AdminOverHttp(const HttpEndpoint& endpoint, const std::string& token, const HttpClientOptions& options)
        : api_(endpoint, token, options, std::chrono::milliseconds(10'000)) {}

    void report(Callback<NodeReport> reply) override {
        api_.ask<NodeReport>("GET", "/fulgurite/v1/node", {}, readReport, std::move(reply));
    }
    void log(std::uint64_t from, Callback<NodeLogPiece> reply) override {
        api_.ask<NodeLogPiece>("GET", fmt::format("/fulgurite/v1/node/log?from={}", from), {}, readLog,
                               std::move(reply));
    }
    void model(Callback<ModelState> reply) override {
        api_.ask<ModelState>("GET", "/fulgurite/v1/model", {}, readModelState, std::move(reply));
    }
    void modelChoices(Callback<ModelChoices> reply) override {
        api_.ask<ModelChoices>("GET", "/fulgurite/v1/model/choices", {}, readModelChoices, std::move(reply));
    }
    void loadModel(const std::string& id, bool wait, bool force, Callback<ModelState> reply) override {
        order("load", {{"model", id}, {"when_busy", wait ? "wait" : "refuse"}, {"force", force}}, std::move(reply));
    }
    void unloadModel(bool wait, Callback<ModelState> reply) override {
        order("unload", {{"when_busy", wait ? "wait" : "refuse"}}, std::move(reply));
    }
    void stopModelChange(Callback<ModelState> reply) override {
        order("cancel", json::object(), std::move(reply));
    }

  private:
    void order(const char* what, const json& body, Callback<ModelState> reply) {
        api_.ask<ModelState>("POST", fmt::format("/fulgurite/v1/model/{}", what), body.dump(), readModelState,
                             std::move(reply));
    }

    NodeApi api_;
};

} // namespace

std::unique_ptr<NodeAdminClient> connectToAdmin(const HttpEndpoint& endpoint, const std::string& token,
                                                const HttpClientOptions& options) {
    return std::make_unique<AdminOverHttp>(endpoint, token, options);
}

} // namespace fulgurite::client
