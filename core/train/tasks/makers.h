// SPDX-License-Identifier: Apache-2.0
// What the tasks share, and how the list of them gets each. Private to core/train/tasks.
#pragma once

#include "core/base/error.h"
#include "core/train/tasks/task.h"

#include <optional>

namespace fulgurite {

// A knob with a lower and an upper end: "min_NAME" and "max_NAME".
struct KnobRange {
    std::int64_t min = 0;
    std::int64_t max = 0;

    // Both ends from `lowest` to `highest`; Error{InvalidInput} when they cross.
    static KnobRange read(ConfigFields& fields, const std::string& name, std::int64_t lowest, std::int64_t highest,
                          KnobRange fallback);
    void write(nlohmann::ordered_json& json, const std::string& name) const;
    std::int64_t draw(RandomStream& random) const {
        return min + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(max - min + 1)));
    }
};

// Pieces between single characters `separator`, empty ones included.
std::vector<std::string_view> piecesOf(std::string_view text, char separator);
// A number of one to nine decimal digits, nothing else.
std::optional<std::int64_t> smallNumber(std::string_view text);
bool isDigits(std::string_view text);
// Share of places with the same character, of the longer one's length.
double samePlaces(std::string_view a, std::string_view b);
// Share of the longer one up to the first difference.
double samePrefix(std::string_view a, std::string_view b);
// Numbers with single spaces between them.
std::string spaced(const std::vector<std::int64_t>& numbers);
// Fisher and Yates.
template <class T>
void shuffle(std::vector<T>& values, RandomStream& random) {
    for (std::size_t i = values.size(); i > 1; --i) {
        std::swap(values[i - 1], values[random.below(i)]);
    }
}

std::unique_ptr<const Task> makeAddition(ConfigFields& fields);
std::unique_ptr<const Task> makeScratchpad(ConfigFields& fields);
std::unique_ptr<const Task> makeSorting(ConfigFields& fields);
std::unique_ptr<const Task> makeStrings(ConfigFields& fields);
std::unique_ptr<const Task> makeParity(ConfigFields& fields);
std::unique_ptr<const Task> makeRecall(ConfigFields& fields);
std::unique_ptr<const Task> makeCountdown(ConfigFields& fields);
std::unique_ptr<const Task> makeGameOf24(ConfigFields& fields);
std::unique_ptr<const Task> makeBrackets(ConfigFields& fields);
std::unique_ptr<const Task> makeBoolean(ConfigFields& fields);
std::unique_ptr<const Task> makePath(ConfigFields& fields);

} // namespace fulgurite
