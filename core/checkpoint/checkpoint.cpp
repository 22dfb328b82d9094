// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/checkpoint.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/config_reader.h"
#include "core/checkpoint/int8_rows.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <set>

namespace fulgurite {

namespace {

constexpr const char* kIndexName = "model.safetensors.index.json";

// The shard names of an index, each once; names with a folder part are refused.
std::set<std::string> shardsOfIndex(const std::filesystem::path& index) {
    const std::string text = readTextFile(index);
    nlohmann::json json;
    try {
        json = nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        fail(ErrorKind::Corrupt, "{}: not valid JSON: {}", index.string(), error.what());
    }
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
        fail(ErrorKind::Corrupt, "{}: expected an object with weight_map", index.string());
    }
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : json["weight_map"].items()) {
        if (!shard.is_string() || std::filesystem::path(shard.get<std::string>()).has_parent_path()) {
            fail(ErrorKind::Corrupt, "{}: weight_map[\"{}\"] is not the name of a file in this folder",
                 index.string(), tensor);
        }
        shards.insert(shard.get<std::string>());
    }
    return shards;
}

std::set<std::string> shardsInFolder(const std::filesystem::path& folder) {
    std::set<std::string> shards;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().extension() == ".safetensors") {
            shards.insert(entry.path().filename().string());
        }
    }
    if (error) {
        fail(error == std::errc::no_such_file_or_directory ? ErrorKind::NotFound : ErrorKind::Io, "{}: {}",
             folder.string(), error.message());
    }
    return shards;
}

std::set<std::string> findShards(const std::filesystem::path& folder) {
    if (std::filesystem::exists(folder / kIndexName)) {
        return shardsOfIndex(folder / kIndexName);
    }
    std::set<std::string> shards = shardsInFolder(folder);
    if (shards.contains("model.safetensors")) {
        return {"model.safetensors"};
    }
    if (shards.empty()) {
        fail(ErrorKind::NotFound, "{}: no .safetensors files; this is not a checkpoint folder", folder.string());
    }
    return shards;
}

bool isFloating(DType dtype) {
    return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16;
}

} // namespace

Checkpoint::Checkpoint(const std::filesystem::path& folder) : folder_(folder) {
    const std::set<std::string> shards = findShards(folder);
    std::vector<std::string> missing;
    for (const std::string& shard : shards) {
        if (!std::filesystem::exists(folder / shard)) {
            missing.push_back(shard);
        }
    }
    if (!missing.empty()) {
        constexpr std::size_t kListed = 10;
        const std::size_t listed = std::min(kListed, missing.size());
        fail(ErrorKind::NotFound, "{}: {} of {} shards are missing: {}{}; download them into this folder",
             folder.string(), missing.size(), shards.size(),
             fmt::join(missing.begin(), missing.begin() + static_cast<long>(listed), ", "),
             missing.size() > listed ? ", ..." : "");
    }
    for (const std::string& shard : shards) {
        addFile(folder / shard);
    }
}

void Checkpoint::addFile(const std::filesystem::path& path) {
    const SafetensorsFile& file = files_.emplace_back(path);
    for (const auto& [name, entry] : file.header().entries) {
        const auto [known, is_new] = origin_.emplace(name, path.filename().string());
        if (!is_new) {
            fail(ErrorKind::Corrupt, "{}: tensor \"{}\" is in {} and in {}", folder_.string(), name, known->second,
                 path.filename().string());
        }
        const TensorView view = file.tensor(name);
        bytes_ += view.bytes();
        tensors_.emplace(name, view);
    }
}

