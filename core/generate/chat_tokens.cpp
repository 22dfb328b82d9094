// SPDX-License-Identifier: Apache-2.0
#include "core/generate/chat_tokens.h"

#include "core/base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <set>
#include <utility>

namespace fulgurite {

namespace {

using Pointer = nlohmann::json::json_pointer;

// A text whose tokens are put in as they are, and the mark that stands for it while the template is rendered.
struct Place {
    std::size_t message = 0;
    Pointer text; // of the string in the messages
    TokenIds tokens;
    std::string mark;
};

// Strings of a message that a template shows: its content, or the texts of its parts.
std::vector<Pointer> textsOf(const nlohmann::json& messages, std::size_t index) {
    const Pointer content = Pointer() / index / "content";
    if (!messages.contains(content)) {
        return {};
    }
    const nlohmann::json& value = messages.at(content);
    std::vector<Pointer> texts;
    if (value.is_string()) {
        texts.push_back(content);
    }
    for (std::size_t part = 0; value.is_array() && part < value.size(); ++part) {
        if (const Pointer text = content / part / "text";
            messages.contains(text) && messages.at(text).is_string()) {
            texts.push_back(text);
        }
    }
    return texts;
}

bool spellsSpecial(const ChatText& chat, const std::string& text) {
    const TokenIds parsed = chat.encode(text, SpecialTokens::Parse);
    return std::any_of(parsed.begin(), parsed.end(), chat.is_special);
}

std::vector<Place> placesOf(const ChatText& chat, const nlohmann::json& messages,
                            const std::vector<SampledMessage>& sampled) {
    std::vector<Place> places;
    auto next = sampled.begin();
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (next != sampled.end() && next->index == i) {
            places.push_back({i, Pointer() / i / "content", next->tokens, {}});
            ++next;
            continue;
        }
        if (messages[i].value("role", "") == "assistant") {
            continue;
        }
        for (const Pointer& at : textsOf(messages, i)) {
            if (const auto& text = messages.at(at).get_ref<const std::string&>(); spellsSpecial(chat, text)) {
                places.push_back({i, at, chat.encode(text, SpecialTokens::AsText), {}});
            }
        }
    }
    return places;
}

// A mark is private-use characters around two numbers: the first stands in no message, the second is the place's. A template
// copies them as they are. Everything here takes one pass over the texts, which may be long and hostile.
constexpr std::string_view kMarkBegin = "\xee\x83\xb0";
constexpr std::string_view kMarkMiddle = "\xee\x83\xb1";

// The number at the beginning of `text`, when `behind` follows it.
std::optional<std::size_t> numberBefore(std::string_view text, std::string_view behind) {
    std::size_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, problem] = std::from_chars(text.data(), end, number);
    const bool whole = problem == std::errc() && std::string_view(rest, end).starts_with(behind);
    return whole ? std::optional(number) : std::nullopt;
}

// Calls `visit` with each place in `text` behind `begin`.
void eachBehind(std::string_view text, std::string_view begin, const std::function<void(std::size_t)>& visit) {
    for (std::size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1)) {
        visit(at + begin.size());
    }
}

// Gives each place its mark. What all marks begin with.
std::string mark(std::vector<Place>& places, const nlohmann::json& messages) {
    std::set<std::size_t> taken;
    const std::string all = places.empty() ? std::string() : dumpJson(messages);
    eachBehind(all, kMarkBegin, [&](std::size_t at) {
        if (const auto number = numberBefore(std::string_view(all).substr(at), kMarkMiddle)) {
            taken.insert(*number);
        }
    });
    std::size_t own = 0;
    while (taken.contains(own)) {
        ++own;
    }
    const std::string begin = fmt::format("{}{}{}", kMarkBegin, own, kMarkMiddle);
    for (std::size_t i = 0; i < places.size(); ++i) {
        places[i].mark = fmt::format("{}{}{}", begin, i, kMarkMiddle);
    }
    return begin;
}

// A template may show messages in another order than theirs: MiniMax-M1's begins with all of the system's.
void sortAsShown(std::vector<Place>& places, const std::string& mark_begin, std::string_view shown) {
    std::vector<std::size_t> order;
    std::vector<int> times(places.size());
    eachBehind(shown, mark_begin, [&](std::size_t at) {
        const auto place = numberBefore(shown.substr(at), kMarkMiddle);
        if (place && *place < places.size() &&
            shown.substr(at - mark_begin.size()).starts_with(places[*place].mark)) { // and not as 00 or the like
            order.push_back(*place);
            ++times[*place];
        }
    });
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (times[i] != 1) {
            throw UnplacedMessage(places[i].message,
                                  fmt::format("the model's chat template does not show message {} as it "
                                              "is, so its tokens cannot be put in",
                                              places[i].message));
        }
    }
    std::vector<Place> sorted;
    for (const std::size_t place : order) {
        sorted.push_back(std::move(places[place]));
    }
    places = std::move(sorted);
}

void append(TokenIds& tokens, const TokenIds& more) {
    tokens.insert(tokens.end(), more.begin(), more.end());
}

// The model drew its end of sentence and the template writes one: once is enough.
void dropRepeatedEnd(const ChatText& chat, const TokenIds& tokens, std::string_view& rest) {
    if (tokens.empty() || !chat.is_special(tokens.back())) {
        return;
    }
    if (const std::string_view spelling = chat.bytes_of(tokens.back()); rest.starts_with(spelling)) {
        rest.remove_prefix(spelling.size());
    }
}

} // namespace

ChatTokens chatTokens(const ChatText& chat, const nlohmann::json& messages,
                      const std::vector<SampledMessage>& sampled) {
    std::vector<Place> places = placesOf(chat, messages, sampled);
    const std::string mark_begin = mark(places, messages);
    nlohmann::json with_marks = messages;
    for (const Place& place : places) {
        with_marks[place.text] = place.mark;
    }
    ChatTokens result;
    result.text = chat.render(with_marks);
    sortAsShown(places, mark_begin, result.text);
    std::string_view rest = result.text;
    for (const Place& place : places) {
        const std::size_t at = rest.find(place.mark);
        append(result.tokens, chat.encode(rest.substr(0, at), SpecialTokens::Parse));
        append(result.tokens, place.tokens);
        rest.remove_prefix(at + place.mark.size());
        dropRepeatedEnd(chat, place.tokens, rest);
    }
    append(result.tokens, chat.encode(rest, SpecialTokens::Parse));
    return result;
}

TokenIds chatTokens(const ChatTemplate& chat_template, const Tokenizer& tokenizer, const nlohmann::json& messages,
                    const std::vector<SampledMessage>& sampled, bool add_generation_prompt) {
    const ChatText chat{
        [&](const nlohmann::json& marked) { return chat_template.render(marked, nullptr, add_generation_prompt); },
        [&](std::string_view text, SpecialTokens special) { return tokenizer.encode(text, special); },
        [&](TokenId id) { return tokenizer.isSpecial(id); },
        [&](TokenId id) { return std::string_view(tokenizer.bytesOf(id)); }};
    return chatTokens(chat, messages, sampled).tokens;
}

} // namespace fulgurite
