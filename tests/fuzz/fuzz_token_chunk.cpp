// SPDX-License-Identifier: Apache-2.0
// Any bytes as a chunk of tokens in a workspace file: an Error, or tokens that are written the same way again.
#include "core/base/error.h"
#include "core/store/token_codec.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    if (size == 0)
        return 0;
    // The first byte says where the second part begins.
    const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
    const std::size_t cut = bytes.size() * data[0] / 256;
    try {
        std::vector<TokenInfo> tokens = decodeTokens(bytes.first(cut), "fuzz");
        decodeAlternatives(bytes.subspan(cut), tokens, "fuzz");
        const TokenChunkBytes again = encodeTokens(tokens);
        std::vector<TokenInfo> back = decodeTokens(again.tokens, "fuzz");
        decodeAlternatives(again.alternatives, back, "fuzz");
        // Bytes, not values: a NaN differs from itself.
        const TokenChunkBytes third = encodeTokens(back);
        if (third.tokens != again.tokens || third.alternatives != again.alternatives)
            std::abort();
    } catch (const Error&) {
        return 0;
    }
    return 0;
}
