// SPDX-License-Identifier: Apache-2.0
#include "core/train/rl_trainer.h"

#include "core/base/elapsed.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/state/device_call.h"
#include "core/state/sequence_state.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fulgurite {

namespace {

// A seed for each answer of a run.
std::uint64_t answerSeed(std::uint64_t seed, std::uint64_t position, std::uint64_t answer) {
    return RandomStream(RandomStream(RandomStream(seed).bits() + position).bits() + answer).bits();
}

RolloutRequest requestOf(const RlPrompt& prompt, const RolloutOptions& options, std::uint64_t seed) {
    return {prompt.tokens, seed, options.temperature, options.max_tokens, options.repetition};
}

bool rewardsDiffer(std::span<const PolicyAnswer> group) {
    return std::any_of(group.begin(), group.end(), [&](const PolicyAnswer& answer) {
        return answer.judgement.reward != group.front().judgement.reward;
    });
}

// Without the punishment: a group of right answers teaches nothing about the task, whatever their lengths.
void punishAndCompare(std::span<PolicyAnswer> group, const RlConfig& config) {
    std::vector<double> rewards;
    for (PolicyAnswer& answer : group) {
        answer.reward = answer.judgement.reward;
        if (config.reward.overlong > 0) {
            const auto limit = static_cast<std::size_t>(config.rollout.max_tokens);
            answer.reward +=
                config.reward.overlong_weight *
                overlongPunishment(answer.written.lengthToPunish(limit), limit, config.reward.overlong);
        }
        rewards.push_back(answer.reward);
    }
    const std::vector<double> advantages = groupAdvantages(rewards, config.advantage);
    for (std::size_t i = 0; i < group.size(); ++i) {
        group[i].advantage = advantages[i];
    }
}

TrainModel loadOn(const std::filesystem::path& folder, const std::shared_ptr<kernels::Device>& device) {
    TrainModel model = TrainModel::load(folder);
    model.placeOn(device);
    return model;
}

// Moves a group from one batch to another.
void moveGroup(PolicyBatch& from, std::size_t prompt, std::size_t group, PolicyBatch& to) {
    to.prompts.push_back(std::move(from.prompts[prompt]));
    for (std::size_t i = 0; i < group; ++i) {
        to.answers.push_back(std::move(from.answers[prompt * group + i]));
        to.answers.back().prompt = to.prompts.size() - 1;
    }
}

} // namespace

RlTrainer::RlTrainer(const RlConfig& config, const std::shared_ptr<kernels::Device>& device)
    : config_(config),
      model_config_json_(readTextFile(config.model / "config.json")),
      model_(loadOn(config.model, device)),
      tokenizer_(Tokenizer::load(config.tokenizer)),
      source_(config.prompts_of, tokenizer_, config.tokenizer),
      labels_(taskLabels(config.prompts_of.tasks)),
      pool_(config.threads),
      pass_(model_, pool_, config.arithmetic),
      policy_(pass_, config.micro_batch, config.rollout.temperature),
      optimizer_(newOptimizer()),
      folder_(config.out),
      log_(folder_, config.place.database),
      gradients_(onDevice([&] { return kernels::FloatArray(model_.layout().size(), device, "gradients"); })) {
    if (config.policy.kl > 0) {
        reference_ = std::make_unique<const TrainModel>(loadOn(config.reference, device));
        reference_pass_ = std::make_unique<TrainPass>(*reference_, pool_, config.arithmetic);
    }
    progress_.seed = config.seed();
    progress_.config = config.toJson();
}

RlTrainer::~RlTrainer() = default;

Optimizer RlTrainer::newOptimizer() const {
    // Muon alone multiplies, and only on the processor.
    const Arithmetic arithmetic = model_.device() ? Arithmetic::Float32 : config_.arithmetic;
    return Optimizer(model_.config(), model_.layout(), config_.optimizer, productsOf(arithmetic), model_.device());
}

PolicyBatch RlTrainer::rollOut(std::uint64_t position, std::size_t prompts, std::uint64_t round) {
    PolicyBatch batch;
    std::vector<RolloutRequest> requests;
    for (std::size_t p = 0; p < prompts; ++p) {
        batch.prompts.push_back(source_.training(position + p));
    }
    for (std::size_t p = 0; p < prompts; ++p) {
        for (std::size_t i = 0; i < config_.group; ++i) {
            requests.push_back(
                requestOf(batch.prompts[p], config_.rollout, answerSeed(config_.seed() + round, position + p, i)));
        }
    }
    std::vector<RolloutAnswer> answers =
        writeAnswers(model_, tokenizer_, requests, config_.rollout.arithmetic, config_.threads);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        PolicyAnswer answer;
        answer.prompt = i / config_.group;
        answer.written = std::move(answers[i]);
        answer.drawn_log_probs = std::move(answer.written.log_probs);
        answer.judgement = source_.judge(batch.prompts[answer.prompt], answer.written, config_.reward);
        batch.answers.push_back(std::move(answer));
    }
    return batch;
}

