// SPDX-License-Identifier: Apache-2.0
#include "core/train/trainer.h"

#include "core/base/elapsed.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/state/device_call.h"
#include "core/text/tokenizer.h"
#include "core/train/conversations.h"
#include "core/train/cross_entropy.h"
#include "core/train/token_windows.h"

#include <algorithm>
#include <limits>

namespace fulgurite {

namespace {

std::filesystem::path modelConfigPath(const TrainConfig& config) {
    return config.model.empty() ? config.fresh_config : config.model / "config.json";
}

TrainModel makeModel(const TrainConfig& config, const std::string& config_json,
                     const std::shared_ptr<kernels::Device>& device) {
    TrainModel model = config.model.empty()
                           ? TrainModel::random(ModelConfig::parse(config_json, config.fresh_config.string()),
                                                config.seed, config.fresh_deviation)
                           : TrainModel::load(config.model);
    model.placeOn(device);
    return model;
}

std::unique_ptr<const TrainingData> readWindows(const TrainConfig& config, const ModelConfig& model) {
    const auto isIds = [](const std::filesystem::path& file) { return file.extension() == ".json"; };
    TextToTokens encode;
    if (!config.tokenizer.empty() && !std::all_of(config.data.begin(), config.data.end(), isIds)) {
        const auto tokenizer = Tokenizer::load(config.tokenizer);
        encode = [tokenizer](std::string_view text) { return tokenizer->encode(text); };
    }
    std::optional<TokenId> separator;
    if (!model.eos_token_ids.empty()) {
        separator = model.eos_token_ids.front();
    }
    return std::make_unique<TokenWindows>(readTrainingTokens(config.data, encode, separator), config.sequence);
}

std::unique_ptr<const TrainingData> readData(const TrainConfig& config, const ModelConfig& model) {
    if (config.method == TrainMethod::Pretrain) {
        return readWindows(config, model);
    }
    if (config.tokenizer.empty()) {
        fail(ErrorKind::InvalidInput, "conversations need a chat template: give \"tokenizer\"");
    }
    return std::make_unique<Conversations>(config.data, ChatEncoding::load(config.tokenizer, model.eos_token_ids),
                                           config.sequence);
}

} // namespace

nlohmann::ordered_json StepFigures::toJson() const {
    return {{"step", step},
            {"data.tokens", tokens},
            {"train.loss", loss},
            {"moe.aux_loss", balance},
            {"moe.max_vio", max_violation},
            {"train.grad_norm", gradient_norm},
            {"train.lr", rate},
            {"perf.step_time", seconds},
            {"perf.tokens_per_s", tokens_per_second}};
}

Trainer::Trainer(const TrainConfig& config, const std::shared_ptr<kernels::Device>& device)
    : config_(config),
      model_config_json_(readTextFile(modelConfigPath(config))),
      model_(makeModel(config, model_config_json_, device)),
      data_(readData(config, model_.config())),
      order_(data_->count(), config.seed),
      pool_(config.threads),
      pass_(model_, pool_, config.arithmetic),
      optimizer_(newOptimizer()),
      folder_(config.out),
      log_(folder_, config.place.database),
      gradients_(onDevice([&] { return kernels::FloatArray(model_.layout().size(), device, "gradients"); })),
      batches_(config.accumulate) {
    progress_.seed = config.seed;
    progress_.data_tokens = data_->tokens();
    progress_.data_checksum = data_->checksum();
    progress_.config = config.toJson();
}

Trainer::~Trainer() = default;

Optimizer Trainer::newOptimizer() const {
    // Muon alone multiplies, and only on the processor.
    const Arithmetic arithmetic = model_.device() ? Arithmetic::Float32 : config_.arithmetic;
    return Optimizer(model_.config(), model_.layout(), config_.optimizer, productsOf(arithmetic), model_.device());
}

TrainMemory Trainer::memory() const {
    const double arrays = static_cast<double>(model_.layout().size()) * sizeof(float);
    return {2 * arrays, 2 * arrays, TrainPass::activationBytes(model_.config(), config_.sequence * config_.batch),
            static_cast<double>(data_->tokens()) * sizeof(TokenId)};
}

std::size_t Trainer::collect(std::uint64_t first) {
    std::size_t targets = 0;
    for (Batch& batch : batches_) {
        batch.tokens.clear();
        batch.targets.clear();
        batch.lengths.clear();
        for (std::size_t i = 0; i < config_.batch; ++i) {
            batch.lengths.push_back(data_->append(order_.at(first++), batch.tokens, batch.targets));
        }
        targets +=
            batch.targets.size() -
            static_cast<std::size_t>(std::count(batch.targets.begin(), batch.targets.end(), TrainBatch::kNoTarget));
    }
    return targets;
}

void Trainer::batchGradient(const Batch& batch, std::size_t targets, StepFigures& figures) {
    const double part = 1.0 / static_cast<double>(config_.accumulate);
    pass_.forward({batch.tokens, batch.lengths, batch.targets});
    CrossEntropy objective(targets);
    figures.balance +=
        part * pass_.backward(objective.objective(), {.balance = config_.balance * part}, gradients_);
    figures.max_violation += part * pass_.maxViolation();
    figures.loss += objective.mean();
}

double Trainer::plannedTokens() const {
    const double samples = static_cast<double>(config_.steps) * static_cast<double>(config_.samplesOfStep());
    return config_.method == TrainMethod::Pretrain
               ? samples * static_cast<double>(config_.sequence)
               : samples * static_cast<double>(data_->tokens()) / static_cast<double>(data_->count());
}

double Trainer::measure(std::size_t batches) {
    const std::size_t targets = collect(0);
    const Batch& batch = batches_.front();
    StepFigures ignored;
    batchGradient(batch, targets, ignored); // memory is provided and warmed up
    Optimizer optimizer = newOptimizer();
    kernels::FloatArray weights = onDevice(
        [&] { return kernels::FloatArray(model_.layout().size(), model_.device(), "a measurement of updates"); });
    const auto start = Clock::now();
    for (std::size_t i = 0; i < batches; ++i) {
        batchGradient(batch, targets, ignored);
    }
    const double of_batch = secondsSince(start) / static_cast<double>(batches);
    const auto update_start = Clock::now();
    optimizer.step(weights, gradients_, 0.0, pool_);
    const double update = secondsSince(update_start);
    pass_.clear(gradients_);
    return static_cast<double>(batch.tokens.size()) / (of_batch + update / static_cast<double>(config_.accumulate));
}

std::uint64_t Trainer::begin() {
    folder_.claim();
    if (const auto checkpoint = folder_.newest()) {
        const RunProgress found = RunFolder::progressOf(*checkpoint);
        const std::string name = checkpoint->string();
        const auto before = TrainConfig::parse(config_.method, found.config.dump(), name, config_.out);
        if (const std::string key = config_.differenceThatMatters(before); !key.empty()) {
            fail(ErrorKind::InvalidInput,
                 "{}: the run began with another \"{}\"; take its configuration from run.json, or another \"out\"",
                 name, key);
        }
        if (found.data_tokens != progress_.data_tokens || found.data_checksum != progress_.data_checksum) {
            fail(ErrorKind::InvalidInput, "{}: the data have changed since the run began ({} tokens then, {} now)",
                 name, found.data_tokens, progress_.data_tokens);
        }
        RunFolder::restore(*checkpoint, model_, optimizer_);
        progress_.step = found.step;
        progress_.samples = found.samples;
        progress_.tokens = found.tokens;
        progress_.seconds = found.seconds;
    }
    log_.begin({config_.place.name, config_.method == TrainMethod::Sft ? "sft" : "pretrain", config_.seed},
               progress_.config, progress_.step, done());
    return progress_.step;
}

StepFigures Trainer::compute() {
    const auto start = Clock::now();
    StepFigures figures;
    figures.step = progress_.step + 1;
    pass_.clear(gradients_);
    const std::size_t targets = collect(progress_.samples);
    std::uint64_t tokens = 0;
    for (const Batch& batch : batches_) {
        batchGradient(batch, targets, figures);
        tokens += batch.tokens.size();
    }
    figures.rate = config_.rate.at(figures.step, config_.steps);
    try {
        figures.gradient_norm =
            optimizer_.step({model_.data(), gradients_.size()}, gradients_, figures.rate, pool_);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::InvalidInput) { // the gradient is not finite
            figures.tokens = progress_.tokens + tokens;
            figures.seconds = secondsSince(start);
            logBroken(figures);
        }
        throw;
    }
    progress_.step = figures.step;
    progress_.samples += config_.samplesOfStep();
    progress_.tokens += tokens;
    figures.tokens = progress_.tokens;
    figures.seconds = secondsSince(start);
    figures.tokens_per_second = static_cast<double>(tokens) / figures.seconds;
    progress_.seconds += figures.seconds;
    return figures;
}

