// SPDX-License-Identifier: Apache-2.0
// Any bytes as tokenizer.json: an Error or a tokenizer that gives texts back.
#include "core/base/error.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    std::shared_ptr<const Tokenizer> tokenizer;
    try {
        tokenizer = Tokenizer::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
    } catch (const Error&) {
        return 0;
    }
    const std::string text = "The answer: 42, naïve 你好!\n  <end_of_sentence>\t<pad>";
    for (const SpecialTokens special : {SpecialTokens::Parse, SpecialTokens::AsText}) {
        if (tokenizer->decode(tokenizer->encode(text, special)) != text) {
            std::abort();
        }
    }
    return 0;
}
