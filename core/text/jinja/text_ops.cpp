// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/text_ops.h"

#include "core/base/utf8.h"
#include "core/text/unicode_classes.h"

#include <algorithm>
#include <utf8proc.h>

namespace fulgurite::jinja {
namespace {

bool isPythonSpace(char32_t code) {
    return (UnicodeClasses::get().of(code) & kSpace) != 0 || (code >= 0x1C && code <= 0x1F);
}

template <class Change>
std::string changed(std::string_view text, Change change) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Char next = decodeUtf8(text.data() + at);
        appendUtf8(out, static_cast<char32_t>(change(static_cast<utf8proc_int32_t>(next.code))));
        at += next.length;
    }
    return out;
}

std::vector<std::string> splitAtSpace(std::string_view text, std::int64_t most) {
    std::vector<std::string> parts;
    text = strip(text, std::nullopt, Side::Left);
    while (!text.empty() && most != static_cast<std::int64_t>(parts.size())) {
        std::size_t end = 0;
        while (end < text.size() && !isPythonSpace(decodeUtf8(text.data() + end).code)) {
            end += decodeUtf8(text.data() + end).length;
        }
        parts.emplace_back(text.substr(0, end));
        text = strip(text.substr(end), std::nullopt, Side::Left);
    }
    if (!text.empty()) {
        parts.emplace_back(strip(text, std::nullopt, Side::Right));
    }
    return parts;
}

} // namespace

std::size_t countCharacters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<std::size_t> characterOffsets(std::string_view text) {
    std::vector<std::size_t> offsets;
    for (std::size_t at = 0; at < text.size(); at += decodeUtf8(text.data() + at).length) {
        offsets.push_back(at);
    }
    offsets.push_back(text.size());
    return offsets;
}

std::string_view strip(std::string_view text, const std::optional<std::string>& chars, Side side) {
    const auto goes = [&](std::string_view character) {
        return chars ? chars->find(character) != std::string::npos : isPythonSpace(decodeUtf8(character.data()).code);
    };
    while (side != Side::Right && !text.empty()) {
        const std::size_t length = decodeUtf8(text.data()).length;
        if (!goes(text.substr(0, length))) {
            break;
        }
        text.remove_prefix(length);
    }
    while (side != Side::Left && !text.empty()) {
        const std::size_t last = lastCharacter(text);
        if (!goes(text.substr(last))) {
            break;
        }
        text = text.substr(0, last);
    }
    return text;
}

std::string upper(std::string_view text) {
    return changed(text, utf8proc_toupper);
}

std::string lower(std::string_view text) {
    return changed(text, utf8proc_tolower);
}

std::string capitalize(std::string_view text) {
    bool first = true;
    return changed(text, [&first](auto code) {
        return std::exchange(first, false) ? utf8proc_totitle(code) : utf8proc_tolower(code);
    });
}

std::string title(std::string_view text) {
    bool inside = false;
    return changed(text, [&inside](auto code) {
        const bool letter = (UnicodeClasses::get().of(static_cast<char32_t>(code)) & kLetter) != 0;
        const bool was_inside = std::exchange(inside, letter);
        return was_inside ? utf8proc_tolower(code) : utf8proc_totitle(code);
    });
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t count,
                    Budget& budget) {
    if (from.empty()) {
        throw Problem("replace: the string to look for is empty");
    }
    std::string out;
    std::size_t done = 0;
    for (std::size_t at = text.find(from); at != std::string_view::npos && count != 0; --count) {
        budget.bytes(to.size());
        out += text.substr(done, at - done);
        out += to;
        done = at + from.size();
        at = text.find(from, done);
    }
    out += text.substr(done);
    return out;
}

std::vector<std::string> split(std::string_view text, const std::optional<std::string>& separator,
                               std::int64_t most, bool from_right) {
    if (!separator) {
        if (from_right && most >= 0) {
            throw Problem("rsplit with a limit needs a separator");
        }
        return splitAtSpace(text, most);
    }
    if (separator->empty()) {
        throw Problem("split: the separator is empty");
    }
    std::vector<std::string> parts;
    while (most < 0 || static_cast<std::int64_t>(parts.size()) < most) {
        const std::size_t at = from_right ? text.rfind(*separator) : text.find(*separator);
        if (at == std::string_view::npos) {
            break;
        }
        const std::size_t after = at + separator->size();
        parts.emplace_back(from_right ? text.substr(after) : text.substr(0, at));
        text = from_right ? text.substr(0, at) : text.substr(after);
    }
    parts.emplace_back(text);
    if (from_right) {
        std::reverse(parts.begin(), parts.end());
    }
    return parts;
}

std::vector<std::string> splitLines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
        lines.emplace_back(text.substr(0, end));
        const std::size_t newline = text.substr(end, 2) == "\r\n" ? 2 : 1;
        text.remove_prefix(std::min(end + newline, text.size()));
    }
    return lines;
}

std::vector<std::size_t> slicePositions(std::size_t length, std::optional<std::int64_t> begin,
                                        std::optional<std::int64_t> end, std::optional<std::int64_t> step,
                                        Budget& budget) {
    const auto size = static_cast<std::int64_t>(length);
    const std::int64_t by = step.value_or(1);
    if (by == 0) {
        throw Problem("the step of a slice is zero");
    }
    const auto clamped = [&](std::optional<std::int64_t> at, std::int64_t otherwise) {
        if (!at) {
            return otherwise;
        }
        const std::int64_t lowest = by > 0 ? 0 : -1;
        const std::int64_t highest = by > 0 ? size : size - 1;
        const std::int64_t from_front = *at < 0 ? (*at < -size ? -1 : *at + size) : *at;
        return std::clamp(from_front, lowest, std::max(lowest, highest));
    };
    const std::int64_t first = clamped(begin, by > 0 ? 0 : size - 1);
    const std::int64_t last = clamped(end, by > 0 ? size : -1);
    std::vector<std::size_t> positions;
    for (std::int64_t at = first; by > 0 ? at < last : at > last;) {
        budget.step();
        positions.push_back(static_cast<std::size_t>(at));
        if (by > size || by < -size) {
            break; // the next one is outside, and adding could overflow
        }
        at += by;
    }
    return positions;
}

} // namespace fulgurite::jinja
