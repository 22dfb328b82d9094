// SPDX-License-Identifier: Apache-2.0
// Tasks of state and memory: a running sum written out step by step, where a longer answer makes the last value
// easy, and the value of one key among many.
#include "core/train/tasks/makers.h"

#include <algorithm>

namespace fulgurite {

namespace {

class Parity final : public Task {
  public:
    explicit Parity(ConfigFields& fields)
        : Task("parity"),
          length_(KnobRange::read(fields, "length", 1, 512, {4, 10})),
          modulus_(fields.integer("modulus", 2, 10, 2)),
          states_count_(fields.flag("check_states", false)) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        length_.write(json, "length");
        json["modulus"] = modulus_;
        json["check_states"] = states_count_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        TaskItem item;
        std::uint64_t state = 0;
        const auto modulus = static_cast<std::uint64_t>(modulus_);
        for (std::int64_t left = length_.draw(random); left > 0; --left) {
            const std::uint64_t digit = random.below(modulus);
            state = (state + digit) % modulus;
            item.prompt += static_cast<char>('0' + digit);
            item.gold += static_cast<char>('0' + state);
        }
        item.prompt += '=';
        item.gold += std::string(":") + item.gold.back();
        return item;
    }

  private:
    // Right by the value behind the colon; the states before it only where they are asked for.
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        const auto pieces = piecesOf(answer, ':');
        const auto gold = piecesOf(item.gold, ':');
        const std::string_view states = pieces.front();
        Verdict verdict;
        verdict.formed = pieces.size() == 2 && (states.empty() || isDigits(states)) && pieces[1].size() == 1 &&
                         isDigits(pieces[1]);
        verdict.correct = verdict.formed && pieces[1] == gold[1] && (!states_count_ || states == gold[0]);
        verdict.partial = verdict.formed ? samePlaces(states, gold[0]) : 0;
        return verdict;
    }

    KnobRange length_;
    std::int64_t modulus_;
    bool states_count_;
};

class Recall final : public Task {
  public:
    explicit Recall(ConfigFields& fields)
        : Task("recall"),
          pairs_(KnobRange::read(fields, "pairs", 1, 676, {3, 8})),
          digits_(fields.integer("digits", 1, 9, 2)) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        pairs_.write(json, "pairs");
        json["digits"] = digits_;
        return json;
    }
    // Keys of one letter, of two where there are more pairs than letters; no key occurs twice.
    TaskItem draw(RandomStream& random) const override {
        constexpr std::size_t kLetters = 26;
        const auto count = static_cast<std::size_t>(pairs_.draw(random));
        std::vector<std::string> keys;
        const auto letter = [](std::size_t i) { return std::string(1, static_cast<char>('a' + i)); };
        for (std::size_t i = 0; i < (count > kLetters ? kLetters * kLetters : kLetters); ++i) {
            keys.push_back(count > kLetters ? letter(i / kLetters) + letter(i % kLetters) : letter(i));
        }
        shuffle(keys, random);
        const std::size_t wanted = random.below(count);
        TaskItem item;
        for (std::size_t i = 0; i < count; ++i) {
            std::string value;
            for (std::int64_t d = 0; d < digits_; ++d) {
                value += static_cast<char>('0' + random.below(10));
            }
            item.prompt += keys[i] + "=" + value + " ";
            item.gold = i == wanted ? value : item.gold;
        }
        item.prompt += keys[wanted] + "?";
        return item;
    }

  private:
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        const bool formed = isDigits(answer) && answer.size() == item.gold.size();
        return {answer == item.gold, formed, formed ? samePlaces(answer, item.gold) : 0};
    }

    KnobRange pairs_;
    std::int64_t digits_;
};

} // namespace

std::unique_ptr<const Task> makeParity(ConfigFields& fields) {
    return std::make_unique<Parity>(fields);
}

std::unique_ptr<const Task> makeRecall(ConfigFields& fields) {
    return std::make_unique<Recall>(fields);
}

} // namespace fulgurite
