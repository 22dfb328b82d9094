// SPDX-License-Identifier: Apache-2.0
// Countdown and the game of 24: an expression that uses every given number once and has a given value. The verifier
// works out the value and compares it with the target, never with anything that the answer says about itself.
#include "core/train/tasks/expression.h"
#include "core/train/tasks/makers.h"

#include <algorithm>

namespace fulgurite {

namespace {

constexpr std::string_view kOperators = "+-*/";

// facts: the target, then the numbers in rising order.
Verdict checkExpression(const TaskItem& item, std::string_view answer, std::string_view operators) {
    const auto expression = parseExpression(answer);
    if (!expression || expression->operators.find_first_not_of(operators) != std::string::npos) {
        return {};
    }
    std::vector<std::int64_t> numbers = expression->numbers;
    std::sort(numbers.begin(), numbers.end());
    const bool formed = std::equal(numbers.begin(), numbers.end(), item.facts.begin() + 1, item.facts.end());
    const bool correct = formed && expression->value == Fraction{item.facts.front(), 1};
    return {correct, formed, formed ? 0.5 : 0};
}

// Joins two of the parts at a time until one is left.
std::optional<BuiltExpression> drawExpression(std::vector<BuiltExpression> parts, std::string_view operators,
                                              RandomStream& random) {
    while (parts.size() > 1) {
        shuffle(parts, random);
        const auto joined = join(parts[parts.size() - 2], operators[random.below(operators.size())], parts.back());
        if (!joined) {
            return std::nullopt;
        }
        parts.pop_back();
        parts.back() = *joined;
    }
    return parts.front();
}

std::vector<BuiltExpression> partsOf(const std::vector<std::int64_t>& numbers) {
    std::vector<BuiltExpression> parts;
    for (const std::int64_t number : numbers) {
        parts.push_back({std::to_string(number), {number, 1}, 3});
    }
    return parts;
}

// The first solution in a fixed order of search, if there is one.
std::optional<std::string> solve(const std::vector<BuiltExpression>& parts, const Fraction& target) {
    if (parts.size() == 1) {
        return parts.front().value == target ? std::optional(parts.front().text) : std::nullopt;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        for (std::size_t j = 0; j < parts.size(); ++j) {
            for (const char op : kOperators) {
                const auto joined = i == j ? std::nullopt : join(parts[i], op, parts[j]);
                if (!joined) {
                    continue;
                }
                std::vector<BuiltExpression> rest{*joined};
                for (std::size_t k = 0; k < parts.size(); ++k) {
                    if (k != i && k != j) {
                        rest.push_back(parts[k]);
                    }
                }
                if (auto solution = solve(rest, target)) {
                    return solution;
                }
            }
        }
    }
    return std::nullopt;
}

std::vector<std::int64_t> drawNumbers(std::int64_t count, std::int64_t largest, RandomStream& random) {
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = 0; i < count; ++i) {
        numbers.push_back(1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(largest))));
    }
    return numbers;
}

std::vector<std::int64_t> factsOf(std::int64_t target, std::vector<std::int64_t> numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.insert(numbers.begin(), target);
    return numbers;
}

class Countdown final : public Task {
  public:
    explicit Countdown(ConfigFields& fields)
        : Task("countdown"),
          count_(KnobRange::read(fields, "numbers", 2, 6, {2, 3})),
          largest_(fields.integer("largest", 1, 999, 9)),
          target_(KnobRange::read(fields, "target", 0, 99'999, {1, 99})),
          operators_(fields.text("operators", "+-*/")) {
        if (operators_.empty() || operators_.find_first_not_of(kOperators) != std::string::npos) {
            fail(ErrorKind::InvalidInput, "task countdown: \"operators\" is \"{}\"; expected some of {}",
                 operators_, kOperators);
        }
    }

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        count_.write(json, "numbers");
        json["largest"] = largest_;
        target_.write(json, "target");
        json["operators"] = operators_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        constexpr int kMostTries = 10'000;
        for (int i = 0; i < kMostTries; ++i) {
            const auto numbers = drawNumbers(count_.draw(random), largest_, random);
            const auto expression = drawExpression(partsOf(numbers), operators_, random);
            if (expression && expression->value.denominator == 1 && expression->value.numerator >= target_.min &&
                expression->value.numerator <= target_.max) {
                const std::int64_t target = expression->value.numerator;
                TaskItem item{fmt::format("{}>{}=", spaced(numbers), target), expression->text, {}, {}};
                item.facts = factsOf(target, numbers);
                item.key = spaced(item.facts);
                return item;
            }
        }
        fail(ErrorKind::InvalidInput,
             "task countdown: hardly any expression of these numbers has a value from {} "
             "to {}: widen \"min_target\" and \"max_target\"",
             target_.min, target_.max);
    }

  private:
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        return checkExpression(item, answer, operators_);
    }

    KnobRange count_;
    std::int64_t largest_;
    KnobRange target_;
    std::string operators_;
};

class GameOf24 final : public Task {
  public:
    explicit GameOf24(ConfigFields& fields) : Task("game24"), largest_(fields.integer("largest", 3, 13, 9)) {}

    nlohmann::ordered_json knobs() const override { return {{"largest", largest_}}; }
    // Only sets of numbers that have a solution; of numbers from 1 to 9 four in five do.
    TaskItem draw(RandomStream& random) const override {
        constexpr std::int64_t kTarget = 24;
        while (true) {
            auto numbers = drawNumbers(4, largest_, random);
            std::sort(numbers.begin(), numbers.end());
            if (const auto solution = solve(partsOf(numbers), {kTarget, 1})) {
                return {spaced(numbers) + "=", *solution, {}, factsOf(kTarget, numbers)};
            }
        }
    }

  private:
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        return checkExpression(item, answer, kOperators);
    }

    std::int64_t largest_;
};

} // namespace

std::unique_ptr<const Task> makeCountdown(ConfigFields& fields) {
    return std::make_unique<Countdown>(fields);
}

std::unique_ptr<const Task> makeGameOf24(ConfigFields& fields) {
    return std::make_unique<GameOf24>(fields);
}

} // namespace fulgurite
