// SPDX-License-Identifier: Apache-2.0
#include "core/train/config_parts.h"

#include "core/base/error.h"

#include <algorithm>

namespace fulgurite {

namespace {

const std::vector<std::string> kMethods{"pretrain", "sft", "rl"};
const std::vector<std::string> kShapes{"constant", "linear", "cosine"};
const std::vector<std::string> kOptimizers{"adamw", "muon"};
const std::vector<std::string> kDTypes{"f32", "bf16"};
constexpr double kLarge = 1e9;

} // namespace

RateSchedule readRate(ConfigFields fields, RateSchedule rate) {
    rate.peak = fields.number("peak", 0, kLarge, rate.peak);
    rate.warmup =
        static_cast<std::uint64_t>(fields.integer("warmup", 0, kManySteps, static_cast<std::int64_t>(rate.warmup)));
    rate.shape = static_cast<RateShape>(fields.choice("shape", kShapes, static_cast<std::size_t>(rate.shape)));
    rate.final_fraction = fields.number("final", 0, 1, rate.final_fraction);
    fields.finish();
    return rate;
}

OptimizerOptions readOptimizer(ConfigFields fields, OptimizerOptions adam) {
    adam.method =
        static_cast<OptimizerMethod>(fields.choice("method", kOptimizers, static_cast<std::size_t>(adam.method)));
    adam.beta1 = fields.number("beta1", 0, 0.9999999, adam.beta1);
    adam.beta2 = fields.number("beta2", 0, 0.9999999, adam.beta2);
    adam.epsilon = fields.number("epsilon", 1e-30, 1, adam.epsilon);
    adam.weight_decay = fields.number("weight_decay", 0, 100, adam.weight_decay);
    adam.clip = fields.number("clip", 0, kLarge, adam.clip);
    if (adam.method == OptimizerMethod::Muon) {
        adam.momentum = fields.number("momentum", 0, 0.9999999, adam.momentum);
        adam.matrix_rate = fields.number("matrix_rate", 0, kLarge, adam.matrix_rate);
    }
    fields.finish();
    return adam;
}

CheckpointOptions readCheckpoint(ConfigFields fields, CheckpointOptions checkpoint) {
    const auto count = [&](const char* key, std::uint64_t fallback) {
        return static_cast<std::uint64_t>(fields.integer(key, 1, kManySteps, static_cast<std::int64_t>(fallback)));
    };
    checkpoint.every = count("every", checkpoint.every);
    checkpoint.keep = count("keep", checkpoint.keep);
    const std::size_t dtype = checkpoint.dtype == DType::F32 ? 0 : 1;
    checkpoint.dtype = fields.choice("dtype", kDTypes, dtype) == 0 ? DType::F32 : DType::BF16;
    fields.finish();
    return checkpoint;
}

nlohmann::ordered_json toJson(const RateSchedule& rate) {
    return {{"peak", rate.peak},
            {"warmup", rate.warmup},
            {"shape", kShapes[static_cast<std::size_t>(rate.shape)]},
            {"final", rate.final_fraction}};
}

nlohmann::ordered_json toJson(const OptimizerOptions& adam) {
    nlohmann::ordered_json json{{"method", kOptimizers[static_cast<std::size_t>(adam.method)]},
                                {"beta1", adam.beta1},
                                {"beta2", adam.beta2},
                                {"epsilon", adam.epsilon},
                                {"weight_decay", adam.weight_decay},
                                {"clip", adam.clip}};
    if (adam.method == OptimizerMethod::Muon) {
        json["momentum"] = adam.momentum;
        json["matrix_rate"] = adam.matrix_rate;
    }
    return json;
}

nlohmann::ordered_json toJson(const CheckpointOptions& checkpoint) {
    return {{"every", checkpoint.every},
            {"keep", checkpoint.keep},
            {"dtype", kDTypes[checkpoint.dtype == DType::F32 ? 0 : 1]}};
}

void checkMethod(ConfigFields& fields, const std::string& method, const std::string& name) {
    const std::string found = kMethods[fields.choice(
        "method", kMethods,
        static_cast<std::size_t>(std::find(kMethods.begin(), kMethods.end(), method) - kMethods.begin()))];
    if (found != method) {
        fail(ErrorKind::InvalidInput, "{}: is for the method \"{}\", not for \"{}\"", name, found, method);
    }
}

RunPlace RunPlace::read(ConfigFields& fields, const std::filesystem::path& folder,
                        const std::filesystem::path& out) {
    return {fields.text("name", ""), pathIn(folder, fields.text("runs", (out / "runs.fulgurite").string()))};
}

void RunPlace::write(nlohmann::ordered_json& json) const {
    json["name"] = name;
    json["runs"] = database.string();
}

std::filesystem::path pathIn(const std::filesystem::path& folder, const std::string& value) {
    return value.empty() ? std::filesystem::path() : std::filesystem::absolute(folder / value).lexically_normal();
}

std::string firstDifference(nlohmann::ordered_json mine, const nlohmann::ordered_json& theirs) {
    for (const char* free : {"out", "name", "runs", "checkpoint", "threads"}) {
        mine.erase(free);
    }
    for (const auto& [key, value] : mine.items()) {
        if (!theirs.contains(key) || theirs.at(key) != value) {
            return key;
        }
    }
    return "";
}

} // namespace fulgurite
