// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine train WHAT`: changing the weights of a model, and the numbers behind that.
#include "app/engine/train.h"

#include <cstdio>
#include <fmt/core.h>

namespace fulgurite::app {

void addTrain(CLI::App& app) {
    CLI::App* train =
        app.add_subcommand("train", "Train a model: pretraining, supervised tuning, reinforcement learning");
    train->require_subcommand(1);
    addTrainTokenizer(*train);
    addTrainRuns(*train);
    addTrainRl(*train);
    addTrainItems(*train);
    addTrainGrad(*train);
}

void tellTrouble(const std::string& trouble) {
    if (!trouble.empty()) {
        fmt::print(stderr, "warning: {}\n", trouble);
    }
}

} // namespace fulgurite::app