// Groups whose answers all earn the same are drawn again while rounds are left; the last round's fill what is still
// missing, so that every batch has the same number of prompts.
PolicyBatch RlTrainer::collect(RolloutFigures& figures) {
    const auto start = Clock::now();
    PolicyBatch kept;
    std::size_t generated = 0;
    std::size_t round = 0;
    for (; round < config_.rollout.rounds && kept.prompts.size() < config_.prompts; ++round) {
        const std::size_t missing = config_.prompts - kept.prompts.size();
        PolicyBatch drawn = rollOut(progress_.samples, missing, round);
        progress_.samples += missing;
        generated += drawn.tokens();
        const bool last = round + 1 == config_.rollout.rounds;
        for (std::size_t p = 0; p < missing; ++p) {
            if (last || rewardsDiffer(std::span(drawn.answers).subspan(p * config_.group, config_.group))) {
                moveGroup(drawn, p, config_.group, kept);
            }
        }
    }
    for (std::size_t p = 0; p < kept.prompts.size(); ++p) {
        punishAndCompare(std::span(kept.answers).subspan(p * config_.group, config_.group), config_);
    }
    figures = rolloutFigures(kept, config_.prompts_of.tasks.size());
    figures.rounds = round;
    figures.generated = generated;
    figures.seconds = secondsSince(start);
    return kept;
}

void RlTrainer::score(PolicyBatch& batch, RolloutFigures& figures) {
    for (std::size_t i = 0; i < config_.mini_batches; ++i) {
        policy_.score(batch, part(batch, i), &PolicyAnswer::old_log_probs);
        if (reference_pass_) {
            PolicyPass reference(*reference_pass_, config_.micro_batch, config_.rollout.temperature);
            reference.score(batch, part(batch, i), &PolicyAnswer::reference_log_probs);
        }
    }
    figures.mismatch = mismatchOf(batch.answers, &PolicyAnswer::drawn_log_probs, &PolicyAnswer::old_log_probs);
    if (logsRollouts() && config_.rollout.arithmetic == RolloutArithmetic{}) {
        policy_.score(batch, batch.answers, &PolicyAnswer::bf16_log_probs, HeadArithmetic::Bfloat16);
        figures.pearson_bf16_head =
            mismatchOf(batch.answers, &PolicyAnswer::bf16_log_probs, &PolicyAnswer::old_log_probs).pearson;
    }
}

// Whole groups; the parts of a batch differ by one group at most.
std::span<PolicyAnswer> RlTrainer::part(PolicyBatch& batch, std::size_t update) const {
    const std::size_t index = update % config_.mini_batches;
    const std::size_t first = index * batch.prompts.size() / config_.mini_batches;
    const std::size_t last = (index + 1) * batch.prompts.size() / config_.mini_batches;
    return std::span(batch.answers).subspan(first * config_.group, (last - first) * config_.group);
}

void RlTrainer::update(PolicyBatch& batch, std::size_t index, RlBatchFigures& made) {
    const auto answers = part(batch, index);
    pass_.clear(gradients_);
    const PassFigures pass = policy_.gradient(batch, answers, config_.policy, config_.balance, gradients_);
    UpdateFigures& figures = made.updates.emplace_back(updateFigures(pass, answers));
    figures.rate = config_.rate.at(batchesMade() + 1, config_.batches);
    figures.step = progress_.step + index + 1;
    if (index < config_.mini_batches) {
        progress_.tokens += pass.rows; // each token once, however often it is learned from
    }
    figures.gradient_norm = std::numeric_limits<double>::quiet_NaN(); // it stays so when the optimizer throws
    figures.gradient_norm = optimizer_.step({model_.data(), gradients_.size()}, gradients_, figures.rate, pool_);
}

