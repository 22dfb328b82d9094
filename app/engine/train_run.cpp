// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine train pretrain` and `train sft`: a run from a configuration file, begun or continued.
#include "app/engine/device_option.h"
#include "app/engine/duration.h"
#include "app/engine/interrupt.h"
#include "app/engine/train.h"
#include "core/base/file_io.h"
#include "core/train/trainer.h"

#include <chrono>
#include <cstdio>
#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

constexpr std::size_t kMeasuredBatches = 3;

struct TrainRunOptions {
    TrainMethod method = TrainMethod::Pretrain;
    std::string config;
    std::string device;
    bool dry_run = false;
};

void printPlan(Trainer& trainer) {
    const TrainConfig& config = trainer.config();
    const TrainMemory memory = trainer.memory();
    const double tokens = trainer.plannedTokens();
    fmt::print("parameters      {}\n", trainer.model().config().parameterCount());
    fmt::print("data            {} samples, {} tokens, used {:.2f} times\n", trainer.data().count(),
               trainer.data().tokens(),
               static_cast<double>(config.steps * config.samplesOfStep()) /
                   static_cast<double>(trainer.data().count()));
    fmt::print("step            {} samples of {}{} tokens\n", config.samplesOfStep(),
               config.method == TrainMethod::Sft ? "at most " : "", config.sequence);
    fmt::print("memory          {:.0f} MiB: weights and gradients {:.0f}, optimizer {:.0f}, activations {:.0f}\n",
               memory.total() / kMiB, memory.weights / kMiB, memory.moments / kMiB, memory.activations / kMiB);
    const double speed = trainer.measure(kMeasuredBatches);
    fmt::print("speed           {:.0f} tokens/s, measured on {} batches\n", speed, kMeasuredBatches);
    fmt::print("time            {} for {} steps, {:.0f} tokens\n", durationText(tokens / speed), config.steps,
               tokens);
}

void runSteps(Trainer& trainer) {
    using Clock = std::chrono::steady_clock;
    InterruptGuard interrupts;
    const std::uint64_t made = trainer.begin();
    if (made > 0) {
        fmt::print("continues after step {}\n", made);
    }
    auto printed = Clock::time_point();
    while (!trainer.done()) {
        const StepFigures f = trainer.step();
        if (Clock::now() - printed > std::chrono::seconds(1) || trainer.done()) {
            printed = Clock::now();
            fmt::print("step {}/{}  loss {:.4f}  norm {:.3f}  rate {:.3g}  {:.0f} tokens/s\n", f.step,
                       trainer.config().steps, f.loss, f.gradient_norm, f.rate, f.tokens_per_second);
            std::fflush(stdout);
        }
        if (interrupts.take() && !trainer.done()) {
            const auto folder = trainer.stop();
            tellTrouble(trainer.trouble());
            fmt::print("stopped after step {}: {}; the same command continues\n", f.step, folder.string());
            throw CLI::RuntimeError(kExitInterrupted);
        }
    }
    fmt::print("the model is in {}\n", trainer.save().string());
    tellTrouble(trainer.trouble());
}

void run(const TrainRunOptions& options) {
    const auto config = TrainConfig::parse(options.method, readTextFile(options.config), options.config,
                                           std::filesystem::path(options.config).parent_path());
    Trainer trainer(config, deviceNamed(options.device));
    if (options.dry_run) {
        printPlan(trainer);
    } else {
        runSteps(trainer);
    }
}

CLI::App* addMethod(CLI::App& train, TrainMethod method, const char* name, const char* description) {
    auto options = std::make_shared<TrainRunOptions>();
    options->method = method;
    CLI::App* command = train.add_subcommand(name, description);
    command->add_option("config", options->config, "Configuration file: JSON, comments allowed")->required();
    command->add_flag("--dry-run", options->dry_run, "Write nothing; say memory, speed and time to finish");
    addDeviceOption(*command, options->device);
    command->callback([options] { run(*options); });
    return command;
}

} // namespace

void addTrainRuns(CLI::App& train) {
    CLI::App* command =
        addMethod(train, TrainMethod::Pretrain, "pretrain", "Train on plain text by next-token prediction");
    command->footer(
        "Begins the run in the configuration's \"out\" folder, or continues it from its newest checkpoint with "
        "the\n"
        "same bits as if it had never stopped. Ctrl+C writes a checkpoint first. Paths in the file are relative to "
        "it.\n\n"
        "  {\"out\": \"run\", \"model\": \"DIR\", \"data\": [\"text.txt\", \"documents.jsonl\"], \"steps\": 1000,\n"
        "   \"sequence\": 512, \"batch\": 8, \"accumulate\": 1, \"balance\": 0.01, \"seed\": 1, \"threads\": 0,\n"
        "   \"learning_rate\": {\"peak\": 1e-3, \"warmup\": 100, \"shape\": \"cosine\", \"final\": 0.1},\n"
        "   \"optimizer\": {\"beta1\": 0.9, \"beta2\": 0.95, \"epsilon\": 1e-8, \"weight_decay\": 0.1, \"clip\": "
        "1},\n"
        "   \"checkpoint\": {\"every\": 200, \"keep\": 2, \"dtype\": \"bf16\"}}\n\n"
        "In place of \"model\", \"fresh\": {\"config\": \"config.json\", \"deviation\": 0.02} and \"tokenizer\": "
        "\"DIR\" begin a\n"
        "new model. Examples:\n"
        "  fulgurite-engine train pretrain run.json --dry-run\n"
        "  fulgurite-engine train pretrain run.json\n"
        "  fulgurite-engine train pretrain run.json --device cuda");
    command = addMethod(train, TrainMethod::Sft, "sft", "Train on conversations: on what the assistant says");
    command->footer(
        "As pretrain, with \"data\" of .jsonl files: one {\"messages\": [{\"role\": \"user\", \"content\": ...}, "
        "...]} a\n"
        "line, in the model's chat format. The loss is that of the assistant's words and of the end after them.\n"
        "\"sequence\" is the longest conversation; \"batch\" counts conversations.\n\n"
        "Examples:\n"
        "  fulgurite-engine train sft run.json --dry-run\n"
        "  fulgurite-engine train sft run.json");
}

} // namespace fulgurite::app
