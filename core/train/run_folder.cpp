// SPDX-License-Identifier: Apache-2.0
#include "core/train/run_folder.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/staged_folder.h"
#include "core/checkpoint/safetensors.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

namespace fulgurite {

namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr const char* kPrefix = "step-";
constexpr std::array kTokenizerFiles{"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                     "chat_template.jinja", "generation_config.json"};

void createFolder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        fail(ErrorKind::Io, "{}: cannot create the folder: {}", folder.string(), error.message());
    }
}

void writeModel(const fs::path& folder, const TrainModel& model, DType dtype) {
    SafetensorsWriter writer(folder / "model.safetensors");
    writer.setMetadata("format", "pt");
    const auto dtypeOf = [&](const Parameter& p) { return p.role == TensorRole::Router ? DType::F32 : dtype; };
    for (const Parameter& p : model.layout().parameters()) {
        writer.declare(p.name, dtypeOf(p), p.shape);
    }
    std::vector<std::uint16_t> halves;
    for (const Parameter& p : model.layout().parameters()) {
        const auto values = std::span(model.weights()).subspan(p.offset, p.count);
        if (dtypeOf(p) == DType::F32) {
            writer.append(std::as_bytes(values));
        } else {
            halves.resize(p.count);
            std::transform(values.begin(), values.end(), halves.begin(), floatToBf16);
            writer.append(std::as_bytes(std::span(halves)));
        }
    }
    writer.finish();
}

void writeState(const fs::path& path, const TrainModel& model, const Optimizer& optimizer) {
    SafetensorsWriter writer(path);
    const auto size = static_cast<std::int64_t>(model.weights().size());
    for (const char* name : {"weights", "first_moment", "second_moment"}) {
        writer.declare(name, DType::F32, {size});
    }
    const auto append = [&](const std::vector<float>& values) { writer.append(std::as_bytes(std::span(values))); };
    append(model.weights());
    append(optimizer.firstMoment());
    append(optimizer.secondMoment());
    writer.finish();
}

void copyTokenizer(const fs::path& from, const fs::path& to) {
    for (const char* name : kTokenizerFiles) {
        if (!from.empty() && fs::exists(from / name)) {
            writeFileAtomically(to / name, readTextFile(from / name));
        }
    }
}

} // namespace