RlBatchFigures RlTrainer::compute() {
    const auto start = Clock::now();
    RlBatchFigures figures;
    figures.batch = batchesMade() + 1;
    const bool log_rollouts = logsRollouts();
    PolicyBatch batch = collect(figures.rollout);
    score(batch, figures.rollout);
    try {
        for (std::size_t i = 0; i < config_.updates; ++i) {
            update(batch, i, figures);
        }
        model_.fetch(); // for the answers of the next batch, and a checkpoint
        requireFinite();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::InvalidInput && !figures.updates.empty()) { // numbers that are not finite
            figures.seconds = secondsSince(start);
            logBroken(batch, figures);
        }
        throw;
    }
    progress_.step += config_.updates;
    figures.step = progress_.step;
    figures.tokens = progress_.tokens;
    figures.seconds = secondsSince(start);
    progress_.seconds += figures.seconds;
    if (figures.batch % config_.evaluation.every == 0 || done()) {
        figures.evaluation = evaluate();
    }
    log(batch, figures, log_rollouts);
    return figures;
}

// The update at which numbers stopped being finite, and the answers that it learned from, are what somebody looks
// for.
void RlTrainer::logBroken(PolicyBatch& batch, RlBatchFigures& figures) {
    figures.step = figures.updates.back().step;
    figures.tokens = progress_.tokens;
    for (PolicyAnswer& answer : batch.answers) {
        if (answer.log_probs.size() != answer.tokens()) { // no update came to it
            answer.log_probs = answer.old_log_probs;
        }
    }
    try {
        log(batch, figures, true);
    } catch (const Error&) { // what is told is why the batch broke
    }
}

RlBatchFigures RlTrainer::step() {
    try {
        if (progress_.step == 0) {
            auto first = evaluate();
            if (!first.empty()) {
                first["step"] = 0;
                log_.figures(first);
            }
        }
        RlBatchFigures figures = compute();
        if (done() || figures.batch % config_.checkpoint.every == 0) {
            save();
        }
        if (done()) {
            log_.finish(RunStatus::Finished);
        }
        return figures;
    } catch (const Error& error) {
        log_.finish(RunStatus::Failed);
        fail(error.kind(), "batch {}: {}. {}", batchesMade() + 1, error.what(), folder_.lastCheckpointText());
    }
}

bool RlTrainer::logsRollouts() const {
    const std::uint64_t batch = batchesMade() + 1;
    return batch == 1 || batch % config_.log_every == 0;
}

void RlTrainer::requireFinite() const {
    const auto& weights = model_.weights();
    if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); })) {
        fail(ErrorKind::InvalidInput, "an update made weights that are not finite: lower the learning rate");
    }
}

nlohmann::ordered_json RlTrainer::evaluate() {
    auto result = nlohmann::ordered_json::object();
    RolloutOptions greedy = config_.rollout;
    greedy.temperature = 0;
    const std::size_t items = config_.evaluation.items;
    const std::size_t samples = config_.evaluation.samples;
    constexpr std::uint64_t kSeed = 0x5EED; // not of the run: what is evaluated is the policy
    for (std::size_t task = 0; task < labels_.size() && items > 0; ++task) {
        std::vector<RlPrompt> prompts;
        std::vector<RolloutRequest> requests;
        for (std::size_t i = 0; i < items; ++i) {
            prompts.push_back(source_.test(task, i));
        }
        for (std::size_t i = 0; i < items; ++i) {
            requests.push_back(requestOf(prompts[i], greedy, 0));
            for (std::size_t k = 0; k < samples; ++k) {
                requests.push_back(requestOf(prompts[i], config_.rollout, answerSeed(kSeed, i, k)));
            }
        }
        const auto answers =
            writeAnswers(model_, tokenizer_, requests, config_.rollout.arithmetic, config_.threads);
        double greedy_right = 0, right = 0, passed = 0;
        for (std::size_t i = 0; i < items; ++i) {
            const auto isRight = [&](std::size_t k) {
                return source_.judge(prompts[i], answers[i * (samples + 1) + k], {}).verdict.correct ? 1.0 : 0.0;
            };
            greedy_right += isRight(0);
            double of_item = 0;
            for (std::size_t k = 1; k <= samples; ++k) {
                of_item += isRight(k);
            }
            right += of_item;
            passed += of_item > 0 ? 1 : 0;
        }
        const std::string name = "eval." + labels_[task] + ".";
        const auto n = static_cast<double>(items);
        result[name + "greedy"] = greedy_right / n;
        if (samples > 0) {
            result[name + "mean@" + std::to_string(samples)] = right / (n * static_cast<double>(samples));
            result[name + "pass@" + std::to_string(samples)] = passed / n;
        }
    }
    return result;
}

