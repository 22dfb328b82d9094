// SPDX-License-Identifier: GPL-3.0-or-later
// Runs for tests of the Train page, written by the same writer that trainers use.
#pragma once

#include "core/store/runs/run_writer.h"

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>

namespace fulgurite::test {

struct RunRecipe {
    std::string name = "run";
    std::string algo = "cispo";
    std::int64_t seed = 0;
    std::int64_t steps = 100;
    int updates = 4;
    double level = 0; // added to the reward
};

inline std::unique_ptr<RunWriter> beginRun(const std::filesystem::path& file, const RunRecipe& recipe) {
    NewRun run;
    run.name = recipe.name;
    run.project = "digits";
    run.source = "fulgurite";
    run.algo = recipe.algo;
    run.seed = recipe.seed;
    run.config_json = R"({"task":"addition","updates":)" + std::to_string(recipe.updates) + R"(,"seed":)" +
                      std::to_string(recipe.seed) + R"(,"objective":{"loss":")" + recipe.algo +
                      R"(","cap":5.0},"optimizer":{"clip":1.0}})";
    return RunWriter::create(file, run);
}

// Reward rises towards 1 + level; step s has reward s / steps + level.
inline void writeSteps(RunWriter& run, const RunRecipe& recipe, std::int64_t from, std::int64_t to) {
    for (std::int64_t step = from; step < to; ++step) {
        run.add("rollout.reward_mean", step,
                static_cast<double>(step) / static_cast<double>(recipe.steps) + recipe.level);
        run.add("train.grad_norm", step, 0.5);
        run.add("train.cispo_cap_frac", step, recipe.updates == 1 ? 0.0 : 0.01);
        run.mark({.step = step, .wall_us = 1700000000000000 + step * 1000000, .tokens = step * 1000, .epoch = {}});
    }
}

// Two answers of one prompt; the third token of the first is capped from 9.41 to 5.
inline void writeAnswers(RunWriter& run, std::int64_t step) {
    for (int answer = 0; answer < 2; ++answer) {
        RunSample sample;
        sample.step = step;
        sample.group = 7;
        sample.prompt = "25 4 7 3 = 96";
        sample.completion = answer == 0 ? "try wait 25*4-7+3" : "no";
        sample.reward = answer == 0 ? 1.0 : 0.0;
        sample.advantage = answer == 0 ? 1.2 : -0.64;
        sample.meta_json = R"({"prompt_index":7,"answer":)" + std::to_string(answer) + R"(,"ended":"end"})";
        const char* texts[]{"try", " ", "wait", " 25*4-7+3"};
        for (int i = 0; i < (answer == 0 ? 4 : 1); ++i) {
            const bool capped = i == 2;
            sample.tokens.push_back({.id = i,
                                     .bytes = answer == 0 ? texts[i] : "no",
                                     .logprob = capped ? static_cast<float>(std::log(0.008)) : -0.5F,
                                     .ratio = capped ? 9.41F : 1.1F,
                                     .weight = capped ? 5.0F : 1.1F,
                                     .capped = capped});
        }
        run.sample(sample);
    }
}

} // namespace fulgurite::test
