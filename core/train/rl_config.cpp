// SPDX-License-Identifier: Apache-2.0
#include "core/train/rl_config.h"

#include "core/base/error.h"

#include <limits>

namespace fulgurite {

namespace {

const std::vector<std::string> kForms{"plain", "chat"};
const std::vector<std::string> kLosses{"cispo", "grpo", "dapo"};
const std::vector<std::string> kNormalisers{"batch_tokens", "group_tokens", "answer"};
const std::vector<std::string> kDeviations{"sample", "population", "none"};
const std::vector<std::string> kArithmetics{"f32", "bf16"}; // as Arithmetic and HeadArithmetic
constexpr std::int64_t kManyAnswers = 1 << 20;
constexpr double kLargeWeight = 1e9;

std::size_t countOf(ConfigFields& fields, const char* key, std::size_t least, std::optional<std::size_t> fallback) {
    const auto otherwise = fallback ? std::optional(static_cast<std::int64_t>(*fallback)) : std::nullopt;
    return static_cast<std::size_t>(fields.integer(key, static_cast<std::int64_t>(least), kManyAnswers, otherwise));
}

RolloutOptions readRollout(ConfigFields fields) {
    RolloutOptions options;
    options.temperature = static_cast<float>(fields.number("temperature", 0.01, 100, 1));
    options.max_tokens = static_cast<int>(fields.integer("max_tokens", 1, kManyAnswers));
    ConfigFields repetition = fields.object("repetition");
    options.repetition.run = static_cast<int>(repetition.integer("run", 0, kManyAnswers, 0));
    options.repetition.probability = static_cast<float>(
        repetition.number("probability", 0, 1, static_cast<double>(RepetitionStop().probability)));
    repetition.finish();
    options.rounds = countOf(fields, "rounds", 1, options.rounds);
    options.arithmetic.layers = static_cast<Arithmetic>(fields.choice("arithmetic", kArithmetics, 0));
    options.arithmetic.head = static_cast<HeadArithmetic>(fields.choice("head", kArithmetics, 0));
    fields.finish();
    return options;
}

RewardOptions readReward(ConfigFields fields) {
    RewardOptions reward;
    reward.partial = fields.number("partial", 0, 1, reward.partial);
    reward.format = fields.number("format", 0, 1, reward.format);
    reward.overlong = countOf(fields, "overlong", 0, reward.overlong);
    reward.overlong_weight = fields.number("overlong_weight", 0, kLargeWeight, reward.overlong_weight);
    fields.finish();
    return reward;
}

// What is left out follows the published form of the loss.
PolicyOptions readPolicy(ConfigFields fields) {
    const auto loss = static_cast<PolicyLoss>(fields.choice("loss", kLosses, 0));
    PolicyOptions policy = loss == PolicyLoss::Cispo  ? PolicyOptions::cispo()
                           : loss == PolicyLoss::Grpo ? PolicyOptions::grpo()
                                                      : PolicyOptions::dapo();
    policy.normaliser = static_cast<Normaliser>(
        fields.choice("normaliser", kNormalisers, static_cast<std::size_t>(policy.normaliser)));
    policy.cap = fields.number("cap", 0, kLargeWeight, policy.cap);
    policy.floor = fields.number("floor", 0, policy.cap, policy.floor);
    policy.clip_low = fields.number("clip_low", 0, 1, policy.clip_low);
    policy.clip_high = fields.number("clip_high", 0, kLargeWeight, policy.clip_high);
    policy.kl = fields.number("kl", 0, kLargeWeight, policy.kl);
    fields.finish();
    return policy;
}

nlohmann::ordered_json policyJson(const PolicyOptions& policy) {
    return {{"loss", kLosses[static_cast<std::size_t>(policy.loss)]},
            {"normaliser", kNormalisers[static_cast<std::size_t>(policy.normaliser)]},
            {"cap", policy.cap},
            {"floor", policy.floor},
            {"clip_low", policy.clip_low},
            {"clip_high", policy.clip_high},
            {"kl", policy.kl}};
}

AdvantageOptions readAdvantage(ConfigFields fields) {
    AdvantageOptions advantage;
    const std::size_t deviation = fields.choice("deviation", kDeviations, 0);
    advantage.divide_by_deviation = deviation != 2;
    advantage.sample_deviation = deviation == 0;
    advantage.epsilon = fields.number("epsilon", 0, 1, advantage.epsilon);
    fields.finish();
    return advantage;
}

nlohmann::ordered_json advantageJson(const AdvantageOptions& advantage) {
    const std::size_t deviation = !advantage.divide_by_deviation ? 2 : advantage.sample_deviation ? 0 : 1;
    return {{"deviation", kDeviations[deviation]}, {"epsilon", advantage.epsilon}};
}

EvaluationOptions readEvaluation(ConfigFields fields) {
    EvaluationOptions evaluation;
    evaluation.every = static_cast<std::uint64_t>(fields.integer("every", 1, kManySteps, 10));
    evaluation.items = countOf(fields, "items", 0, evaluation.items);
    evaluation.samples = countOf(fields, "samples", 0, evaluation.samples);
    fields.finish();
    return evaluation;
}

TaskShare readTask(ConfigFields fields) {
    TaskShare share;
    const std::string name = fields.text("task");
    share.weight = fields.number("weight", 1e-9, kLargeWeight, share.weight);
    share.before = fields.text("before", "");
    share.after = fields.text("after", "");
    share.task = makeTask(name, fields);
    fields.finish();
    return share;
}

} // namespace

PromptOptions PromptOptions::read(ConfigFields& fields) {
    PromptOptions options;
    for (ConfigFields& task : fields.objects("tasks")) {
        options.tasks.push_back(readTask(std::move(task)));
    }
    options.form = static_cast<PromptForm>(fields.choice("prompt", kForms, 0));
    options.seed =
        static_cast<std::uint64_t>(fields.integer("seed", 0, std::numeric_limits<std::int64_t>::max(), 1));
    return options;
}

void PromptOptions::write(nlohmann::ordered_json& json) const {
    for (const TaskShare& share : tasks) {
        nlohmann::ordered_json task{{"task", share.task->name()}, {"weight", share.weight}};
        task["before"] = share.before;
        task["after"] = share.after;
        task.update(share.task->knobs());
        json["tasks"].push_back(task);
    }
    json["prompt"] = kForms[static_cast<std::size_t>(form)];
    json["seed"] = seed;
}

RlConfig RlConfig::parse(std::string_view text, const std::string& name, const std::filesystem::path& folder) {
    ConfigFields fields = ConfigFields::parse(text, name);
    checkMethod(fields, "rl", name);
    RlConfig config;
    config.out = pathIn(folder, fields.text("out"));
    config.place = RunPlace::read(fields, folder, config.out);
    config.model = pathIn(folder, fields.text("model"));
    config.tokenizer = pathIn(folder, fields.text("tokenizer", config.model.string()));
    config.reference = pathIn(folder, fields.text("reference", config.model.string()));
    config.prompts_of = PromptOptions::read(fields);
    config.batches = static_cast<std::uint64_t>(fields.integer("batches", 1, kManySteps));
    config.prompts = countOf(fields, "prompts", 1, config.prompts);
    config.group = countOf(fields, "group", 2, config.group);
    config.rollout = readRollout(fields.object("rollout"));
    config.reward = readReward(fields.object("reward"));
    config.policy = readPolicy(fields.object("objective"));
    config.advantage = readAdvantage(fields.object("advantage"));
    config.updates = countOf(fields, "updates", 1, config.updates);
    config.mini_batches = countOf(fields, "mini_batches", 1, config.mini_batches);
    if (config.updates % config.mini_batches != 0 || config.mini_batches > config.prompts) {
        fail(ErrorKind::InvalidInput,
             "{}: field \"mini_batches\" is {}; it must divide \"updates\" ({}), so that every answer is used "
             "equally often, and not exceed \"prompts\" ({})",
             name, config.mini_batches, config.updates, config.prompts);
    }
    config.micro_batch = countOf(fields, "micro_batch", 1, config.micro_batch);
    config.rate = readRate(fields.object("learning_rate"), config.rate);
    config.optimizer = readOptimizer(fields.object("optimizer"), config.optimizer);
    config.balance = fields.number("balance", 0, 100, config.balance);
    config.arithmetic = static_cast<Arithmetic>(fields.choice("arithmetic", kArithmetics, 0));
    config.evaluation = readEvaluation(fields.object("evaluation"));
    ConfigFields kept = fields.object("rollouts");
    config.log_every = static_cast<std::uint64_t>(kept.integer("every", 1, kManySteps, 10));
    config.log_groups = countOf(kept, "groups", 0, config.log_groups);
    kept.finish();
    config.checkpoint = readCheckpoint(fields.object("checkpoint"), config.checkpoint);
    config.threads = static_cast<std::size_t>(fields.integer("threads", 0, 4096, 0));
    fields.finish();
    return config;
}

nlohmann::ordered_json RlConfig::toJson() const {
    nlohmann::ordered_json json;
    json["method"] = "rl";
    json["out"] = out.string();
    place.write(json);
    json["model"] = model.string();
    json["tokenizer"] = tokenizer.string();
    json["reference"] = reference.string();
    prompts_of.write(json);
    json["batches"] = batches;
    json["prompts"] = prompts;
    json["group"] = group;
    json["rollout"] = {
        {"temperature", rollout.temperature},
        {"max_tokens", rollout.max_tokens},
        {"repetition", {{"run", rollout.repetition.run}, {"probability", rollout.repetition.probability}}},
        {"rounds", rollout.rounds},
        {"arithmetic", kArithmetics[static_cast<std::size_t>(rollout.arithmetic.layers)]},
        {"head", kArithmetics[static_cast<std::size_t>(rollout.arithmetic.head)]}};
    json["reward"] = {{"partial", reward.partial},
                      {"format", reward.format},
                      {"overlong", reward.overlong},
                      {"overlong_weight", reward.overlong_weight}};
    json["objective"] = policyJson(policy);
    json["advantage"] = advantageJson(advantage);
    json["updates"] = updates;
    json["mini_batches"] = mini_batches;
    json["micro_batch"] = micro_batch;
    json["learning_rate"] = fulgurite::toJson(rate);
    json["optimizer"] = fulgurite::toJson(optimizer);
    json["balance"] = balance;
    json["arithmetic"] = kArithmetics[static_cast<std::size_t>(arithmetic)];
    json["evaluation"] = {
        {"every", evaluation.every}, {"items", evaluation.items}, {"samples", evaluation.samples}};
    json["rollouts"] = {{"every", log_every}, {"groups", log_groups}};
    json["checkpoint"] = fulgurite::toJson(checkpoint);
    json["threads"] = threads;
    return json;
}

const char* RlConfig::ruleName() const {
    return kLosses[static_cast<std::size_t>(policy.loss)].c_str();
}

std::string RlConfig::differenceThatMatters(const RlConfig& other) const {
    return firstDifference(toJson(), other.toJson());
}

} // namespace fulgurite
