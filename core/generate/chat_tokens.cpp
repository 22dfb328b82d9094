// SPDX-License-Identifier: Apache-2.0
#include "core/generate/chat_tokens.h"

#include "core/base/error.h"

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

} // namespace

TokenIds chatTokens(const ChatTemplate& chat_template, const Tokenizer& tokenizer, const nlohmann::json& messages,
                    const std::vector<SampledMessage>& sampled, bool add_generation_prompt) {
    nlohmann::json with_places = messages;
    for (const SampledMessage& message : sampled) {
        with_places.at(message.index)["content"] = placeholder(message.index);
    }
    const std::string text = chat_template.render(with_places, nullptr, add_generation_prompt);
    std::string_view rest = text;
    TokenIds tokens;
    for (const SampledMessage& message : sampled) {
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