const std::pair<const std::string, TensorView>* TensorBinder::find(const std::vector<std::string>& names,
                                                                   const Shape& shape) {
    constexpr std::size_t kHopeless = 10'000; // a config that has nothing to do with these files
    if (problems_.size() >= kHopeless) {
        finish();
    }
    for (const std::string& name : names) {
        const auto found = checkpoint_.tensors().find(name);
        if (found == checkpoint_.tensors().end()) {
            continue;
        }
        taken_.insert_or_assign(name, true);
        if (found->second.shape != shape) {
            problems_.push_back(fmt::format("{}: shape {} found, {} expected", name, toString(found->second.shape),
                                            toString(shape)));
            return nullptr;
        }
        return &*found;
    }
    problems_.push_back(fmt::format("{}: missing, shape {} expected", fmt::join(names, " or "), toString(shape)));
    return nullptr;
}

TensorView TensorBinder::take(const std::vector<std::string>& names, const Shape& shape) {
    const auto* found = find(names, shape);
    if (found == nullptr) {
        return {};
    }
    const auto& [name, tensor] = *found;
    if (!isFloating(tensor.dtype)) {
        problems_.push_back(
            fmt::format("{}: type {} found, F32, BF16 or F16 expected", name, nameOf(tensor.dtype)));
        return {};
    }
    return tensor;
}

StoredMatrix TensorBinder::takeMatrix(const std::vector<std::string>& names, const Shape& shape) {
    const auto* found = find(names, shape);
    if (found == nullptr) {
        for (const std::string& name : names) {
            ignore(scaleName(name)); // one problem for each matrix
        }
        return {};
    }
    const auto& [name, tensor] = *found;
    if (tensor.dtype == DType::I8) {
        const TensorView scale = takeScale(name, shape.front());
        return scale.data == nullptr ? StoredMatrix{} : StoredMatrix{tensor, scale};
    }
    if (!isFloating(tensor.dtype)) {
        problems_.push_back(
            fmt::format("{}: type {} found, F32, BF16, F16 or I8 expected", name, nameOf(tensor.dtype)));
        return {};
    }
    if (has(scaleName(name))) {
        ignore(scaleName(name));
        problems_.push_back(fmt::format("{}: scales of a matrix of type {}; only those of I8 have a meaning",
                                        scaleName(name), nameOf(tensor.dtype)));
    }
    return {tensor, {}};
}

TensorView TensorBinder::takeScale(const std::string& weight, std::int64_t rows) {
    const std::string name = scaleName(weight);
    const auto found = checkpoint_.tensors().find(name);
    if (found == checkpoint_.tensors().end()) {
        problems_.push_back(fmt::format("{}: type I8 without its scales: {} is missing", weight, name));
        return {};
    }
    taken_.insert_or_assign(name, true);
    const TensorView& scale = found->second;
    if (scale.dtype != DType::F32 || scale.shape != Shape{rows}) {
        problems_.push_back(fmt::format("{}: {} {} found, F32 {} expected", name, nameOf(scale.dtype),
                                        toString(scale.shape), toString({rows})));
        return {};
    }
    const std::vector<float> values = toFloats(scale);
    for (std::size_t row = 0; row < values.size(); ++row) {
        if (!std::isfinite(values[row]) || values[row] < 0) {
            problems_.push_back(fmt::format("{}: the scale of row {} is {}; scales are finite and not negative",
                                            name, row, values[row]));
            return {};
        }
    }
    return scale;
}

void TensorBinder::finish() const {
    std::vector<std::string> problems = problems_;
    for (const auto& [name, view] : checkpoint_.tensors()) {
        if (!taken_.contains(name)) {
            problems.push_back(
                fmt::format("{}: extra, shape {} found, no such tensor expected", name, toString(view.shape)));
        }
    }
    if (problems.empty()) {
        return;
    }
    constexpr std::size_t kListed = 30;
    const std::size_t count = problems.size();
    if (count > kListed) {
        problems.resize(kListed);
        problems.push_back(fmt::format("... and {} more", count - kListed));
    }
    fail(ErrorKind::Corrupt, "{}: {} tensor(s) do not match config.json:\n  {}", checkpoint_.folder().string(),
         count, fmt::join(problems, "\n  "));
}

} // namespace fulgurite
