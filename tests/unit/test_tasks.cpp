// SPDX-License-Identifier: Apache-2.0
// Tasks that a program can check: the same items on every machine, no problem in both splits, right answers earn
// one, wrong ones in the right form and hostile ones nothing.
#include "core/base/error.h"
#include "core/train/tasks/expression.h"
#include "core/train/tasks/task.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <set>

namespace fulgurite {
namespace {

std::unique_ptr<const Task> taskOf(const std::string& name, const std::string& knobs = "{}") {
    ConfigFields fields = ConfigFields::parse(knobs, "knobs");
    auto task = makeTask(name, fields);
    fields.finish();
    return task;
}

class EveryTask : public testing::TestWithParam<std::string> {
  protected:
    std::unique_ptr<const Task> task = taskOf(GetParam());
};

// What the form asks for and the value is wrong, one way for each task.
std::string wrongInForm(const std::string& name, const TaskItem& item, const Task& task) {
    const auto nextDigit = [](char c) { return c == '9' ? '0' : static_cast<char>(c + 1); };
    std::string wrong = item.gold;
    if (name == "sorting") {
        return {wrong.rbegin(), wrong.rend()};
    }
    if (name == "strings") {
        wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
        return wrong;
    }
    if (name == "countdown" || name == "game24") { // all numbers, added up or multiplied
        std::string added, multiplied;
        for (std::size_t i = 1; i < item.facts.size(); ++i) {
            added += (i == 1 ? "" : "+") + std::to_string(item.facts[i]);
            multiplied += (i == 1 ? "" : "*") + std::to_string(item.facts[i]);
        }
        return task.judge(item, added).correct ? multiplied + "*1" : added;
    }
    if (name == "brackets") {
        wrong.back() = wrong.back() == ')' ? ']' : ')';
        return wrong;
    }
    if (name == "boolean") {
        return item.gold == "0" ? "1" : "0";
    }
    if (name == "path") { // ends elsewhere
        wrong.back() = wrong.front() == 'a' ? 'b' : 'a';
        return wrong == item.gold ? std::string(1, item.gold.front()) : wrong;
    }
    wrong.back() = nextDigit(wrong.back()); // numbers
    if (name == "parity") {
        wrong.back() = item.gold.back() == '0' ? '1' : '0';
    }
    return wrong;
}

TEST_P(EveryTask, ItemsFollowFromSeedSplitAndIndex) {
    const auto again = taskOf(GetParam());
    std::set<std::string> first, second;
    for (std::uint64_t i = 0; i < 100; ++i) {
        const TaskItem item = itemOf(*task, Split::Train, 7, i);
        EXPECT_EQ(item.prompt, itemOf(*again, Split::Train, 7, i).prompt);
        EXPECT_EQ(item.gold, itemOf(*again, Split::Train, 7, i).gold);
        first.insert(item.prompt);
        second.insert(itemOf(*task, Split::Train, 8, i).prompt);
    }
    EXPECT_GT(first.size(), 40U) << "indices give different problems";
    EXPECT_NE(first, second) << "seeds give different problems";
}

TEST_P(EveryTask, TheSplitsShareNoProblem) {
    std::set<std::string> training, test;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        training.insert(itemOf(*task, Split::Train, 1, i).key);
    }
    for (std::uint64_t i = 0; i < 300; ++i) {
        test.insert(itemOf(*task, Split::Test, 2, i).key);
    }
    std::vector<std::string> common;
    std::set_intersection(training.begin(), training.end(), test.begin(), test.end(), std::back_inserter(common));
    EXPECT_THAT(common, testing::IsEmpty());
}

TEST_P(EveryTask, GoldIsRightAndAWrongValueInTheRightFormIsNot) {
    int formed = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
        const TaskItem item = itemOf(*task, Split::Train, 3, i);
        const Verdict right = task->judge(item, item.gold);
        EXPECT_TRUE(right.correct && right.formed) << item.prompt << item.gold;
        EXPECT_EQ(right.partial, 1) << item.prompt << item.gold;
        EXPECT_TRUE(task->judge(item, " " + item.gold + "\n").correct);
        const std::string wrong = wrongInForm(GetParam(), item, *task);
        const Verdict verdict = task->judge(item, wrong);
        if (wrong != item.gold) { // equal digits sort to themselves either way round
            EXPECT_FALSE(verdict.correct) << item.prompt << wrong;
            formed += verdict.formed ? 1 : 0;
        }
        EXPECT_LE(verdict.partial, 1);
    }
    EXPECT_GT(formed, 200) << "the wrong answers of this test have the form";
}

