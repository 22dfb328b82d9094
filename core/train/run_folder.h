// SPDX-License-Identifier: Apache-2.0
// The folder of a training run: `checkpoints/step-N`, each a complete Hugging Face model folder that the engine can
// load, with the run's own state beside it; `run.json`, the configuration in force; `metrics.jsonl` and, where
// there are any, `rollouts.jsonl`.
//
// A checkpoint is written under a temporary name and renamed when every file of it is on the disk, so that a run
// that is killed loses what it did since the last one and nothing else.
#pragma once

#include "core/train/optimizer.h"
#include "core/train/run_folder_lock.h"
#include "core/train/train_model.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite {

// Where a run stands, apart from its arrays.
struct RunProgress {
    std::uint64_t step = 0;    // updates made
    std::uint64_t samples = 0; // used: the data position, and with the seed all there is of the generator
    std::uint64_t tokens = 0;  // of those samples
    std::uint64_t seed = 0;
    std::uint64_t data_tokens = 0;
    std::uint64_t data_checksum = 0;
    double seconds = 0; // spent computing
    nlohmann::ordered_json config;
};

class RunFolder {
  public:
    explicit RunFolder(std::filesystem::path root) : root_(std::move(root)) {}

    const std::filesystem::path& root() const { return root_; }
    // For as long as this lives no other trainer may work here. Throws as RunFolderLock does.
    void claim() { lock_ = std::make_shared<const RunFolderLock>(root_); }
    // The newest complete checkpoint.
    std::optional<std::filesystem::path> newest() const;
    // A sentence about the newest checkpoint, for a run that cannot go on.
    std::string lastCheckpointText() const;
    // Progress of a checkpoint. Throws Error{Corrupt | NotFound}.
    static RunProgress progressOf(const std::filesystem::path& checkpoint);
    // Weights and moments of a checkpoint into a model and an optimizer of the same layout.
    static void restore(const std::filesystem::path& checkpoint, TrainModel& model, Optimizer& optimizer);

    // Writes checkpoints/step-N and removes all but the newest `keep`. `config_json` and the files of `tokenizer`
    // (a folder, may be empty) complete the model folder; `dtype` is F32 or BF16, the router stays F32. Returns its
    // path. When it cannot be written nothing of it is left: a full disk has its room back.
    std::filesystem::path save(const RunProgress& progress, const TrainModel& model, const Optimizer& optimizer,
                               const std::string& config_json, const std::filesystem::path& tokenizer, DType dtype,
                               std::size_t keep) const;

    static constexpr const char* kMetrics = "metrics.jsonl";
    static constexpr const char* kRollouts = "rollouts.jsonl";
    // Writes run.json and shortens the logs to their lines up to `step`.
    void begin(const nlohmann::ordered_json& config, std::uint64_t step) const;
    // Appends one line to a log; it has a "step".
    void log(const nlohmann::ordered_json& line, const char* file = kMetrics) const;
    // Lines of a log from step `from` on, in order. What is no line of a log is passed over.
    std::vector<nlohmann::json> logged(const char* file, std::uint64_t from) const;
    // Brings the logs to the disk, as a checkpoint is, so that no loss of power leaves one ahead of the other.
    void sync() const;

  private:
    std::vector<std::pair<std::uint64_t, std::filesystem::path>> complete() const;
    void shorten(const char* file, std::uint64_t step) const;
    void fill(const std::filesystem::path& checkpoint, const RunProgress& progress, const TrainModel& model,
              const Optimizer& optimizer, const std::string& config_json, const std::filesystem::path& tokenizer,
              DType dtype) const;

    std::filesystem::path root_;
    std::shared_ptr<const RunFolderLock> lock_;
};

} // namespace fulgurite
