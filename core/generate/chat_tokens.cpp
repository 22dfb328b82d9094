// SPDX-License-Identifier: Apache-2.0
#include "core/generate/chat_tokens.h"

#include "core/base/error.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace fulgurite {

namespace {

// A private-use character and a number: a template copies it as it is, and no message is likely to hold it.
std::string placeholder(std::size_t index) {
    return fmt::format("\xee\x83\xb0{}\xee\x83\xb0", index);
}

void append(TokenIds& tokens, const TokenIds& more) {
    tokens.insert(tokens.end(), more.begin(), more.end());
}

// The model drew its end of sentence and the template writes one: once is enough.
void dropRepeatedEnd(const Tokenizer& tokenizer, TokenId last, std::string_view& rest) {
    const std::string_view spelling = tokenizer.bytesOf(last);
    if (tokenizer.isSpecial(last) && rest.starts_with(spelling)) {
        rest.remove_prefix(spelling.size());
    }
}

// Messages whose tokens are put in as they are: sampled ones, and texts that spell out a special token. What a
// person types must not become the end of their turn.
std::vector<SampledMessage> placed(const Tokenizer& tokenizer, const nlohmann::json& messages,
                                   const std::vector<SampledMessage>& sampled) {
    std::vector<SampledMessage> result;
    auto next = sampled.begin();
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (next != sampled.end() && next->index == i) {
            result.push_back(*next++);
            continue;
        }
        const auto content = messages[i].find("content");
        if (content == messages[i].end() || !content->is_string()) {
            continue;
        }
        const std::string& text = content->get_ref<const std::string&>();
        const TokenIds parsed = tokenizer.encode(text, SpecialTokens::Parse);
        if (std::any_of(parsed.begin(), parsed.end(), [&](TokenId id) { return tokenizer.isSpecial(id); })) {
            result.push_back({i, tokenizer.encode(text, SpecialTokens::AsText)});
        }
    }
    return result;
}

} // namespace

TokenIds chatTokens(const ChatTemplate& chat_template, const Tokenizer& tokenizer, const nlohmann::json& messages,
                    const std::vector<SampledMessage>& sampled, bool add_generation_prompt) {
    const std::vector<SampledMessage> places = placed(tokenizer, messages, sampled);
    nlohmann::json with_places = messages;
    for (const SampledMessage& message : places) {
        with_places.at(message.index)["content"] = placeholder(message.index);
    }
    const std::string text = chat_template.render(with_places, nullptr, add_generation_prompt);
    std::string_view rest = text;
    TokenIds tokens;
    for (const SampledMessage& message : places) {
        const std::string place = placeholder(message.index);
        const std::size_t at = rest.find(place);
        if (at == std::string_view::npos) {
            fail(ErrorKind::InvalidInput, "the chat template leaves out message {}", message.index);
        }
        append(tokens, tokenizer.encode(rest.substr(0, at)));
        append(tokens, message.tokens);
        rest.remove_prefix(at + place.size());
        if (!message.tokens.empty()) {
            dropRepeatedEnd(tokenizer, message.tokens.back(), rest);
        }
    }
    append(tokens, tokenizer.encode(rest));
    return tokens;
}

} // namespace fulgurite
