// SPDX-License-Identifier: Apache-2.0
// The rules that end an answer, apart from the model's own end of sentence: stop strings across token borders, and
// the guard against repetition loops.
#pragma once

#include "core/generate/request.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// Throws Error{InvalidInput} that names the field.
void validate(const StopParams& params, std::size_t vocab_size);

// Watches streamed text for stop strings. Text that may be the beginning of one is held back, so that no part of a
// stop string is ever let through. Whole characters in, whole characters out.
class StopStrings {
  public:
    // Strings are UTF-8 and not empty.
    explicit StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {}

    struct Result {
        std::string text;                   // safe to show
        std::optional<std::size_t> matched; // index of the string that ends first; no more text may follow
    };
    Result push(std::string_view text);
    // What was held back, when the answer ends otherwise.
    std::string flush();

    const std::string& string(std::size_t index) const { return strings_[index]; }

  private:
    std::optional<std::size_t> firstMatch(std::size_t& begin) const;
    std::size_t possibleBeginning() const;

    std::vector<std::string> strings_;
    std::string held_;
};

// M1's guard: true once `run` tokens in a row were each sampled with more than the given probability.
class RepetitionGuard {
  public:
    explicit RepetitionGuard(RepetitionStop params) : params_(params) {}
    bool push(double probability);

  private:
    RepetitionStop params_;
    int run_ = 0;
};

} // namespace fulgurite