// A line for each update; the last one of the batch carries what is the batch's.
void RlTrainer::log(const PolicyBatch& batch, const RlBatchFigures& figures, bool log_rollouts) {
    for (std::size_t i = 0; i + 1 < figures.updates.size(); ++i) {
        log_.figures(toJson(figures.updates[i], config_.policy, config_.updates));
    }
    auto line = toJson(figures.updates.back(), config_.policy, config_.updates);
    line["rl.batch"] = figures.batch;
    line["data.tokens"] = figures.tokens;
    line.update(toJson(figures.rollout, labels_));
    line["perf.step_time"] = figures.seconds;
    std::size_t rows = figures.rollout.generated;
    for (const UpdateFigures& update : figures.updates) {
        rows += update.pass.rows;
    }
    line["perf.tokens_per_s"] = static_cast<double>(rows) / figures.seconds;
    line.update(figures.evaluation);
    log_.figures(line);
    const std::size_t kept = log_rollouts ? std::min(config_.log_groups, config_.prompts) * config_.group : 0;
    for (std::size_t i = 0; i < kept; ++i) {
        log_.rollout(rolloutJson(batch, i, figures.step, config_, *tokenizer_),
                     rolloutSample(batch, i, figures.step, config_, *tokenizer_));
    }
}

std::uint64_t RlTrainer::begin() {
    folder_.claim();
    if (const auto checkpoint = folder_.newest()) {
        const RunProgress found = RunFolder::progressOf(*checkpoint);
        const auto before = RlConfig::parse(found.config.dump(), checkpoint->string(), config_.out);
        if (const std::string key = config_.differenceThatMatters(before); !key.empty()) {
            fail(ErrorKind::InvalidInput,
                 "{}: the run began with another \"{}\"; take its configuration from run.json, or another \"out\"",
                 checkpoint->string(), key);
        }
        RunFolder::restore(*checkpoint, model_, optimizer_);
        progress_.step = found.step;
        progress_.samples = found.samples;
        progress_.tokens = found.tokens;
        progress_.seconds = found.seconds;
    }
    log_.begin({config_.place.name, config_.ruleName(), config_.seed()}, progress_.config, progress_.step, done());
    return batchesMade();
}

std::filesystem::path RlTrainer::save() {
    log_.flush();
    return folder_.save(progress_, model_, optimizer_, model_config_json_, config_.tokenizer,
                        config_.checkpoint.dtype, config_.checkpoint.keep);
}

std::filesystem::path RlTrainer::stop() {
    auto folder = save();
    log_.finish(RunStatus::Stopped);
    return folder;
}

RlPlan RlTrainer::measure() {
    const RunProgress before = progress_;
    RlPlan plan;
    const double arrays = static_cast<double>(model_.layout().size()) * sizeof(float);
    plan.weights = (reference_ ? 3 : 2) * arrays;
    if (config_.rollout.arithmetic != RolloutArithmetic{}) {
        plan.weights += arrays / 2; // the rounded copy
    }
    plan.moments = 2 * arrays;
    RolloutFigures rollout;
    PolicyBatch batch = collect(rollout);
    plan.rollout_speed = static_cast<double>(rollout.generated) / rollout.seconds;
    std::size_t longest = 0;
    for (const RlPrompt& prompt : batch.prompts) {
        longest = std::max(longest, prompt.tokens.size() + static_cast<std::size_t>(config_.rollout.max_tokens));
    }
    const ModelConfig& model = model_.config();
    plan.activations = TrainPass::activationBytes(model, longest * config_.micro_batch);
    plan.states = static_cast<double>(StateShape::of(model).bytesAt(longest)) *
                  static_cast<double>(std::min(config_.prompts * config_.group, kAnswersTogether));
    const auto score_start = Clock::now();
    score(batch, rollout);
    const double scoring = secondsSince(score_start);
    kernels::FloatArray weights = onDevice(
        [&] { return kernels::FloatArray(model_.layout().size(), model_.device(), "a measurement of updates"); });
    Optimizer optimizer = newOptimizer();
    const auto update_start = Clock::now();
    const PassFigures pass = policy_.gradient(batch, part(batch, 0), config_.policy, config_.balance, gradients_);
    optimizer.step(weights, gradients_, 0, pool_);
    const double updating = secondsSince(update_start);
    plan.update_speed = static_cast<double>(pass.rows) / updating;
    plan.batch_seconds = rollout.seconds + scoring + updating * static_cast<double>(config_.updates);
    const double evaluations =
        std::floor(static_cast<double>(config_.batches) / static_cast<double>(config_.evaluation.every)) + 1;
    const double evaluated =
        static_cast<double>(labels_.size() * config_.evaluation.items * (config_.evaluation.samples + 1)) *
        rollout.len_mean;
    plan.total_seconds =
        plan.batch_seconds * static_cast<double>(config_.batches) + evaluations * evaluated / plan.rollout_speed;
    progress_ = before;
    return plan;
}

} // namespace fulgurite
