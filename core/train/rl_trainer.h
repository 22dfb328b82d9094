// SPDX-License-Identifier: Apache-2.0
// Reinforcement learning: the loop over batches of rollouts. Knows nothing of terminals; the caller asks for one
// batch at a time.
#pragma once

#include "core/train/rl_figures.h"
#include "core/train/run_log.h"

namespace fulgurite {

struct RlBatchFigures {
    std::uint64_t batch = 0;  // this one, counted from 1
    std::uint64_t step = 0;   // updates made since the beginning of the run
    std::uint64_t tokens = 0; // of prompts and answers since the beginning of the run, each once
    RolloutFigures rollout;
    std::vector<UpdateFigures> updates;
    nlohmann::ordered_json evaluation = nlohmann::ordered_json::object(); // name and value; empty when none was due
    double seconds = 0;                                                   // evaluation not included
};

struct RlPlan {
    double weights = 0; // bytes: masters, gradients, a reference
    double moments = 0; // of the optimizer
    double activations = 0;
    double states = 0; // of the answers that are written together
    double memory() const { return weights + moments + activations + states; }

    double rollout_speed = 0; // tokens per second, measured
    double update_speed = 0;  // tokens per second of one update, prompts included, measured
    double batch_seconds = 0; // rollouts, scoring and all updates
    double total_seconds = 0; // of the run, evaluations included
};

class RlTrainer {
  public:
    // Reads the model and what belongs to it. Touches no file of the run. `device`: where it computes and writes
    // answers; null: the processor.
    explicit RlTrainer(const RlConfig& config, const std::shared_ptr<kernels::Device>& device = nullptr);
    ~RlTrainer();
    RlTrainer(const RlTrainer&) = delete;
    RlTrainer& operator=(const RlTrainer&) = delete;

    const RlConfig& config() const { return config_; }
    const TrainModel& model() const { return model_; }
    // From one batch of rollouts and one update whose result is thrown away; nothing is changed.
    RlPlan measure();

    // Continues from the newest checkpoint in the run's folder, or begins there. Throws Error{InvalidInput} when
    // the checkpoint belongs to another configuration, and Error{Unavailable} while another trainer is at work
    // there. Returns the batches already made; of a run that is done nothing is touched.
    std::uint64_t begin();
    std::uint64_t batchesMade() const { return progress_.step / config_.updates; }
    bool done() const { return batchesMade() >= config_.batches; }
    // One batch: rollouts, scoring, updates, its lines in the log; evaluation and checkpoint when they are due.
    // Throws Error that names the last good checkpoint when numbers stop being finite.
    RlBatchFigures step();
    // A checkpoint now. Returns its folder.
    std::filesystem::path save();
    // The same, and the run counts as stopped by a person.
    std::filesystem::path stop();
    // What the runs file could not be told of the run's end; empty while all is well.
    const std::string& trouble() const { return log_.trouble(); }

  private:
    Optimizer newOptimizer() const;
    RlBatchFigures compute();
    // Rollouts of `prompts` prompts with `group` answers each, beginning at `position` of the training split.
    PolicyBatch rollOut(std::uint64_t position, std::size_t prompts, std::uint64_t round);
    // A batch by dynamic sampling, with its advantages. Moves the position in the training split on.
    PolicyBatch collect(RolloutFigures& figures);
    void score(PolicyBatch& batch, RolloutFigures& figures);
    std::span<PolicyAnswer> part(PolicyBatch& batch, std::size_t update) const;
    void update(PolicyBatch& batch, std::size_t index, RlBatchFigures& made);
    nlohmann::ordered_json evaluate();
    // Whether the batch under way is one whose rollouts are kept.
    bool logsRollouts() const;
    void logBroken(PolicyBatch& batch, RlBatchFigures& figures);
    void log(const PolicyBatch& batch, const RlBatchFigures& figures, bool log_rollouts);
    void requireFinite() const;

    RlConfig config_;
    std::string model_config_json_;
    TrainModel model_;
    std::shared_ptr<const Tokenizer> tokenizer_;
    PromptSource source_;
    std::vector<std::string> labels_; // of the tasks
    kernels::ThreadPool pool_;
    TrainPass pass_;
    PolicyPass policy_;
    Optimizer optimizer_;
    std::unique_ptr<const TrainModel> reference_; // null without a KL term
    std::unique_ptr<TrainPass> reference_pass_;
    RunFolder folder_;
    RunLog log_;
    RunProgress progress_; // `samples`: prompts drawn
    kernels::FloatArray gradients_;
};

} // namespace fulgurite
