// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine train rl`: reinforcement learning on tasks that a program can check, and `train items`, which
// shows what such tasks are and writes their items for supervised tuning.
#include "app/engine/device_option.h"
#include "app/engine/duration.h"
#include "app/engine/interrupt.h"
#include "app/engine/train.h"
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/train/rl_trainer.h"

#include <cstdio>
#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

RlConfig readConfig(const std::string& file) {
    return RlConfig::parse(readTextFile(file), file, std::filesystem::path(file).parent_path());
}

std::string objectiveText(const PolicyOptions& policy) {
    switch (policy.loss) {
    case PolicyLoss::Cispo:
        return fmt::format("CISPO, weight from {:g} to {:g} (= 1 + {:g})", policy.floor, policy.cap,
                           policy.cap - 1);
    case PolicyLoss::Grpo:
        return fmt::format("GRPO, ratio clipped to {:g} and {:g}", 1 - policy.clip_low, 1 + policy.clip_high);
    case PolicyLoss::Dapo:
        return fmt::format("DAPO, ratio clipped to {:g} and {:g}", 1 - policy.clip_low, 1 + policy.clip_high);
    }
    return {};
}

void printPlan(RlTrainer& trainer) {
    const RlConfig& config = trainer.config();
    const RlPlan plan = trainer.measure();
    fmt::print("parameters      {}\n", trainer.model().config().parameterCount());
    fmt::print("objective       {}{}\n", objectiveText(config.policy),
               config.policy.kl > 0 ? fmt::format(", KL {:g}", config.policy.kl) : "");
    fmt::print("batch           {} prompts x {} answers of at most {} tokens, {} update{}\n", config.prompts,
               config.group, config.rollout.max_tokens, config.updates, config.updates == 1 ? "" : "s");
    fmt::print(
        "memory          {:.0f} MiB: weights and gradients {:.0f}, optimizer {:.0f}, activations {:.0f}, states "
        "{:.0f}\n",
        plan.memory() / kMiB, plan.weights / kMiB, plan.moments / kMiB, plan.activations / kMiB,
        plan.states / kMiB);
    fmt::print("speed           rollouts {:.0f} tokens/s, update {:.0f} tokens/s, measured on one batch\n",
               plan.rollout_speed, plan.update_speed);
    fmt::print("time            {} for {} batches ({:.2f} s each) and evaluations\n",
               durationText(plan.total_seconds), config.batches, plan.batch_seconds);
}

void printBatch(const RlBatchFigures& figures, const RlConfig& config) {
    const UpdateFigures& last = figures.updates.back();
    fmt::print("batch {}/{}  reward {:.3f}  accuracy {:.3f}  length {:.1f}  entropy {:.3f}  norm {:.3g}",
               figures.batch, config.batches, figures.rollout.reward_mean, figures.rollout.accuracy,
               figures.rollout.len_mean, last.pass.entropy, last.gradient_norm);
    if (config.updates > 1) {
        const bool cispo = config.policy.loss == PolicyLoss::Cispo;
        fmt::print("  ratio p99 {:.2f}  {} {:.3f}", last.ratio_p99, cispo ? "capped" : "masked",
                   cispo ? last.pass.policy.capped_fraction : last.pass.policy.masked_fraction);
    }
    fmt::print("  {:.2f} s\n", figures.seconds);
    for (const auto& [name, value] : figures.evaluation.items()) {
        fmt::print("  {} {:.3f}\n", name, value.get<double>());
    }
    std::fflush(stdout);
}

void runBatches(RlTrainer& trainer) {
    InterruptGuard interrupts;
    if (const std::uint64_t made = trainer.begin(); made > 0) {
        fmt::print("continues after batch {}\n", made);
    }
    while (!trainer.done()) {
        const RlBatchFigures figures = trainer.step();
        printBatch(figures, trainer.config());
        if (interrupts.take() && !trainer.done()) {
            const auto folder = trainer.stop();
            tellTrouble(trainer.trouble());
            fmt::print("stopped after batch {}: {}; the same command continues\n", figures.batch, folder.string());
            throw CLI::RuntimeError(kExitInterrupted);
        }
    }
    fmt::print("the model is in {}\n", trainer.save().string());
    tellTrouble(trainer.trouble());
}

