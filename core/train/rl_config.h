// SPDX-License-Identifier: Apache-2.0
// What a run of reinforcement learning does, read from a file that a person writes; see docs/user/training.md.
#pragma once

#include "core/generate/request.h"
#include "core/train/config_parts.h"
#include "core/train/objectives.h"
#include "core/train/tasks/task.h"
#include "core/train/train_pass.h"

#include <memory>

namespace fulgurite {

// One of the tasks that prompts are drawn from.
struct TaskShare {
    std::shared_ptr<const Task> task;
    double weight = 1;
    std::string before, after; // text around the problem
};

enum class PromptForm : std::uint8_t {
    Plain, // the text itself
    Chat,  // the text as a person's message in the model's chat template
};

// What is common to drawing prompts for any purpose.
struct PromptOptions {
    std::vector<TaskShare> tasks;
    PromptForm form = PromptForm::Plain;
    std::uint64_t seed = 1;

    // Takes "tasks", "prompt" and "seed".
    static PromptOptions read(ConfigFields& fields);
    void write(nlohmann::ordered_json& json) const;
};

struct RolloutOptions {
    float temperature = 1;
    int max_tokens = 0;
    RepetitionStop repetition;
    // Dynamic sampling (DAPO): groups without variance are drawn again, in at most this many rounds of generation
    // (the first included). 1: off.
    std::size_t rounds = 1;
    RolloutArithmetic arithmetic;
};

// A right answer earns 1. A wrong one, or one that was cut, earns what is set here.
struct RewardOptions {
    double partial = 0;         // times the share of the answer that is right
    double format = 0;          // for the right form
    std::size_t overlong = 0;   // tokens before the limit over which the soft overlong punishment grows; 0: none
    double overlong_weight = 1; // of the punishment, added to every answer
};

struct EvaluationOptions {
    std::uint64_t every = 10; // batches; before the first and after the last as well
    std::size_t items = 128;  // of the test split, of each task; always the same
    std::size_t samples = 0;  // k of mean@k and pass@k; 0: greedy alone
};

struct RlConfig {
    std::filesystem::path out; // folder of the run
    RunPlace place;
    std::filesystem::path model;     // weights to start from
    std::filesystem::path tokenizer; // folder
    std::filesystem::path reference; // policy that `policy.kl` holds on to
    PromptOptions prompts_of;        // tasks and their mix
    std::uint64_t batches = 0;       // of rollouts
    std::size_t prompts = 32;        // of a batch
    std::size_t group = 16;          // answers to each
    RolloutOptions rollout;
    RewardOptions reward;
    PolicyOptions policy;
    AdvantageOptions advantage;
    std::size_t updates = 1;      // made on one batch (mu)
    std::size_t mini_batches = 1; // parts of the batch; an update uses one, in turns
    std::size_t micro_batch = 64; // answers that are in memory with their activations at one time
    RateSchedule rate{1e-4, 0, RateShape::Constant, 0.1}; // counted in batches
    OptimizerOptions optimizer{.weight_decay = 0};
    double balance = 0.001;                      // coefficient of the load-balance loss
    Arithmetic arithmetic = Arithmetic::Float32; // of the products of training's layers
    EvaluationOptions evaluation;
    std::uint64_t log_every = 10; // batches; some of its rollouts are kept
    std::size_t log_groups = 4;   // how many groups
    CheckpointOptions checkpoint{.every = 50};
    std::size_t threads = 0;

    // `name` for messages; paths are taken relative to `folder`. Throws Error{InvalidInput} that names the field.
    static RlConfig parse(std::string_view text, const std::string& name, const std::filesystem::path& folder);
    // Every field with the value in force, in the form that parse() reads.
    nlohmann::ordered_json toJson() const;
    std::string differenceThatMatters(const RlConfig& other) const;

    std::uint64_t seed() const { return prompts_of.seed; }
    const char* ruleName() const; // "cispo", "grpo" or "dapo"
};

} // namespace fulgurite
