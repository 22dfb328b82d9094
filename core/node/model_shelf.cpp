// SPDX-License-Identifier: Apache-2.0
#include "core/node/model_shelf.h"

#include "core/base/system_memory.h"
#include "core/checkpoint/model_config.h"
#include "core/node/api_error.h"
#include "core/state/sequence_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;

constexpr int kDepth = 2; // folders below a root: models/maker/model
constexpr std::size_t kMostChoices = 1000;
constexpr std::size_t kPiece = std::size_t{8} << 20;
constexpr std::size_t kShownId = 128;

bool isCheckpoint(const fs::path& folder) {
    std::error_code ignored;
    return fs::exists(folder / "config.json", ignored);
}

std::vector<fs::path> weightFiles(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
        if (entry.path().extension() == ".safetensors") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

// With what can be told of it without reading its weights.
ModelChoice describe(std::string id, const fs::path& folder) {
    ModelChoice choice;
    choice.id = std::move(id);
    choice.folder = folder;
    const std::vector<fs::path> files = weightFiles(folder);
    for (const fs::path& file : files) {
        std::error_code ignored;
        const std::uintmax_t bytes = fs::file_size(file, ignored);
        choice.weight_bytes += ignored ? 0 : bytes;
    }
    try {
        const ModelConfig config = ModelConfig::load(folder);
        choice.architecture = config.architecture;
        choice.parameters = config.parameterCount();
        const auto most = static_cast<std::size_t>(std::max<std::int64_t>(config.max_positions, 0));
        choice.state_bytes = StateShape::of(config).bytesAt(std::min(kConversationTokens, most));
    } catch (const std::exception& error) { // says what is wrong with the file, not where it lies
        choice.problem = error.what();
        const std::string path = (folder / "").string();
        if (const std::size_t at = choice.problem.find(path); at != std::string::npos) {
            choice.problem.erase(at, path.size());
        }
        return choice;
    }
    std::error_code ignored;
    if (files.empty()) {
        choice.problem = "its folder has no .safetensors files";
    } else if (!fs::exists(folder / "tokenizer.json", ignored)) {
        choice.problem = "its folder has no tokenizer.json";
    }
    return choice;
}

void collect(const fs::path& root, const fs::path& folder, int depth, std::map<std::string, fs::path>& found) {
    if (isCheckpoint(folder)) {
        std::string id =
            folder == root ? root.filename().string() : folder.lexically_relative(root).generic_string();
        // Two roots may have folders of one name.
        for (int again = 2; found.contains(id) && found[id] != folder; ++again) {
            id = fmt::format("{} ({})", folder.lexically_relative(root.parent_path()).generic_string(), again);
        }
        found.emplace(std::move(id), folder);
        return;
    }
    std::error_code code;
    if (depth == 0) {
        return;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
        if (entry.is_directory(code) && found.size() < kMostChoices) {
            collect(root, entry.path(), depth - 1, found);
        }
    }
}

// Every byte once, into the system's cache.
void readThrough(const fs::path& folder, LoadProgress& progress) {
    const std::vector<fs::path> files = weightFiles(folder);
    std::uint64_t total = 0;
    for (const fs::path& file : files) {
        total += fs::file_size(file);
    }
    if (total > availableMemory()) {
        return; // what is read first would be gone before it is used
    }
    std::uint64_t done = 0;
    std::vector<char> piece(kPiece);
    for (const fs::path& file : files) {
        const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            throw Error(ErrorKind::Io, fmt::format("{}: {}", file.string(), std::system_category().message(errno)));
        }
        const std::shared_ptr<const void> closed(nullptr, [fd](const void*) { ::close(fd); });
        for (ssize_t count = 1; count > 0; done += static_cast<std::uint64_t>(count)) {
            progress.tell("reading weights", done, total);
            count = ::read(fd, piece.data(), piece.size());
            if (count < 0) {
                throw Error(ErrorKind::Io,
                            fmt::format("{}: {}", file.string(), std::system_category().message(errno)));
            }
        }
    }
}

} // namespace

std::vector<ModelChoice> ModelShelf::choices() const {
    std::map<std::string, fs::path> found;
    for (const fs::path& root : options_.roots) {
        collect(root, root, kDepth, found);
    }
    std::vector<ModelChoice> all;
    for (const auto& [id, folder] : found) {
        all.push_back(describe(id, folder));
    }
    return all;
}

ModelChoice ModelShelf::find(const std::string& id) const {
    for (ModelChoice& choice : choices()) {
        if (choice.id == id) {
            return std::move(choice);
        }
    }
    throw ApiError(404,
                   fmt::format("there is no model '{}' in the folders of this node; "
                               "/fulgurite/v1/model/choices lists those there are",
                               id.substr(0, kShownId)),
                   "model", "model_not_found");
}

ModelHost::Loader ModelShelf::loaderOf(const ModelChoice& choice) const {
    return [load = options_.load, choice](LoadProgress& progress) {
        readThrough(choice.folder, progress);
        return load(choice.folder, choice.id, progress);
    };
}

} // namespace fulgurite::node
