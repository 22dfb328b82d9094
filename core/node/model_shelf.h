// SPDX-License-Identifier: Apache-2.0
// Which models a node can be told to load: checkpoint folders below the folders that its administrator has named,
// and nothing else of the disk. Clients name one by its id, never by a path.
#pragma once

#include "core/node/model_host.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::node {

struct ModelChoice {
    std::string id; // unique among the choices
    std::filesystem::path folder;
    std::string architecture;
    std::int64_t parameters = 0;
    std::uint64_t weight_bytes = 0; // of its files
    std::uint64_t state_bytes = 0;  // of one conversation of kConversationTokens, or of as many as it takes
    std::string problem;            // why it cannot be loaded; empty: it can, as far as its configuration tells

    std::uint64_t neededBytes() const { return weight_bytes + state_bytes; }
};

inline constexpr std::size_t kConversationTokens = 4096;

struct ModelShelfOptions {
    // Each a checkpoint, or with checkpoints in it or in its folders.
    std::vector<std::filesystem::path> roots;
    std::string device = "cpu"; // where models are computed
    // Memory for weights and states there that can still be taken.
    std::function<std::uint64_t()> free_bytes;
    std::function<std::unique_ptr<ModelService>(const std::filesystem::path& folder, const std::string& id,
                                                LoadProgress& progress)>
        load;
};

// Looks at the disk anew each time: models come and go. Thread-safe.
class ModelShelf {
  public:
    explicit ModelShelf(ModelShelfOptions options) : options_(std::move(options)) {}

    std::vector<ModelChoice> choices() const; // by id
    // Throws ApiError 404 `model_not_found`.
    ModelChoice find(const std::string& id) const;
    const std::string& device() const { return options_.device; }
    std::uint64_t freeBytes() const { return options_.free_bytes(); }
    // Reads the files first, with progress, so that the first answers need not wait for the disk.
    ModelHost::Loader loaderOf(const ModelChoice& choice) const;

  private:
    ModelShelfOptions options_;
};

} // namespace fulgurite::node
