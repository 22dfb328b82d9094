// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/checkpoint.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/config_reader.h"
#include "core/checkpoint/int8_rows.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <set>
#include <utility>

namespace fulgurite {

namespace {

constexpr const char* kIndexName = "model.safetensors.index.json";

// Which shard has which tensor; names with a folder part are refused.
std::map<std::string, std::string, std::less<>> readIndex(const std::filesystem::path& index) {
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
    std::map<std::string, std::string, std::less<>> shards;
    for (const auto& [tensor, shard] : json["weight_map"].items()) {
        if (!shard.is_string() || std::filesystem::path(shard.get<std::string>()).has_parent_path()) {
            fail(ErrorKind::Corrupt, "{}: weight_map[\"{}\"] is not the name of a file in this folder",
                 index.string(), tensor);
        }
        shards.emplace(tensor, shard.get<std::string>());
    }
    return shards;
}

std::set<std::string> filesInFolder(const std::filesystem::path& folder) {
    std::set<std::string> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().extension() == ".safetensors") {
            files.insert(entry.path().filename().string());
        }
    }
    if (error) {
        fail(error == std::errc::no_such_file_or_directory ? ErrorKind::NotFound : ErrorKind::Io, "{}: {}",
             folder.string(), error.message());
    }
    return files;
}

// "model-00002-of-00413.safetensors": the name before the number, the number and how many there are.
struct ShardName {
    std::string stem;
    std::size_t number = 0;
    std::size_t of = 0;

    std::string file() const { return fmt::format("{}-{:05}-of-{:05}.safetensors", stem, number, of); }
};

std::optional<ShardName> readShardName(const std::string& file) {
    static const std::regex kNumbered(R"((.*)-([0-9]{5})-of-([0-9]{5})\.safetensors)");
    std::smatch parts;
    if (!std::regex_match(file, parts, kNumbered)) {
        return std::nullopt;
    }
    return ShardName{parts[1], std::stoul(parts[2]), std::stoul(parts[3])};
}

// Those that the names of the others speak of. Published checkpoints count from 0 or from 1.
std::set<std::string> withNumbersThatLack(std::set<std::string> files) {
    std::map<std::pair<std::string, std::size_t>, std::set<std::size_t>> series;
    for (const std::string& file : files) {
        if (const auto name = readShardName(file)) {
            series[{name->stem, name->of}].insert(name->number);
        }
    }
    for (const auto& [of, numbers] : series) {
        const std::size_t first = numbers.contains(0) ? 0 : 1;
        for (std::size_t number = first; number < first + of.second; ++number) {
            files.insert(ShardName{of.first, number, of.second}.file());
        }
    }
    return files;
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t kListed = 10;
    const std::size_t count = std::min(kListed, names.size());
    return fmt::format("{}{}", fmt::join(names.begin(), names.begin() + static_cast<long>(count), ", "),
                       names.size() > count ? ", ..." : "");
}

bool isFloating(DType dtype) {
    return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16;
}

} // namespace

Checkpoint::Checkpoint(const std::filesystem::path& folder) : folder_(folder) {
    const std::set<std::string> found = filesInFolder(folder);
    std::set<std::string> wanted;
    if (std::filesystem::exists(folder / kIndexName)) {
        index_ = readIndex(folder / kIndexName);
        for (const auto& [tensor, shard] : index_) {
            wanted.insert(shard);
        }
    } else if (found.contains("model.safetensors")) {
        wanted = {"model.safetensors"};
    } else if (found.empty()) {
        fail(ErrorKind::NotFound, "{}: no .safetensors files; this is not a checkpoint folder", folder.string());
    } else {
        wanted = withNumbersThatLack(found);
    }
    std::vector<std::string> missing;
    std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(), std::back_inserter(missing));
    if (!missing.empty()) {
        lost_.insert(missing.begin(), missing.end());
        problems_.push_back(fmt::format("{} of {} shards are missing: {}; download them into this folder",
                                        missing.size(), wanted.size(), listed(missing)));
    }
    // Other files may lie here for other reasons, a numbered one is a leftover of another download.
    std::vector<std::string> extra;
    std::set_difference(found.begin(), found.end(), wanted.begin(), wanted.end(), std::back_inserter(extra));
    std::erase_if(extra, [](const std::string& file) { return !readShardName(file); });
    if (!extra.empty()) {
        problems_.push_back(fmt::format("{} extra shard(s) that belong to none of the others: {}; delete what is "
                                        "left from another download",
                                        extra.size(), listed(extra)));
    }
    for (const std::string& shard : wanted) {
        if (!lost_.contains(shard)) {
            addFile(folder / shard);
        }
    }
}

bool Checkpoint::mayBeLost(std::string_view name) const {
    const auto known = index_.find(name);
    return index_.empty() ? !lost_.empty() : known != index_.end() && lost_.contains(known->second);
}

void Checkpoint::addFile(const std::filesystem::path& path) {
    try {
        files_.emplace_back(path);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Corrupt) {
            throw;
        }
        lost_.insert(path.filename().string());
        problems_.emplace_back(error.what());
        return;
    }
    const SafetensorsFile& file = files_.back();
    for (const auto& [name, entry] : file.header().entries) {
        const auto [known, is_new] = origin_.emplace(name, path.filename().string());
        if (!is_new) {
            problems_.push_back(fmt::format("{}: is in {} and in {}", name, known->second, path.filename().string()));
            continue;
        }
        const TensorView view = file.tensor(name);
        bytes_ += view.bytes();
        tensors_.emplace(name, view);
    }
}

bool TensorBinder::has(std::string_view name) const {
    return checkpoint_.tensors().contains(name) || (checkpoint_.indexed(name) && checkpoint_.mayBeLost(name));
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
    if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return checkpoint_.mayBeLost(name); })) {
        ++lost_;
    } else {
        problems_.push_back(
            fmt::format("{}: missing, shape {} expected", fmt::join(names, " or "), toString(shape)));
    }
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
    if (found == checkpoint_.tensors().end() && checkpoint_.mayBeLost(name)) {
        ++lost_;
        return {};
    }
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
    const std::vector<std::string>& shards = checkpoint_.problems();
    if (problems.empty() && shards.empty()) {
        return;
    }
    const std::string tensors = fmt::format("{} tensor(s) do not match config.json", problems.size());
    std::string what = problems.empty() ? std::string() : tensors;
    if (!shards.empty()) {
        what = fmt::format("the shards are not complete{}{}", problems.empty() ? "" : ", and ", what);
    }
    problems.insert(problems.begin(), shards.begin(), shards.end());
    constexpr std::size_t kListed = 30;
    if (const std::size_t count = problems.size(); count > kListed) {
        problems.resize(kListed);
        problems.push_back(fmt::format("... and {} more", count - kListed));
    }
    if (lost_ > 0) {
        problems.push_back(fmt::format("{} tensors of shards that are missing or damaged were not looked at", lost_));
    }
    fail(ErrorKind::Corrupt, "{}: {}:\n  {}", checkpoint_.folder().string(), what, fmt::join(problems, "\n  "));
}

} // namespace fulgurite
