// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine convert`: writes checkpoints: a given one with int8 experts, or random ones of any shape to
// measure on. The folder appears when it is complete.
#include "app/engine/command.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/staged_folder.h"
#include "core/checkpoint/int8_checkpoint.h"
#include "core/checkpoint/random_checkpoint.h"
#include "core/model/weights.h"

#include <cstdio>
#include <fmt/core.h>
#include <memory>
#include <unistd.h>

namespace fulgurite::app {

namespace {

struct ConvertOptions {
    std::string model;
    std::string config;
    std::string out;
    std::string dtype = "bf16";
    std::string experts;
    std::uint64_t seed = 0;
    std::uint64_t shard_mib = 4096;
};

// Tells a person at a terminal how far it is.
class Progress {
  public:
    bool operator()(std::uint64_t done, std::uint64_t total) {
        const int percent = static_cast<int>(100 * done / total);
        if (tell_ && percent != last_percent_) {
            fmt::print(stderr, "\r{} of {} MiB ({} %)", done >> 20, total >> 20, percent);
            last_percent_ = percent;
        }
        return true;
    }
    void finish() const {
        if (tell_) {
            fmt::print(stderr, "\n");
        }
    }

  private:
    bool tell_ = ::isatty(STDERR_FILENO) != 0;
    int last_percent_ = -1;
};

void writeRandom(const ConvertOptions& options) {
    const std::string text = readTextFile(options.config, std::size_t{16} << 20);
    const ModelConfig config = ModelConfig::parse(text, options.config);
    Progress progress;
    RandomCheckpointOptions random;
    random.dtype = options.dtype == "f32" ? DType::F32 : DType::BF16;
    random.int8_experts = options.experts == "int8";
    random.seed = options.seed;
    random.max_shard_bytes = options.shard_mib << 20;
    random.progress = std::ref(progress);
    StagedFolder folder(options.out);
    writeRandomCheckpoint(text, config, folder.path(), random);
    folder.commit();
    progress.finish();
    fmt::print("{}: {} parameters, random, {}{}\n", options.out, config.parameterCount(), options.dtype,
               random.int8_experts ? ", experts int8" : "");
}

void writeInt8(const ConvertOptions& options) {
    if (options.experts.empty()) {
        fail(ErrorKind::InvalidInput, "say what {} is to become: --experts int8", options.model);
    }
    const auto weights = loadWeights(options.model); // everything that is wrong with it, before anything is written
    Progress progress;
    Int8CheckpointOptions int8;
    int8.max_shard_bytes = options.shard_mib << 20;
    int8.progress = std::ref(progress);
    StagedFolder folder(options.out);
    const Int8CheckpointReport report = writeInt8Checkpoint(*weights->checkpoint, folder.path(), int8);
    folder.commit();
    progress.finish();
    fmt::print("{}: {} expert matrices as int8, {:.1f} MB of weights from {:.1f} MB\n", options.out,
               report.matrices, static_cast<double>(report.bytes) / 1e6,
               static_cast<double>(weights->checkpoint->bytes()) / 1e6);
}

void convert(const ConvertOptions& options) {
    if (options.model.empty() == options.config.empty()) {
        fail(ErrorKind::InvalidInput, "give either a model folder to convert or --random with a config.json");
    }
    if (options.config.empty()) {
        writeInt8(options);
    } else {
        writeRandom(options);
    }
}

} // namespace

void addConvert(CLI::App& app) {
    auto options = std::make_shared<ConvertOptions>();
    CLI::App* command = app.add_subcommand(
        "convert", "Write a checkpoint with int8 experts, or one of any shape with random weights");
    command->add_option("model", options->model, "Checkpoint folder to convert");
    command->add_option("--random", options->config, "Instead of a model: config.json that gives the shape");
    command->add_option("--out", options->out, "New folder for the checkpoint")->required();
    command->add_option("--experts", options->experts, "int8: one byte for each weight of the experts")
        ->check(CLI::IsMember({"int8"}));
    command->add_option("--dtype", options->dtype, "With --random: bf16 or f32")
        ->check(CLI::IsMember({"bf16", "f32"}))
        ->capture_default_str();
    command->add_option("--seed", options->seed, "With --random: another seed gives other weights")
        ->capture_default_str();
    command->add_option("--shard-mib", options->shard_mib, "Largest file of weights")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20))
        ->capture_default_str();
    command->footer("Examples:\n"
                    "  fulgurite-engine convert MiniMax-M1-80k --experts int8 --out M1-80k-int8\n"
                    "  fulgurite-engine convert --random config.json --out /tmp/random-1b --dtype bf16");
    command->callback([options] { convert(*options); });
}

} // namespace fulgurite::app
