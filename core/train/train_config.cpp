// SPDX-License-Identifier: Apache-2.0
#include "core/train/train_config.h"

#include "core/base/error.h"
#include "core/train/config_fields.h"

#include <limits>

namespace fulgurite {

namespace {

const std::vector<std::string> kMethods{"pretrain", "sft"};
const std::vector<std::string> kShapes{"constant", "linear", "cosine"};
const std::vector<std::string> kDTypes{"f32", "bf16"};
constexpr std::int64_t kMany = std::int64_t{1} << 40;
constexpr double kLarge = 1e9;

RateSchedule readRate(ConfigFields fields) {
    RateSchedule rate;
    rate.peak = fields.number("peak", 0, 10, rate.peak);
    rate.warmup = static_cast<std::uint64_t>(fields.integer("warmup", 0, kMany, 0));
    rate.shape = static_cast<RateShape>(fields.choice("shape", kShapes, static_cast<std::size_t>(rate.shape)));
    rate.final_fraction = fields.number("final", 0, 1, rate.final_fraction);
    fields.finish();
    return rate;
}

AdamOptions readOptimizer(ConfigFields fields) {
    AdamOptions adam;
    adam.beta1 = fields.number("beta1", 0, 0.9999999, adam.beta1);
    adam.beta2 = fields.number("beta2", 0, 0.9999999, adam.beta2);
    adam.epsilon = fields.number("epsilon", 1e-30, 1, adam.epsilon);
    adam.weight_decay = fields.number("weight_decay", 0, 100, adam.weight_decay);
    adam.clip = fields.number("clip", 0, kLarge, adam.clip);
    fields.finish();
    return adam;
}

} // namespace

TrainConfig TrainConfig::parse(TrainMethod method, std::string_view text, const std::string& name,
                               const std::filesystem::path& folder) {
    ConfigFields fields = ConfigFields::parse(text, name);
    const auto path = [&](const std::string& value) {
        return value.empty() ? std::filesystem::path()
                             : std::filesystem::absolute(folder / value).lexically_normal();
    };
    const auto count = [&](const char* key, std::size_t fallback) {
        return static_cast<std::size_t>(fields.integer(key, 1, kMany, static_cast<std::int64_t>(fallback)));
    };
    TrainConfig config;
    config.method = method;
    const auto own = static_cast<std::size_t>(method);
    if (fields.choice("method", kMethods, own) != own) {
        fail(ErrorKind::InvalidInput, "{}: is for the method \"{}\", not for \"{}\"", name, fields.text("method"),
             kMethods[own]);
    }
    config.out = path(fields.text("out"));
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
    config.steps = static_cast<std::uint64_t>(fields.integer("steps", 1, kMany));
    config.rate = readRate(fields.object("learning_rate"));
    config.optimizer = readOptimizer(fields.object("optimizer"));
    config.balance = fields.number("balance", 0, 100, config.balance);
    config.seed =
        static_cast<std::uint64_t>(fields.integer("seed", 0, std::numeric_limits<std::int64_t>::max(), 1));
    ConfigFields checkpoint = fields.object("checkpoint");
    config.checkpoint_every = static_cast<std::uint64_t>(
        checkpoint.integer("every", 1, kMany, static_cast<std::int64_t>(config.checkpoint_every)));
    config.checkpoint_keep = static_cast<std::size_t>(
        checkpoint.integer("keep", 1, kMany, static_cast<std::int64_t>(config.checkpoint_keep)));
    config.checkpoint_dtype = checkpoint.choice("dtype", kDTypes, 1) == 0 ? DType::F32 : DType::BF16;
    checkpoint.finish();
    config.threads = static_cast<std::size_t>(fields.integer("threads", 0, 4096, 0));
    fields.finish();
    return config;
}

nlohmann::ordered_json TrainConfig::toJson() const {
    nlohmann::ordered_json json;
    json["method"] = kMethods[static_cast<std::size_t>(method)];
    json["out"] = out.string();
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
    json["learning_rate"] = {{"peak", rate.peak},
                             {"warmup", rate.warmup},
                             {"shape", kShapes[static_cast<std::size_t>(rate.shape)]},
                             {"final", rate.final_fraction}};
    json["optimizer"] = {{"beta1", optimizer.beta1},
                         {"beta2", optimizer.beta2},
                         {"epsilon", optimizer.epsilon},
                         {"weight_decay", optimizer.weight_decay},
                         {"clip", optimizer.clip}};
    json["balance"] = balance;
    json["seed"] = seed;
    json["checkpoint"] = {{"every", checkpoint_every},
                          {"keep", checkpoint_keep},
                          {"dtype", checkpoint_dtype == DType::F32 ? "f32" : "bf16"}};
    json["threads"] = threads;
    return json;
}

std::string TrainConfig::differenceThatMatters(const TrainConfig& other) const {
    auto mine = toJson();
    auto theirs = other.toJson();
    for (const char* free : {"out", "checkpoint", "threads"}) {
        mine.erase(free);
        theirs.erase(free);
    }
    for (const auto& [key, value] : mine.items()) {
        if (!theirs.contains(key) || theirs.at(key) != value) {
            return key;
        }
    }
    return "";
}

} // namespace fulgurite