std::vector<std::pair<std::uint64_t, fs::path>> RunFolder::complete() const {
    std::vector<std::pair<std::uint64_t, fs::path>> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root_ / "checkpoints", error)) {
        const std::string name = entry.path().filename().string();
        std::uint64_t step = 0;
        const char* first = name.data() + std::min(name.size(), std::strlen(kPrefix));
        const char* last = name.data() + name.size();
        if (name.starts_with(kPrefix) && std::from_chars(first, last, step).ptr == last && first != last) {
            found.emplace_back(step, entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::optional<fs::path> RunFolder::newest() const {
    const auto found = complete();
    return found.empty() ? std::nullopt : std::optional(found.back().second);
}

std::string RunFolder::lastCheckpointText() const {
    const auto checkpoint = newest();
    return checkpoint ? "The last good checkpoint is " + checkpoint->string() : "There is no checkpoint yet";
}

RunProgress RunFolder::progressOf(const fs::path& checkpoint) {
    const std::string name = (checkpoint / "state.json").string();
    const nlohmann::json json = parseJson(readTextFile(name), name);
    const JsonField view(json, name, ErrorKind::Corrupt);
    const auto number = [&](const char* key) {
        return static_cast<std::uint64_t>(view.at(key).integer(0, std::numeric_limits<std::int64_t>::max()));
    };
    if (number("format") != kFormat) {
        fail(ErrorKind::Unsupported, "{}: format {} is not known; this program writes {}", name, number("format"),
             kFormat);
    }
    RunProgress progress;
    progress.step = number("step");
    progress.samples = number("samples");
    progress.tokens = number("tokens");
    progress.seed = number("seed");
    progress.data_tokens = number("data_tokens");
    const std::string checksum = view.at("data_checksum").string();
    const char* end = checksum.data() + checksum.size();
    if (std::from_chars(checksum.data(), end, progress.data_checksum, 16).ptr != end) {
        fail(ErrorKind::Corrupt, "{}: data_checksum: expected a hexadecimal number", name);
    }
    progress.seconds = json.value("seconds", 0.0);
    progress.config = nlohmann::ordered_json::parse(view.at("config").value().dump());
    return progress;
}

void RunFolder::restore(const fs::path& checkpoint, TrainModel& model, Optimizer& optimizer) {
    const SafetensorsFile file(checkpoint / "optimizer.safetensors");
    const auto read = [&](const char* name) {
        const TensorView view = file.tensor(name);
        if (view.dtype != DType::F32 || view.shape != Shape{static_cast<std::int64_t>(model.weights().size())}) {
            fail(ErrorKind::Corrupt, "{}: {} is {} {}, the model needs F32 [{}]", file.path().string(), name,
                 nameOf(view.dtype), toString(view.shape), model.weights().size());
        }
        return toFloats(view);
    };
    auto weights = read("weights");
    optimizer.restore(progressOf(checkpoint).step, read("first_moment"), read("second_moment"));
    model.weights() = std::move(weights);
    model.send();
}

void RunFolder::fill(const fs::path& checkpoint, const RunProgress& progress, const TrainModel& model,
                     const Optimizer& optimizer, const std::string& config_json, const fs::path& tokenizer,
                     DType dtype) const {
    createFolder(checkpoint);
    writeModel(checkpoint, model, dtype);
    writeState(checkpoint / "optimizer.safetensors", model, optimizer);
    writeFileAtomically(checkpoint / "config.json", config_json);
    copyTokenizer(tokenizer, checkpoint);
    nlohmann::ordered_json state;
    state["format"] = kFormat;
    state["step"] = progress.step;
    state["samples"] = progress.samples;
    state["tokens"] = progress.tokens;
    state["seed"] = progress.seed;
    state["data_tokens"] = progress.data_tokens;
    state["data_checksum"] = fmt::format("{:016x}", progress.data_checksum);
    state["seconds"] = progress.seconds;
    state["config"] = progress.config;
    writeFileAtomically(checkpoint / "state.json", state.dump(1) + "\n");
    syncFolder(checkpoint);
}

fs::path RunFolder::save(const RunProgress& progress, const TrainModel& model, const Optimizer& optimizer,
                         const std::string& config_json, const fs::path& tokenizer, DType dtype,
                         std::size_t keep) const {
    const fs::path parent = root_ / "checkpoints";
    const fs::path target = parent / fmt::format("{}{:08}", kPrefix, progress.step);
    if (fs::exists(target)) {
        return target; // of this very step: the same bits
    }
    const fs::path temporary = parent / "writing";
    std::error_code error;
    fs::remove_all(temporary, error);
    try {
        fill(temporary, progress, model, optimizer, config_json, tokenizer, dtype);
        fs::rename(temporary, target, error);
        if (error) {
            fail(ErrorKind::Io, "{}: cannot rename to {}: {}", temporary.string(), target.string(),
                 error.message());
        }
    } catch (...) {
        fs::remove_all(temporary, error);
        throw;
    }
    syncFolder(parent);
    const auto all = complete();
    for (std::size_t i = 0; i + keep < all.size(); ++i) {
        fs::remove_all(all[i].second, error);
    }
    return target;
}

void RunFolder::shorten(const char* file, std::uint64_t step) const {
    std::string kept;
    std::ifstream old(root_ / file);
    for (std::string line; std::getline(old, line);) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (json.is_object() && json.value("step", std::uint64_t{0}) <= step && step > 0) {
            kept += line + "\n";
        }
    }
    writeFileAtomically(root_ / file, kept);
}

std::vector<nlohmann::json> RunFolder::logged(const char* file, std::uint64_t from) const {
    std::vector<nlohmann::json> lines;
    std::ifstream stream(root_ / file);
    for (std::string line; std::getline(stream, line);) {
        auto json = nlohmann::json::parse(line, nullptr, false);
        const auto step = json.is_object() ? json.find("step") : json.end();
        if (step != json.end() && step->is_number_unsigned() && step->get<std::uint64_t>() >= from) {
            lines.push_back(std::move(json));
        }
    }
    return lines;
}

void RunFolder::sync() const {
    for (const char* file : {kMetrics, kRollouts}) {
        const fs::path path = root_ / file;
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            continue; // nothing was logged there yet
        }
        const bool synced = ::fdatasync(fd) == 0;
        const int error = errno;
        ::close(fd);
        if (!synced) {
            fail(ErrorKind::Io, "{}: cannot sync: {}", path.string(), std::strerror(error));
        }
    }
}

void RunFolder::begin(const nlohmann::ordered_json& config, std::uint64_t step) const {
    createFolder(root_);
    writeFileAtomically(root_ / "run.json", config.dump(1) + "\n");
    shorten(kMetrics, step);
    if (fs::exists(root_ / kRollouts)) {
        shorten(kRollouts, step);
    }
}

void RunFolder::log(const nlohmann::ordered_json& line, const char* file) const {
    std::ofstream stream(root_ / file, std::ios::app);
    stream << line.dump() << '\n';
    if (!stream.flush()) {
        fail(ErrorKind::Io, "{}: cannot write", (root_ / file).string());
    }
}

} // namespace fulgurite
