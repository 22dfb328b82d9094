// SPDX-License-Identifier: Apache-2.0
#include "core/generate/chat_tokens.h"

#include "core/base/json.h"

#include <algorithm>
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

// Private-use characters that no message holds: a template copies them as they are.
void mark(std::vector<Place>& places, const nlohmann::json& messages) {
    if (places.empty()) {
        return;
    }
    const std::string all = dumpJson(messages);
    std::string edge = "\xee\x83\xb0";
    while (all.find(edge) != std::string::npos) {
        edge += "\xee\x83\xb0";
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
        places[i].mark = edge + std::to_string(i) + edge;
    }
}

// A template may show messages in another order than theirs: MiniMax-M1's begins with all of the system's.
void sortAsShown(std::vector<Place>& places, std::string_view shown) {
    std::vector<std::pair<std::size_t, Place>> found;
    for (Place& place : places) {
        const std::size_t at = shown.find(place.mark);
        if (at == std::string_view::npos || shown.find(place.mark, at + 1) != std::string_view::npos) {
            throw UnplacedMessage(place.message,
                                  fmt::format("the model's chat template does not show message {} as it "
                                              "is, so its tokens cannot be put in",
                                              place.message));
        }
        found.emplace_back(at, std::move(place));
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    places.clear();
    for (auto& [at, place] : found) {
        places.push_back(std::move(place));
    }
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
    mark(places, messages);
    nlohmann::json with_marks = messages;
    for (const Place& place : places) {
        with_marks[place.text] = place.mark;
    }
    ChatTokens result;
    result.text = chat.render(with_marks);
    sortAsShown(places, result.text);
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
