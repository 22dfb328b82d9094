// SPDX-License-Identifier: Apache-2.0
// Pretraining and supervised tuning: the loop over updates. Knows nothing of terminals; the caller asks for one
// step at a time.
#pragma once

#include "core/train/run_folder.h"
#include "core/train/run_log.h"
#include "core/train/sample_order.h"
#include "core/train/train_config.h"
#include "core/train/train_pass.h"

#include <memory>
#include <string>

namespace fulgurite {

struct StepFigures {
    std::uint64_t step = 0;
    std::uint64_t tokens = 0; // since the beginning of the run
    double loss = 0;          // mean cross-entropy of the step's targets, nats
    double balance = 0;       // load-balance loss without its coefficient: top_k when experts are used alike
    double max_violation = 0; // TrainPass::maxViolation()
    double gradient_norm = 0; // before clipping
    double rate = 0;
    double seconds = 0; // of the step
    double tokens_per_second = 0;

    nlohmann::ordered_json toJson() const; // canonical names, one line of metrics.jsonl
};

struct TrainMemory {
    double weights = 0;     // bytes, masters and gradients
    double moments = 0;     // of the optimizer
    double activations = 0; // of one batch
    double data = 0;        // tokens
    double total() const { return weights + moments + activations + data; }
};

class Trainer {
  public:
    // Reads the model and the data. Touches no file of the run. `device`: where it computes; null: the processor.
    explicit Trainer(const TrainConfig& config, const std::shared_ptr<kernels::Device>& device = nullptr);
    ~Trainer();
    Trainer(const Trainer&) = delete;
    Trainer& operator=(const Trainer&) = delete;

    const TrainConfig& config() const { return config_; }
    // weights() are those of the last checkpoint when it computes on a device.
    const TrainModel& model() const { return model_; }
    const TrainingData& data() const { return *data_; }
    TrainMemory memory() const;
    // Tokens per second of forward, backward and update, measured on `batches` batches; nothing is changed.
    double measure(std::size_t batches);
    // Of all updates; for conversations by their mean length.
    double plannedTokens() const;

    // Continues from the newest checkpoint in the run's folder, or begins there. Throws Error{InvalidInput} when
    // the checkpoint belongs to another configuration or other data, and Error{Unavailable} while another trainer
    // is at work there. Returns the steps already made; of a run that is done nothing is touched.
    std::uint64_t begin();
    bool done() const { return progress_.step >= config_.steps; }
    // One update and its line in the log; a checkpoint when one is due.
    StepFigures step();
    // A checkpoint now. Returns its folder.
    std::filesystem::path save();
    // The same, and the run counts as stopped by a person.
    std::filesystem::path stop();
    // What the runs file could not be told of the run's end; empty while all is well.
    const std::string& trouble() const { return log_.trouble(); }

  private:
    struct Batch {
        TokenIds tokens, targets;
        std::vector<std::size_t> lengths;
    };
    // The batches of an update that begins at sample `first`; returns the number of their targets.
    std::size_t collect(std::uint64_t first);
    // Adds the gradient of one batch, and its share of the step's figures.
    void batchGradient(const Batch& batch, std::size_t targets, StepFigures& figures);
    StepFigures compute();
    void logBroken(StepFigures figures);
    Optimizer newOptimizer() const;

    TrainConfig config_;
    std::string model_config_json_;
    TrainModel model_;
    std::unique_ptr<const TrainingData> data_;
    SampleOrder order_;
    kernels::ThreadPool pool_;
    TrainPass pass_;
    Optimizer optimizer_;
    RunFolder folder_;
    RunLog log_;
    RunProgress progress_;
    kernels::FloatArray gradients_;
    std::vector<Batch> batches_; // [accumulate], of one update
};

} // namespace fulgurite
