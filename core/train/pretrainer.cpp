// SPDX-License-Identifier: Apache-2.0
#include "core/train/pretrainer.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/text/tokenizer.h"
#include "core/train/cross_entropy.h"

#include <algorithm>
#include <chrono>

namespace fulgurite {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::filesystem::path modelConfigPath(const PretrainConfig& config) {
    return config.model.empty() ? config.fresh_config : config.model / "config.json";
}

TrainModel makeModel(const PretrainConfig& config, const std::string& config_json) {
    if (!config.model.empty()) {
        return TrainModel::load(config.model);
    }
    return TrainModel::random(ModelConfig::parse(config_json, config.fresh_config.string()), config.seed,
                              config.fresh_deviation);
}

TokenIds readData(const PretrainConfig& config, const ModelConfig& model) {
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
    return readTrainingTokens(config.data, encode, separator);
}

} // namespace

nlohmann::ordered_json StepFigures::toJson() const {
    return {{"step", step},
            {"data.tokens", tokens},
            {"train.loss", loss},
            {"moe.aux_loss", balance},
            {"train.grad_norm", gradient_norm},
            {"train.lr", rate},
            {"perf.step_time", seconds},
            {"perf.tokens_per_s", tokens_per_second}};
}

Pretrainer::Pretrainer(const PretrainConfig& config)
    : config_(config),
      model_config_json_(readTextFile(modelConfigPath(config))),
      model_(makeModel(config, model_config_json_)),
      windows_(readData(config, model_.config()), config.sequence, config.seed),
      pool_(config.threads),
      pass_(model_, pool_),
      optimizer_(model_.layout(), config.optimizer),
      folder_(config.out),
      gradients_(model_.layout().size(), 0.0f) {
    progress_.seed = config.seed;
    progress_.data_tokens = windows_.tokens();
    progress_.data_checksum = windows_.checksum();
    progress_.config = config.toJson();
}

Pretrainer::~Pretrainer() = default;

PretrainMemory Pretrainer::memory() const {
    const double arrays = static_cast<double>(model_.layout().size()) * sizeof(float);
    return {2 * arrays, 2 * arrays, TrainPass::activationBytes(model_.config(), config_.sequence * config_.batch),
            static_cast<double>(windows_.tokens()) * sizeof(TokenId)};
}

double Pretrainer::batchGradient(std::uint64_t first_sample, double& loss) {
    tokens_.clear();
    targets_.clear();
    for (std::size_t i = 0; i < config_.batch; ++i) {
        const auto window = windows_.window(first_sample + i);
        tokens_.insert(tokens_.end(), window.begin(), window.end() - 1);
        targets_.insert(targets_.end(), window.begin() + 1, window.end());
    }
    lengths_.assign(config_.batch, config_.sequence);
    pass_.forward({tokens_, lengths_, targets_});
    CrossEntropy objective(config_.tokensOfStep());
    const double balance = pass_.backward(
        objective.objective(), {.balance = config_.balance / static_cast<double>(config_.accumulate)}, gradients_);
    loss += objective.mean();
    return balance;
}

double Pretrainer::measure(std::size_t batches) {
    double loss = 0;
    batchGradient(0, loss); // memory is provided and warmed up
    AdamW optimizer(model_.layout(), config_.optimizer);
    std::vector<float> weights = model_.weights();
    const auto start = Clock::now();
    for (std::size_t i = 0; i < batches; ++i) {
        batchGradient(0, loss);
    }
    const double passes = secondsSince(start);
    const auto update_start = Clock::now();
    optimizer.step(weights, gradients_, 0.0, pool_);
    const double update = secondsSince(update_start);
    std::fill(gradients_.begin(), gradients_.end(), 0.0f);
    const double of_step = passes * static_cast<double>(config_.accumulate) / static_cast<double>(batches) + update;
    return static_cast<double>(config_.tokensOfStep()) / of_step;
}

std::uint64_t Pretrainer::begin() {
    if (const auto checkpoint = folder_.newest()) {
        const RunProgress found = RunFolder::progressOf(*checkpoint);
        const std::string name = checkpoint->string();
        const auto before = PretrainConfig::parse(found.config.dump(), name, config_.out);
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
        progress_.seconds = found.seconds;
    }
    folder_.begin(progress_.config, progress_.step);
    return progress_.step;
}

StepFigures Pretrainer::step() {
    const auto start = Clock::now();
    StepFigures figures;
    figures.step = progress_.step + 1;
    std::fill(gradients_.begin(), gradients_.end(), 0.0f);
    for (std::size_t i = 0; i < config_.accumulate; ++i) {
        figures.balance += batchGradient(progress_.samples, figures.loss) / static_cast<double>(config_.accumulate);
        progress_.samples += config_.batch;
    }
    figures.rate = config_.rate.at(figures.step, config_.steps);
    figures.gradient_norm = optimizer_.step(model_.weights(), gradients_, figures.rate, pool_);
    progress_.step = figures.step;
    figures.tokens = progress_.samples * config_.sequence;
    figures.seconds = secondsSince(start);
    figures.tokens_per_second = static_cast<double>(config_.tokensOfStep()) / figures.seconds;
    progress_.seconds += figures.seconds;
    folder_.log(figures.toJson());
    if (done() || progress_.step % config_.checkpoint_every == 0) {
        save();
    }
    return figures;
}

std::filesystem::path Pretrainer::save() {
    return folder_.save(progress_, model_, optimizer_, model_config_json_, config_.tokenizer,
                        config_.checkpoint_dtype, config_.checkpoint_keep);
}

} // namespace fulgurite