// The step at which numbers stopped being finite is what somebody looks for in the curves.
void Trainer::logBroken(StepFigures figures) {
    figures.gradient_norm = std::numeric_limits<double>::quiet_NaN();
    figures.tokens_per_second = static_cast<double>(figures.tokens - progress_.tokens) / figures.seconds;
    try {
        log_.figures(figures.toJson());
    } catch (const Error&) { // what is told is why the step broke
    }
}

StepFigures Trainer::step() {
    try {
        StepFigures figures = compute();
        log_.figures(figures.toJson());
        if (done() || progress_.step % config_.checkpoint.every == 0) {
            save();
        }
        if (done()) {
            log_.finish(RunStatus::Finished);
        }
        return figures;
    } catch (const Error& error) {
        log_.finish(RunStatus::Failed);
        fail(error.kind(), "{}. {}", error.what(), folder_.lastCheckpointText());
    }
}

std::filesystem::path Trainer::save() {
    log_.flush();
    model_.fetch();
    return folder_.save(progress_, model_, optimizer_, model_config_json_, config_.tokenizer,
                        config_.checkpoint.dtype, config_.checkpoint.keep);
}

std::filesystem::path Trainer::stop() {
    auto folder = save();
    log_.finish(RunStatus::Stopped);
    return folder;
}

} // namespace fulgurite
