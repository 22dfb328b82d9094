// SPDX-License-Identifier: Apache-2.0
// Options that take lists: "3,7", "7:0,7:3". An element that is empty or more than it should be is refused, with
// what it should look like; nothing is dropped in silence.
#pragma once

#include "core/base/error.h"
#include "core/probe/capture/views.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::app {

// A number that takes up all of `text`.
template <class Number>
std::optional<Number> wholeNumber(std::string_view text) {
    Number value{};
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool fits = code == std::errc() && end == text.data() + text.size() && !text.empty();
    return fits ? std::optional(value) : std::nullopt;
}

// The elements between commas of all values that an option was given. Throws Error{InvalidInput} that names the
// option for an empty one.
std::vector<std::string> listOf(const std::vector<std::string>& given, const char* option);

// "7:3". Throws Error{InvalidInput}.
capture::HeadRef readHead(std::string_view text, const char* option);

// Throws Error{InvalidInput} for what is no number or does not fit.
template <class Number>
std::vector<Number> numbersOf(const std::vector<std::string>& given, const char* option) {
    std::vector<Number> numbers;
    for (const std::string& text : listOf(given, option)) {
        const auto number = wholeNumber<Number>(text);
        if (!number) {
            fail(ErrorKind::InvalidInput, "{}: \"{}\" is not a whole number that fits, as in 3,7", option, text);
        }
        numbers.push_back(*number);
    }
    return numbers;
}

} // namespace fulgurite::app
