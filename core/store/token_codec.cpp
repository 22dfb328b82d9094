// SPDX-License-Identifier: Apache-2.0
#include "core/store/token_codec.h"

#include "core/base/error.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>

namespace fulgurite {

namespace {

constexpr std::uint64_t format_version = 1;
constexpr unsigned channel_bits = 0x3;
constexpr unsigned forced_bit = 0x4;

class ByteWriter {
  public:
    void number(std::uint64_t value) {
        while (value >= 0x80) {
            bytes_.push_back(static_cast<std::byte>(value | 0x80));
            value >>= 7;
        }
        bytes_.push_back(static_cast<std::byte>(value));
    }
    void real(float value) {
        const auto bits = std::bit_cast<std::uint32_t>(value);
        for (int shift = 0; shift < 32; shift += 8)
            bytes_.push_back(static_cast<std::byte>(bits >> shift));
    }
    void text(const std::string& value) {
        number(value.size());
        const auto* data = reinterpret_cast<const std::byte*>(value.data());
        bytes_.insert(bytes_.end(), data, data + value.size());
    }
    std::vector<std::byte> take() { return std::move(bytes_); }

  private:
    std::vector<std::byte> bytes_;
};

class ByteReader {
  public:
    ByteReader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<std::uint64_t>(take(1)[0]);
            value |= (byte & 0x7f) << shift;
            if (byte < 0x80)
                return value;
        }
        broken("a number is too long");
    }
    int count() {
        const std::uint64_t value = number();
        if (value > 0x7fffffff)
            broken("a count is too large");
        return static_cast<int>(value);
    }
    float real() {
        const auto raw = take(4);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 4; ++i)
            bits |= static_cast<std::uint32_t>(raw[i]) << (8 * i);
        return std::bit_cast<float>(bits);
    }
    std::string text() {
        const auto raw = take(number());
        return {reinterpret_cast<const char*>(raw.data()), raw.size()};
    }
    void version() {
        if (const std::uint64_t found = number(); found != format_version)
            broken(fmt::format("token format {} is unknown", found));
    }
    // Items of at least one byte each: bounds what a forged count can make us allocate.
    std::size_t items() {
        const std::uint64_t value = number();
        if (value > bytes_.size() - at_)
            broken("a count is larger than the data");
        return static_cast<std::size_t>(value);
    }
    void end() const {
        if (at_ != bytes_.size())
            broken("bytes are left over");
    }
    [[noreturn]] void broken(const std::string& what) const {
        fail(ErrorKind::Corrupt, "{}: damaged token data at byte {}: {}", where_, at_, what);
    }

  private:
    std::span<const std::byte> take(std::uint64_t size) {
        if (size > bytes_.size() - at_)
            broken("it ends too early");
        const auto result = bytes_.subspan(at_, static_cast<std::size_t>(size));
        at_ += static_cast<std::size_t>(size);
        return result;
    }

    std::span<const std::byte> bytes_;
    const std::string& where_;
    std::size_t at_ = 0;
};

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
    reader.version();
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
    reader.version();
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
