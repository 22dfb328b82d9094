// SPDX-License-Identifier: Apache-2.0
#include "core/store/token_codec.h"

#include "core/store/byte_codec.h"

#include <map>

namespace fulgurite {

namespace {

constexpr std::uint64_t format_version = 1;
constexpr unsigned channel_bits = 0x3;
constexpr unsigned forced_bit = 0x4;

// Each distinct token text once for the chunk: alternatives repeat themselves from token to token.
std::map<TokenId, std::string> dictionaryOf(std::span<const TokenInfo> tokens) {
    std::map<TokenId, std::string> texts;
    for (const TokenInfo& token : tokens)
        for (const auto* list : {&token.before, &token.after})
            for (const Candidate& choice : *list)
                texts.try_emplace(choice.id, choice.text);
    return texts;
}

} // namespace

TokenChunkBytes encodeTokens(std::span<const TokenInfo> tokens) {
    ByteWriter summary;
    summary.number(format_version);
    summary.number(tokens.size());
    for (const TokenInfo& token : tokens) {
        summary.number(static_cast<std::uint32_t>(token.id));
        summary.number(static_cast<unsigned>(token.channel) | (token.forced ? forced_bit : 0));
        summary.text(token.text);
        summary.real(token.logprob);
        summary.real(token.logprob_after);
        summary.number(static_cast<std::uint32_t>(token.rank));
        summary.real(token.entropy);
        summary.number(static_cast<std::uint32_t>(token.kept));
        summary.real(token.kept_mass);
    }
    ByteWriter choices;
    choices.number(format_version);
    const std::map<TokenId, std::string> dictionary = dictionaryOf(tokens);
    choices.number(dictionary.size());
    for (const auto& [id, text] : dictionary) {
        choices.number(static_cast<std::uint32_t>(id));
        choices.text(text);
    }
    for (const TokenInfo& token : tokens)
        for (const auto* list : {&token.before, &token.after}) {
            choices.number(list->size());
            for (const Candidate& choice : *list) {
                choices.number(static_cast<std::uint32_t>(choice.id));
                choices.real(choice.logprob);
            }
        }
    return {summary.take(), choices.take()};
}

std::vector<TokenInfo> decodeTokens(std::span<const std::byte> tokens, const std::string& where) {
    ByteReader reader(tokens, where);
    reader.version(format_version);
    std::vector<TokenInfo> result(reader.items());
    for (TokenInfo& token : result) {
        token.id = reader.count();
        const auto flags = static_cast<unsigned>(reader.count());
        if (flags > (channel_bits | forced_bit) || (flags & channel_bits) > 2)
            reader.broken("unknown flags");
        token.channel = static_cast<StreamChannel>(flags & channel_bits);
        token.forced = (flags & forced_bit) != 0;
        token.text = reader.text();
        token.logprob = reader.real();
        token.logprob_after = reader.real();
        token.rank = reader.count();
        token.entropy = reader.real();
        token.kept = reader.count();
        token.kept_mass = reader.real();
    }
    reader.end();
    return result;
}

void decodeAlternatives(std::span<const std::byte> alternatives, std::span<TokenInfo> tokens,
                        const std::string& where) {
    ByteReader reader(alternatives, where);
    reader.version(format_version);
    std::map<TokenId, std::string> dictionary;
    for (std::size_t left = reader.items(); left > 0; --left) {
        const TokenId id = reader.count();
        dictionary[id] = reader.text();
    }
    for (TokenInfo& token : tokens)
        for (auto* list : {&token.before, &token.after}) {
            list->resize(reader.items());
            for (Candidate& choice : *list) {
                choice.id = reader.count();
                choice.logprob = reader.real();
                const auto text = dictionary.find(choice.id);
                if (text == dictionary.end())
                    reader.broken("an alternative has no text");
                choice.text = text->second;
            }
        }
    reader.end();
}

} // namespace fulgurite