TEST_P(EveryTask, HostileAnswersEarnNothing) {
    const TaskItem item = itemOf(*task, Split::Train, 5, 0);
    const std::vector<std::string> hostile{
        "",
        " \n",
        item.gold + " or not",
        item.gold + item.gold,
        item.gold + std::string(Task::kLongestAnswer, ' '),
        std::string(3000, '('),
        std::string(3000, '9'),
        std::string(200, '(') + "1" + std::string(200, ')'),
        "999999999*999999999*999999999*999999999",
        "1/0",
        "__import__('os')",
        "24==24",
        std::string("1\0002", 3),
        "\xff\xfe",
        item.prompt,
        "=",
        ":",
        "-1",
        "1e9",
        "0x18",
    };
    for (const std::string& answer : hostile) {
        const Verdict verdict = task->judge(item, answer);
        EXPECT_FALSE(verdict.correct) << answer;
        EXPECT_LT(verdict.partial, 1) << answer;
    }
}

TEST_P(EveryTask, KnobsReadBackAndUnknownOnesAreRefused) {
    EXPECT_EQ(taskOf(GetParam(), task->knobs().dump())->knobs(), task->knobs());
    EXPECT_THROW(taskOf(GetParam(), R"({"digitss": 3})"), Error);
    EXPECT_FALSE(taskSummary(GetParam()).empty());
}

INSTANTIATE_TEST_SUITE_P(Tasks, EveryTask, testing::ValuesIn(taskNames()),
                         [](const auto& parameter) { return parameter.param; });

TEST(Tasks, PromptsAndAnswersLookAsDocumented) {
    TaskItem item;
    item = itemOf(*taskOf("addition", R"({"min_digits": 2, "max_digits": 2})"), Split::Train, 1, 0);
    EXPECT_THAT(item.prompt, testing::MatchesRegex("[1-9][0-9]\\+[1-9][0-9]="));
    const int sum = std::stoi(item.prompt.substr(0, 2)) + std::stoi(item.prompt.substr(3, 2));
    const std::string text = std::to_string(sum);
    EXPECT_EQ(item.gold, std::string(text.rbegin(), text.rend()));
    item = itemOf(*taskOf("sorting", R"({"min_length": 4, "max_length": 4})"), Split::Train, 1, 0);
    EXPECT_THAT(item.prompt, testing::MatchesRegex("[0-9] [0-9] [0-9] [0-9]="));
    const auto falling = taskOf("sorting", R"({"min_length": 3, "max_length": 3, "order": "falling", "mark": "?"})");
    item = itemOf(*falling, Split::Train, 1, 0);
    EXPECT_THAT(item.prompt, testing::MatchesRegex("[0-9] [0-9] [0-9]\\?"));
    ASSERT_THAT(item.gold, testing::MatchesRegex("[0-9] [0-9] [0-9]"));
    EXPECT_GE(item.gold[0], item.gold[2]);
    EXPECT_GE(item.gold[2], item.gold[4]);
    item = itemOf(*taskOf("parity", R"({"min_length": 3, "max_length": 3})"), Split::Train, 1, 0);
    EXPECT_THAT(item.gold, testing::MatchesRegex("[01][01][01]:[01]"));
    item = itemOf(*taskOf("path"), Split::Train, 1, 0);
    EXPECT_THAT(item.prompt, testing::MatchesRegex("[a-g ]+:[a-g]>[a-g]="));
}

