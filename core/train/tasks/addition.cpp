// SPDX-License-Identifier: Apache-2.0
// Addition of two numbers with equally many digits: the bare sum, or one step a column with the carry before it.
// Reversed digits let a model write the sum in the order in which it is worked out (arXiv 2307.03381).
#include "core/train/tasks/makers.h"

#include <algorithm>

namespace fulgurite {

namespace {

using Digits = std::vector<int>; // the last one first

Digits drawDigits(std::int64_t count, RandomStream& random) {
    Digits digits;
    for (std::int64_t i = 0; i < count; ++i) {
        const bool leading = i + 1 == count && count > 1;
        digits.push_back(static_cast<int>(leading ? 1 + random.below(9) : random.below(10)));
    }
    return digits;
}

Digits sumOf(const Digits& a, const Digits& b) {
    Digits sum;
    int carry = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum.push_back((a[i] + b[i] + carry) % 10);
        carry = (a[i] + b[i] + carry) / 10;
    }
    if (carry > 0) {
        sum.push_back(carry);
    }
    return sum;
}

std::string reversedText(const Digits& digits) {
    std::string text;
    for (const int digit : digits) {
        text += static_cast<char>('0' + digit);
    }
    return text;
}

std::string textOf(const Digits& digits) {
    std::string text = reversedText(digits);
    std::reverse(text.begin(), text.end());
    return text;
}

struct Operands {
    Digits a, b;

    Operands(const KnobRange& digits, RandomStream& random) {
        const std::int64_t count = digits.draw(random);
        a = drawDigits(count, random);
        b = drawDigits(count, random);
    }
    std::string prompt() const { return textOf(a) + "+" + textOf(b); }
    std::string key() const {
        const std::string x = textOf(a);
        const std::string y = textOf(b);
        return std::min(x, y) + "+" + std::max(x, y);
    }
};

constexpr std::int64_t kMostDigits = 64;

class Addition final : public Task {
  public:
    explicit Addition(ConfigFields& fields)
        : Task("addition"),
          digits_(KnobRange::read(fields, "digits", 1, kMostDigits, {1, 3})),
          reversed_(fields.flag("reversed", true)) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        digits_.write(json, "digits");
        json["reversed"] = reversed_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        const Operands operands(digits_, random);
        const Digits sum = sumOf(operands.a, operands.b);
        return {operands.prompt() + "=", reversed_ ? reversedText(sum) : textOf(sum), operands.key(), {}};
    }

  private:
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        const bool formed = isDigits(answer);
        return {answer == item.gold, formed, formed ? samePlaces(answer, item.gold) : 0};
    }

    KnobRange digits_;
    bool reversed_;
};

class Scratchpad final : public Task {
  public:
    explicit Scratchpad(ConfigFields& fields)
        : Task("scratchpad"),
          digits_(KnobRange::read(fields, "digits", 1, kMostDigits, {1, 3})),
          steps_count_(fields.flag("check_steps", false)) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        digits_.write(json, "digits");
        json["check_steps"] = steps_count_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        const Operands operands(digits_, random);
        std::string gold;
        int carry = 0;
        for (std::size_t i = 0; i < operands.a.size(); ++i) {
            const int sum = operands.a[i] + operands.b[i] + carry;
            gold += fmt::format("{}+{}+{}={} ", operands.a[i], operands.b[i], carry, sum);
            carry = sum / 10;
        }
        gold += "=" + textOf(sumOf(operands.a, operands.b));
        return {operands.prompt() + ":", gold, operands.key(), {}};
    }

  private:
    // Four numbers, as in 7+5+0=12.
    static bool isStep(std::string_view text) {
        const auto sides = piecesOf(text, '=');
        const auto terms = piecesOf(sides.front(), '+');
        return sides.size() == 2 && terms.size() == 3 && isDigits(sides[1]) &&
               std::all_of(terms.begin(), terms.end(), isDigits);
    }
    // Right by the last number; what the steps say counts only where it is asked for.
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        const auto pieces = piecesOf(answer, ' ');
        const auto gold = piecesOf(item.gold, ' ');
        const std::string_view last = pieces.back();
        std::size_t steps = 0;
        for (std::size_t i = 0; i + 1 < std::min(pieces.size(), gold.size()); ++i) {
            steps += pieces[i] == gold[i] ? 1 : 0;
        }
        Verdict verdict;
        verdict.formed = last.starts_with('=') && isDigits(last.substr(1)) &&
                         std::all_of(pieces.begin(), pieces.end() - 1, isStep);
        verdict.correct = verdict.formed && last == gold.back() && (!steps_count_ || answer == item.gold);
        verdict.partial =
            static_cast<double>(steps) / static_cast<double>(std::max(pieces.size(), gold.size()) - 1);
        return verdict;
    }

    KnobRange digits_;
    bool steps_count_;
};

} // namespace

std::unique_ptr<const Task> makeAddition(ConfigFields& fields) {
    return std::make_unique<Addition>(fields);
}

std::unique_ptr<const Task> makeScratchpad(ConfigFields& fields) {
    return std::make_unique<Scratchpad>(fields);
}

} // namespace fulgurite
