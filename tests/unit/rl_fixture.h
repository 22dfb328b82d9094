// SPDX-License-Identifier: Apache-2.0
// Runs of reinforcement learning of a small model, for tests.
#pragma once

#include "core/base/atomic_file.h"
#include "core/text/bpe_trainer.h"
#include "core/train/rl_trainer.h"
#include "core/train/trainer.h"
#include "tests/support/golden_models.h"

#include <fstream>
#include <gmock/gmock.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fulgurite::test {

// Made once: a model of 30,000 parameters that answers "copy b=" with any one letter of four.
class Rl : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        writeTokenizer();
        writeConfig();
        std::string lines;
        for (int i = 0; i < 256; ++i) {
            const char asked = static_cast<char>('a' + i % 4);
            const char answer = static_cast<char>('a' + i / 4 % 4);
            lines += nlohmann::json{{"messages",
                                     {{{"role", "user"}, {"content", std::string("copy ") + asked + "="}},
                                      {{"role", "assistant"}, {"content", std::string(1, answer)}}}}}
                         .dump() +
                     "\n";
        }
        writeFileAtomically(*folder_ / "talk.jsonl", lines);
        const nlohmann::json config{{"out", "start"},
                                    {"fresh", {{"config", "config.json"}, {"deviation", 0.1}}},
                                    {"tokenizer", "tokenizer"},
                                    {"data", {"talk.jsonl"}},
                                    {"steps", 30},
                                    {"batch", 32},
                                    {"learning_rate", {{"peak", 0.01}}},
                                    {"checkpoint", {{"dtype", "f32"}}},
                                    {"threads", 1}};
        Trainer trainer(TrainConfig::parse(TrainMethod::Sft, config.dump(), "start.json", folder_->path()));
        trainer.begin();
        while (!trainer.done()) {
            trainer.step();
        }
    }
    static void TearDownTestSuite() { folder_.reset(); }

    static void writeTokenizer() {
        const std::vector<std::string> special{"<end_of_sentence>"};
        const LearntVocabulary bytes = BpeTrainer({.vocabulary = 257, .special = special}).learn();
        std::filesystem::create_directories(*folder_ / "tokenizer");
        writeFileAtomically(*folder_ / "tokenizer" / "tokenizer.json", tokenizerJson(bytes, special));
        writeFileAtomically(*folder_ / "tokenizer" / "tokenizer_config.json",
                            tokenizerConfigJson(bytes.tokens.size(), special,
                                                "{%- for m in messages -%}{{ m['content'] }}"
                                                "{%- if m['role'] == 'assistant' -%}{{ '<end_of_sentence>' }}"
                                                "{%- endif -%}{%- endfor -%}"));
    }
    static void writeConfig() {
        ModelConfig config = goldenModel('C').config;
        config.vocab_size = 257;
        config.eos_token_ids = {256};
        writeFileAtomically(*folder_ / "config.json", config.toJson());
    }

    // Of "copy" with one letter of four. `changes` are merged into the configuration.
    static RlConfig configOf(const std::string& out, const nlohmann::json& changes = nlohmann::json::object()) {
        nlohmann::json config{
            {"out", out},
            {"model", "start/checkpoints/step-00000030"},
            {"tasks",
             {{{"task", "strings"}, {"operation", "copy"}, {"min_length", 1}, {"max_length", 1}, {"letters", 4}}}},
            {"batches", 4},
            {"prompts", 8},
            {"group", 8},
            {"rollout", {{"max_tokens", 4}}},
            {"learning_rate", {{"peak", 0.003}}},
            {"evaluation", {{"items", 0}}},
            {"checkpoint", {{"every", 2}}},
            {"threads", 1}};
        config.merge_patch(changes);
        return RlConfig::parse(config.dump(), "rl.json", folder_->path());
    }

    static std::vector<RlBatchFigures> finish(RlTrainer& trainer) {
        std::vector<RlBatchFigures> all;
        while (!trainer.done()) {
            all.push_back(trainer.step());
        }
        return all;
    }
    static std::vector<RlBatchFigures> run(const std::string& out, const nlohmann::json& changes,
                                           std::vector<float>* weights = nullptr) {
        RlTrainer trainer(configOf(out, changes));
        trainer.begin();
        auto all = finish(trainer);
        if (weights != nullptr) {
            *weights = trainer.model().weights();
        }
        return all;
    }
    static std::vector<nlohmann::json> linesOf(const std::string& out, const char* file) {
        std::ifstream stream(*folder_ / out / file);
        std::vector<nlohmann::json> lines;
        for (std::string line; std::getline(stream, line);) {
            lines.push_back(nlohmann::json::parse(line));
            for (const char* timed : {"perf.step_time", "perf.tokens_per_s", "rollout.tokens_per_s"}) {
                lines.back().erase(timed);
            }
        }
        return lines;
    }

    static inline std::unique_ptr<TemporaryFolder> folder_;
};

} // namespace fulgurite::test