TEST(Tasks, OtherRightAnswersCount) {
    TaskItem item;
    item.facts = {13, 2, 3, 5};
    const auto countdown = taskOf("countdown", R"({"max_numbers": 3})");
    for (const char* right : {"3*5-2", "5*3-2", "(5*3)-2", "((3)*(5))-(2)"}) {
        EXPECT_TRUE(countdown->judge(item, right).correct) << right;
    }
    for (const char* wrong : {"13", "3*5-2*1", "3*2+5", "3*5-2=13", "3*5 -2", "15-2", "5+5+3"}) {
        EXPECT_FALSE(countdown->judge(item, wrong).correct) << wrong;
    }
    item.facts = {24, 1, 5, 5, 5};
    EXPECT_TRUE(taskOf("game24")->judge(item, "5*(5-1/5)").correct) << "fractions are exact";
    item = {"ab bc ac:a>c=", "ac", {}, {0, 2, 2, 0, 1, 1, 2, 0, 2}};
    EXPECT_TRUE(taskOf("path")->judge(item, "abc").correct);
    EXPECT_FALSE(taskOf("path", R"({"shortest": true})")->judge(item, "abc").correct);
    EXPECT_FALSE(taskOf("path")->judge(item, "abac").correct) << "no node twice";
}

TEST(Tasks, StepsCountWhereTheyAreAskedFor) {
    const std::string steps_wrong = "7+5+0=13 4+8+1=13 =132";
    const TaskItem item{"47+85:", "7+5+0=12 4+8+1=13 =132", {}, {}};
    EXPECT_TRUE(taskOf("scratchpad")->judge(item, steps_wrong).correct);
    const Verdict strict = taskOf("scratchpad", R"({"check_steps": true})")->judge(item, steps_wrong);
    EXPECT_FALSE(strict.correct);
    EXPECT_EQ(strict.partial, 0.5);
}

TEST(Tasks, KnobsThatLeaveNoTestProblemSaySo) {
    const auto task = taskOf("boolean", R"({"min_leaves": 1, "max_leaves": 1})"); // 0 1 !0 !1
    int refused = 0;
    for (const Split split : {Split::Train, Split::Test}) {
        try {
            itemOf(*task, split, 1, 0);
        } catch (const Error& error) {
            ++refused;
            EXPECT_THAT(error.what(), testing::HasSubstr("boolean"));
        }
    }
    EXPECT_EQ(refused, 1);
    EXPECT_THROW(taskOf("sorting", R"({"largest": 2, "repeats": false})"), Error);
    EXPECT_THROW(taskOf("no such task"), Error);
}

TEST(Expressions, ExactValuesOrNone) {
    EXPECT_EQ(parseExpression("1/3+1/6")->value, (Fraction{1, 2}));
    EXPECT_EQ(parseExpression("2-3*4")->value, (Fraction{-10, 1}));
    EXPECT_EQ(parseExpression("8/(3-8/3)")->value, (Fraction{24, 1}));
    EXPECT_EQ(parseExpression("7-2-1")->value, (Fraction{4, 1}));
    EXPECT_EQ(parseExpression("12/(2-2)")->value, std::nullopt);
    EXPECT_THAT(parseExpression("12/(2-2)")->numbers, testing::ElementsAre(12, 2, 2));
    EXPECT_EQ(parseExpression("999999999*999999999*999999999")->value, std::nullopt) << "beyond 64 bits";
    for (const char* text : {"", "1+", "+1", "-1", "(1", "1)", "1 + 2", "1**2", "1000000000", "()", "1(2)"}) {
        EXPECT_FALSE(parseExpression(text).has_value()) << text;
    }
}

TEST(Expressions, BracketsWhereTheMeaningNeedsThem) {
    const BuiltExpression one{"1", {1, 1}, 3}, two{"2", {2, 1}, 3}, three{"3", {3, 1}, 3};
    EXPECT_EQ(join(*join(one, '+', two), '*', three)->text, "(1+2)*3");
    EXPECT_EQ(join(*join(one, '*', two), '+', three)->text, "1*2+3");
    EXPECT_EQ(join(three, '-', *join(one, '+', two))->text, "3-(1+2)");
    EXPECT_EQ(join(three, '+', *join(one, '-', two))->text, "3+1-2");
    EXPECT_EQ(join(three, '/', *join(one, '*', two))->text, "3/(1*2)");
    EXPECT_FALSE(join(one, '/', *join(two, '-', two)).has_value());
}

} // namespace
} // namespace fulgurite
