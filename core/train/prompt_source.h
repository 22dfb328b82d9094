// SPDX-License-Identifier: Apache-2.0
// Prompts of a mix of tasks in the model's tokens, and the judgement of what was answered.
#pragma once

#include "core/text/tokenizer.h"
#include "core/train/rl_config.h"
#include "core/train/rollout.h"

#include <functional>

namespace fulgurite {

struct RlPrompt {
    std::size_t task = 0; // index into the mix
    TaskItem item;
    std::string text; // what the model is given, template included
    TokenIds tokens;
};

struct Judgement {
    Verdict verdict;
    double reward = 0; // without the overlong punishment
};

class PromptSource {
  public:
    // Reads the chat template from `folder` where prompts are messages.
    PromptSource(PromptOptions options, std::shared_ptr<const Tokenizer> tokenizer,
                 const std::filesystem::path& folder);

    const std::vector<TaskShare>& tasks() const { return options_.tasks; }
    // Number `position` of the training split: the task is drawn by weight, the item by the position.
    RlPrompt training(std::uint64_t position) const;
    // Item `index` of a task's test split.
    RlPrompt test(std::size_t task, std::uint64_t index) const;

    // The answer is what follows "</think>", where there is one. One that did not end by itself is wrong.
    Judgement judge(const RlPrompt& prompt, const RolloutAnswer& answer, const RewardOptions& reward) const;

    // The conversation that teaches an item: the problem and its right answer.
    static nlohmann::ordered_json conversation(const TaskShare& share, const TaskItem& item);

  private:
    RlPrompt make(std::size_t task, TaskItem item) const;

    PromptOptions options_;
    std::shared_ptr<const Tokenizer> tokenizer_;
    std::function<std::string(const std::string&)> render_; // of a message; empty for plain prompts
};

// Which task number `position` of the training split is of.
std::size_t taskAt(const PromptOptions& options, std::uint64_t position);

} // namespace fulgurite
