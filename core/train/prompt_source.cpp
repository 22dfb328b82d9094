// SPDX-License-Identifier: Apache-2.0
#include "core/train/prompt_source.h"

#include "core/base/error.h"
#include "core/text/chat_template.h"

namespace fulgurite {

namespace {

constexpr std::string_view kThinkingEnd = "</think>";

nlohmann::ordered_json message(const char* role, const std::string& content) {
    nlohmann::ordered_json json;
    json["role"] = role;
    json["content"] = content;
    return json;
}

} // namespace

std::size_t taskAt(const PromptOptions& options, std::uint64_t position) {
    double weights = 0;
    for (const TaskShare& share : options.tasks) {
        weights += share.weight;
    }
    double left = RandomStream(RandomStream(options.seed).bits() + position).uniform() * weights;
    std::size_t task = 0;
    while (task + 1 < options.tasks.size() && left >= options.tasks[task].weight) {
        left -= options.tasks[task].weight;
        ++task;
    }
    return task;
}

PromptSource::PromptSource(PromptOptions options, std::shared_ptr<const Tokenizer> tokenizer,
                           const std::filesystem::path& folder)
    : options_(std::move(options)), tokenizer_(std::move(tokenizer)) {
    if (options_.form == PromptForm::Chat) {
        render_ = [chat = ChatTemplate::load(folder)](const std::string& text) {
            return chat->renderOrdered(nlohmann::ordered_json::array({message("user", text)}), nullptr, true);
        };
    }
}

RlPrompt PromptSource::make(std::size_t task, TaskItem item) const {
    const TaskShare& share = options_.tasks[task];
    RlPrompt prompt;
    prompt.task = task;
    prompt.text = share.before + item.prompt + share.after;
    prompt.text = render_ ? render_(prompt.text) : prompt.text;
    prompt.tokens = tokenizer_->encode(prompt.text);
    prompt.item = std::move(item);
    return prompt;
}

RlPrompt PromptSource::training(std::uint64_t position) const {
    const std::size_t task = taskAt(options_, position);
    return make(task, itemOf(*options_.tasks[task].task, Split::Train, options_.seed, position));
}

// Of a seed of its own, so that runs with different seeds are held against the same items.
RlPrompt PromptSource::test(std::size_t task, std::uint64_t index) const {
    constexpr std::uint64_t kTestSeed = 1;
    return make(task, itemOf(*options_.tasks[task].task, Split::Test, kTestSeed, index));
}

Judgement PromptSource::judge(const RlPrompt& prompt, const RolloutAnswer& answer,
                              const RewardOptions& reward) const {
    Judgement judgement;
    if (!answer.ended()) {
        return judgement;
    }
    std::string_view text = answer.text;
    if (const std::size_t end = text.rfind(kThinkingEnd); end != std::string_view::npos) {
        text.remove_prefix(end + kThinkingEnd.size());
    }
    judgement.verdict = options_.tasks[prompt.task].task->judge(prompt.item, text);
    const Verdict& verdict = judgement.verdict;
    judgement.reward =
        verdict.correct ? 1.0 : reward.partial * verdict.partial + (verdict.formed ? reward.format : 0.0);
    return judgement;
}

nlohmann::ordered_json PromptSource::conversation(const TaskShare& share, const TaskItem& item) {
    nlohmann::ordered_json json;
    json["messages"] = nlohmann::ordered_json::array(
        {message("user", share.before + item.prompt + share.after), message("assistant", item.gold)});
    return json;
}

} // namespace fulgurite