struct ItemOptions {
    std::string config;
    std::string out;
    std::uint64_t count = 10;
    std::uint64_t from = 0;
    bool test = false;
};

// The items of "tasks" in a configuration file, whatever else it holds.
void writeItems(const ItemOptions& options) {
    ConfigFields fields = ConfigFields::parse(readTextFile(options.config), options.config);
    const PromptOptions prompts = PromptOptions::read(fields);
    const Split split = options.test ? Split::Test : Split::Train;
    std::string lines;
    for (std::uint64_t i = options.from; i < options.from + options.count; ++i) {
        const TaskShare& share = prompts.tasks[taskAt(prompts, i)];
        const TaskItem item = itemOf(*share.task, split, prompts.seed, i);
        if (options.out.empty()) {
            fmt::print("{}  {}{}{} {}\n", share.task->name(), share.before, item.prompt, share.after, item.gold);
        } else {
            lines += PromptSource::conversation(share, item).dump() + "\n";
        }
    }
    if (!options.out.empty()) {
        writeFileAtomically(options.out, lines);
        fmt::print("{} conversations are in {}\n", options.count, options.out);
    }
}

// With the knobs of each as they are when nothing is said about them.
std::string taskList() {
    std::string list;
    for (const std::string& name : taskNames()) {
        ConfigFields nothing = ConfigFields::parse("{}", name);
        const nlohmann::ordered_json values = makeTask(name, nothing)->knobs();
        std::string knobs;
        for (const auto& [knob, value] : values.items()) {
            knobs += fmt::format("{}{} {}", knobs.empty() ? "" : ", ", knob, value.dump());
        }
        list += fmt::format("  {:<11} {}\n              {}\n", name, taskSummary(name), knobs);
    }
    return list;
}

} // namespace

void addTrainRl(CLI::App& train) {
    struct Options {
        std::string config;
        std::string device;
        bool dry_run = false;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command = train.add_subcommand("rl", "Reinforcement learning with CISPO, GRPO or DAPO");
    command->add_option("config", options->config, "Configuration file: JSON, comments allowed")->required();
    command->add_flag("--dry-run", options->dry_run, "Write nothing; say memory, speed and time to finish");
    addDeviceOption(*command, options->device);
    command->footer(
        "Begins the run in the configuration's \"out\" folder, or continues it from its newest checkpoint with "
        "the\n"
        "same bits as if it had never stopped. Ctrl+C writes a checkpoint first.\n\n"
        "  {\"out\": \"run\", \"model\": \"DIR\", \"batches\": 200, \"prompts\": 32, \"group\": 16, \"updates\": "
        "4,\n"
        "   \"tasks\": [{\"task\": \"addition\", \"max_digits\": 4}, {\"task\": \"sorting\", \"weight\": 0.5}],\n"
        "   \"rollout\": {\"max_tokens\": 16}, \"objective\": {\"loss\": \"cispo\", \"cap\": 5}}\n\n"
        "Tasks (each with an example and its knobs; `train items` shows more):\n" +
        taskList() +
        "\nExamples:\n"
        "  fulgurite-engine train rl run.json --dry-run\n"
        "  fulgurite-engine train rl run.json");
    command->callback([options] {
        RlTrainer trainer(readConfig(options->config), deviceNamed(options->device));
        options->dry_run ? printPlan(trainer) : runBatches(trainer);
    });
}

void addTrainItems(CLI::App& train) {
    auto options = std::make_shared<ItemOptions>();
    CLI::App* command =
        train.add_subcommand("items", "Show the items of a run's tasks, or write them for `train sft`");
    command
        ->add_option("config", options->config, "Configuration file with \"tasks\"; its other fields are not read")
        ->required();
    command->add_option("--count", options->count, "How many")->capture_default_str();
    command->add_option("--from", options->from, "Number of the first")->capture_default_str();
    command->add_flag("--test", options->test, "Of the test split, in which no training item occurs");
    command->add_option("--out", options->out, "Write conversations (.jsonl) with the right answers here");
    command->footer("Tasks:\n" + taskList() +
                    "\nExamples:\n"
                    "  fulgurite-engine train items run.json --count 20\n"
                    "  fulgurite-engine train items run.json --count 20000 --out items.jsonl");
    command->callback([options] { writeItems(*options); });
}

} // namespace fulgurite::app
