// SPDX-License-Identifier: Apache-2.0
// Problems whose answers a program can check: what reinforcement learning draws its prompts and rewards from. An
// item is a function of (task, seed, split, index), the same on every machine; the two splits share no problem.
// Verifiers parse answers themselves, in whole numbers and fractions, and nothing that a model writes is executed.
#pragma once

#include "core/train/config_fields.h"
#include "core/train/random.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

struct TaskItem {
    std::string prompt;
    std::string gold;                // a right answer; some tasks have others
    std::string key;                 // the same for problems that differ in order alone; decides the split
    std::vector<std::int64_t> facts; // what the verifier needs besides `gold`; its meaning is the task's own
};

struct Verdict {
    bool correct = false;
    bool formed = false; // has the form asked for, whatever its value
    double partial = 0;  // [0, 1]: how much of it is right; 1 when correct
};

class Task {
  public:
    virtual ~Task() = default;

    const std::string& name() const { return name_; }
    // Every knob with the value in force, in the form that makeTask() reads.
    virtual nlohmann::ordered_json knobs() const = 0;
    virtual TaskItem draw(RandomStream& random) const = 0;
    // Spaces and line ends around the answer do not count; one of more than kLongestAnswer bytes is wrong unread.
    Verdict judge(const TaskItem& item, std::string_view answer) const;

    static constexpr std::size_t kLongestAnswer = 4096;

  protected:
    explicit Task(std::string name) : name_(std::move(name)) {}

  private:
    virtual Verdict check(const TaskItem& item, std::string_view answer) const = 0;

    std::string name_;
};

// All names, in the order in which they are listed to people.
const std::vector<std::string>& taskNames();
// One line about a task, for people.
std::string_view taskSummary(std::string_view name);
// The knobs are what `fields` holds beside what its owner has asked for. Throws Error{InvalidInput}.
std::unique_ptr<const Task> makeTask(const std::string& name, ConfigFields& fields);

enum class Split : std::uint8_t { Train, Test };

// Of eight problems about one belongs to the test split, by a hash of the key. Throws Error{InvalidInput} when the
// knobs leave so few problems that the split has none.
TaskItem itemOf(const Task& task, Split split, std::uint64_t seed, std::uint64_t index);

} // namespace fulgurite
