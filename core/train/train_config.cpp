// SPDX-License-Identifier: Apache-2.0
#include "core/train/train_config.h"

#include "core/base/error.h"
#include "core/train/config_fields.h"

#include <limits>

namespace fulgurite {

namespace {

const std::vector<std::string> kNextTokenMethods{"pretrain", "sft"};
const std::vector<std::string> kArithmetics{"f32", "bf16"};

} // namespace

TrainConfig TrainConfig::parse(TrainMethod method, std::string_view text, const std::string& name,
                               const std::filesystem::path& folder) {
    ConfigFields fields = ConfigFields::parse(text, name);
    const auto path = [&](const std::string& value) { return pathIn(folder, value); };
    const auto count = [&](const char* key, std::size_t fallback) {
        return static_cast<std::size_t>(fields.integer(key, 1, kManySteps, static_cast<std::int64_t>(fallback)));
    };
    TrainConfig config;
    config.method = method;
    checkMethod(fields, kNextTokenMethods[static_cast<std::size_t>(method)], name);
    config.out = path(fields.text("out"));
    config.place = RunPlace::read(fields, folder, config.out);
    config.model = path(fields.text("model", ""));
    ConfigFields fresh = fields.object("fresh");
    config.fresh_config = path(fresh.text("config", ""));
    config.fresh_deviation = fresh.number("deviation", 1e-9, 10, config.fresh_deviation);
    fresh.finish();
    if (config.model.empty() == config.fresh_config.empty()) {
        fail(ErrorKind::InvalidInput,
             "{}: give either \"model\" (weights to start from) or \"fresh\" with \"config\"", name);
    }
    config.tokenizer = path(fields.text("tokenizer", config.model.empty() ? "" : config.model.string()));
    for (const std::string& file : fields.texts("data")) {
        config.data.push_back(path(file));
    }
    config.sequence = count("sequence", config.sequence);
    config.batch = count("batch", config.batch);
    config.accumulate = count("accumulate", config.accumulate);
    config.steps = static_cast<std::uint64_t>(fields.integer("steps", 1, kManySteps));
    config.rate = readRate(fields.object("learning_rate"), config.rate);
    config.optimizer = readOptimizer(fields.object("optimizer"), config.optimizer);
    config.balance = fields.number("balance", 0, 100, config.balance);
    config.seed =
        static_cast<std::uint64_t>(fields.integer("seed", 0, std::numeric_limits<std::int64_t>::max(), 1));
    config.checkpoint = readCheckpoint(fields.object("checkpoint"), config.checkpoint);
    config.arithmetic = static_cast<Arithmetic>(fields.choice("arithmetic", kArithmetics, 0));
    config.threads = static_cast<std::size_t>(fields.integer("threads", 0, 4096, 0));
    fields.finish();
    return config;
}

nlohmann::ordered_json TrainConfig::toJson() const {
    nlohmann::ordered_json json;
    json["method"] = kNextTokenMethods[static_cast<std::size_t>(method)];
    json["out"] = out.string();
    place.write(json);
    if (model.empty()) {
        json["fresh"] = {{"config", fresh_config.string()}, {"deviation", fresh_deviation}};
    } else {
        json["model"] = model.string();
    }
    json["tokenizer"] = tokenizer.string();
    for (const auto& file : data) {
        json["data"].push_back(file.string());
    }
    json["sequence"] = sequence;
    json["batch"] = batch;
    json["accumulate"] = accumulate;
    json["steps"] = steps;
    json["learning_rate"] = fulgurite::toJson(rate);
    json["optimizer"] = fulgurite::toJson(optimizer);
    json["balance"] = balance;
    json["seed"] = seed;
    json["checkpoint"] = fulgurite::toJson(checkpoint);
    json["arithmetic"] = kArithmetics[static_cast<std::size_t>(arithmetic)];
    json["threads"] = threads;
    return json;
}

std::string TrainConfig::differenceThatMatters(const TrainConfig& other) const {
    return firstDifference(toJson(), other.toJson());
}

} // namespace fulgurite
