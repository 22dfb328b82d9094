// SPDX-License-Identifier: Apache-2.0
// Sorting numbers, and turning letters round, copying them or keeping each once.
#include "core/train/tasks/makers.h"

#include <algorithm>

namespace fulgurite {

namespace {

const std::vector<std::string> kOrders{"rising", "falling"};

class Sorting final : public Task {
  public:
    explicit Sorting(ConfigFields& fields)
        : Task("sorting"),
          length_(KnobRange::read(fields, "length", 2, 64, {3, 6})),
          largest_(fields.integer("largest", 1, 999'999, 9)),
          repeats_(fields.flag("repeats", true)),
          falling_(fields.choice("order", kOrders, 0) == 1),
          mark_(fields.text("mark", "=")) {
        if (!repeats_ && largest_ + 1 < length_.max) {
            fail(ErrorKind::InvalidInput,
                 "task sorting: {} different numbers do not lie between 0 and {}: raise "
                 "\"largest\" or allow \"repeats\"",
                 length_.max, largest_);
        }
    }

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        length_.write(json, "length");
        json["largest"] = largest_;
        json["repeats"] = repeats_;
        json["order"] = kOrders[falling_ ? 1 : 0];
        json["mark"] = mark_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        std::vector<std::int64_t> numbers;
        for (const auto count = static_cast<std::size_t>(length_.draw(random)); numbers.size() < count;) {
            const auto number = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(largest_) + 1));
            if (repeats_ || std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
                numbers.push_back(number);
            }
        }
        TaskItem item;
        item.prompt = spaced(numbers) + mark_;
        std::sort(numbers.begin(), numbers.end());
        item.facts = numbers;
        if (falling_) {
            std::reverse(numbers.begin(), numbers.end());
        }
        item.gold = spaced(numbers);
        return item;
    }

  private:
    // Partly right: half by the numbers that are there, half by neighbours in order.
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        std::vector<std::int64_t> numbers;
        for (const std::string_view piece : piecesOf(answer, ' ')) {
            const auto number = smallNumber(piece);
            if (!number) {
                return {};
            }
            numbers.push_back(*number);
        }
        std::size_t ordered = 0;
        for (std::size_t i = 1; i < numbers.size(); ++i) {
            ordered += (falling_ ? numbers[i - 1] >= numbers[i] : numbers[i - 1] <= numbers[i]) ? 1 : 0;
        }
        std::vector<std::int64_t> sorted = numbers;
        std::sort(sorted.begin(), sorted.end());
        std::vector<std::int64_t> common;
        std::set_intersection(sorted.begin(), sorted.end(), item.facts.begin(), item.facts.end(),
                              std::back_inserter(common));
        const auto most = static_cast<double>(std::max(numbers.size(), item.facts.size()));
        return {answer == item.gold, true,
                0.5 * static_cast<double>(common.size()) / most + 0.5 * static_cast<double>(ordered) / (most - 1)};
    }

    KnobRange length_;
    std::int64_t largest_;
    bool repeats_;
    bool falling_;
    std::string mark_; // between the problem and its answer
};

const std::vector<std::string> kOperations{"reverse", "copy", "dedupe"};

class Strings final : public Task {
  public:
    explicit Strings(ConfigFields& fields)
        : Task("strings"),
          operation_(fields.choice("operation", kOperations, 0)),
          length_(KnobRange::read(fields, "length", 1, 256, {3, 8})),
          letters_(fields.integer("letters", 1, 26, operation_ == 2 ? 4 : 10)) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        json["operation"] = kOperations[operation_];
        length_.write(json, "length");
        json["letters"] = letters_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        std::string text;
        for (std::int64_t left = length_.draw(random); left > 0; --left) {
            text += static_cast<char>('a' + random.below(static_cast<std::uint64_t>(letters_)));
        }
        return {kOperations[operation_] + " " + text + "=", answerTo(text), {}, {}};
    }

  private:
    std::string answerTo(const std::string& text) const {
        if (operation_ == 0) {
            return {text.rbegin(), text.rend()};
        }
        if (operation_ == 1) {
            return text;
        }
        std::string once;
        for (const char c : text) {
            if (once.find(c) == std::string::npos) {
                once += c;
            }
        }
        return once;
    }
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        const bool formed = std::all_of(answer.begin(), answer.end(), [](char c) { return c >= 'a' && c <= 'z'; });
        return {answer == item.gold, formed, formed ? samePrefix(answer, item.gold) : 0};
    }

    std::size_t operation_;
    KnobRange length_;
    std::int64_t letters_;
};

} // namespace

std::unique_ptr<const Task> makeSorting(ConfigFields& fields) {
    return std::make_unique<Sorting>(fields);
}

std::unique_ptr<const Task> makeStrings(ConfigFields& fields) {
    return std::make_unique<Strings>(fields);
}

} // namespace fulgurite
