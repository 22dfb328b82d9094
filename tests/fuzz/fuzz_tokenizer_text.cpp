// SPDX-License-Identifier: Apache-2.0
// Any bytes as text: an Error, or ids that give the normalised text back, streamed or not.
#include "core/base/error.h"
#include "core/text/nfc.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <cstdlib>

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    static const auto tokenizer = Tokenizer::load(FULGURITE_SOURCE_DIR "/tests/data/tokenizer_small");
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    TokenIds ids;
    try {
        ids = tokenizer->encode(text, SpecialTokens::AsText);
    } catch (const Error&) {
        return 0;
    }
    std::string buffer;
    std::string again;
    const std::string normal(toNfc(text, buffer));
    require(toNfc(normal, again) == normal);
    require(tokenizer->decode(ids) == normal);
    StreamDecoder stream(tokenizer, true);
    std::string streamed;
    for (const TokenId id : tokenizer->encode(text)) {
        streamed += stream.push(id);
    }
    streamed += stream.flush();
    require(streamed == tokenizer->decode(tokenizer->encode(text)));
    return 0;
}
