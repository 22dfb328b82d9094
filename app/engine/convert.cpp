// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine convert`: writes checkpoints; today random ones of any shape, to measure on.
#include "app/engine/command.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/random_checkpoint.h"

#include <cstdio>
#include <fmt/core.h>
#include <memory>
#include <unistd.h>

namespace fulgurite::app {

namespace {

struct ConvertOptions {
    std::string config;
    std::string out;
    std::string dtype = "bf16";
    std::uint64_t seed = 0;
};

void convert(const ConvertOptions& options) {
    const std::string text = readTextFile(options.config, std::size_t{16} << 20);
    const ModelConfig config = ModelConfig::parse(text, options.config);
    RandomCheckpointOptions random;
    random.dtype = options.dtype == "f32" ? DType::F32 : DType::BF16;
    random.seed = options.seed;
    const bool tell = ::isatty(STDERR_FILENO) != 0;
    int last_percent = -1;
    random.progress = [&](std::uint64_t done, std::uint64_t total) {
        const int percent = static_cast<int>(100 * done / total);
        if (tell && percent != last_percent) {
            fmt::print(stderr, "\r{} of {} MiB ({} %)", done >> 20, total >> 20, percent);
            last_percent = percent;
        }
        return true;
    };
    writeRandomCheckpoint(text, config, options.out, random);
    fmt::print("{}{}: {} parameters, random, {}\n", tell ? "\n" : "", options.out, config.parameterCount(),
               options.dtype);
}

} // namespace

void addConvert(CLI::App& app) {
    auto options = std::make_shared<ConvertOptions>();
    CLI::App* command = app.add_subcommand("convert", "Write a checkpoint of any shape with random weights");
    command->add_option("--random", options->config, "config.json that gives the shape")->required();
    command->add_option("--out", options->out, "New folder for the checkpoint")->required();
    command->add_option("--dtype", options->dtype, "bf16 or f32")
        ->check(CLI::IsMember({"bf16", "f32"}))
        ->capture_default_str();
    command->add_option("--seed", options->seed, "Another seed gives other weights")->capture_default_str();
    command->footer("Example:\n  fulgurite-engine convert --random config.json --out /tmp/random-1b --dtype bf16");
    command->callback([options] { convert(*options); });
}

} // namespace fulgurite::app
