// SPDX-License-Identifier: Apache-2.0
#include "core/text/byte_alphabet.h"

#include "core/base/utf8.h"

#include <array>

namespace fulgurite {
namespace {

constexpr char32_t kLetterCodes = 256 + 68; // 68 bytes have no printable character of their own

struct Alphabet {
    std::array<char32_t, 256> code_of{};
    std::array<int, kLetterCodes> byte_of{};
};

const Alphabet& alphabet() {
    static const Alphabet instance = [] {
        Alphabet made;
        made.byte_of.fill(-1);
        char32_t spare = 256;
        for (int byte = 0; byte < 256; ++byte) {
            const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
            const char32_t code = printable ? static_cast<char32_t>(byte) : spare++;
            made.code_of[static_cast<std::size_t>(byte)] = code;
            made.byte_of[code] = byte;
        }
        return made;
    }();
    return instance;
}

} // namespace

std::optional<std::string> bytesOfSpelling(std::string_view spelling) {
    const Alphabet& letters = alphabet();
    std::string bytes;
    bytes.reserve(spelling.size());
    for (std::size_t at = 0; at < spelling.size();) {
        const Utf8Char next = decodeUtf8(spelling.data() + at);
        if (next.code >= kLetterCodes || letters.byte_of[next.code] < 0) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<char>(letters.byte_of[next.code]));
        at += next.length;
    }
    return bytes;
}

std::string spellingOfBytes(std::string_view bytes) {
    std::string spelling;
    for (const char c : bytes) {
        appendUtf8(spelling, alphabet().code_of[static_cast<unsigned char>(c)]);
    }
    return spelling;
}

} // namespace fulgurite
