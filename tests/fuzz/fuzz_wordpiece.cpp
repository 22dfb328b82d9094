// SPDX-License-Identifier: Apache-2.0
// A WordPiece tokenizer file, and text through the one of the fixtures.
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/text/wordpiece.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (const bool json : {true, false}) {
        try {
            const auto tokenizer = json ? WordPiece::parse(input, "tokenizer.json")
                                        : WordPiece::fromVocabulary(input, true, "vocab.txt");
            tokenizer->encode("Some text, with [MASK] and caf\xC3\xA9.", 16);
        } catch (const Error&) {
        }
    }
    static const auto fixture = WordPiece::load(std::string(FULGURITE_SOURCE_DIR) + "/tests/data/encoder/bert");
    const std::string text = replaceInvalidUtf8(input);
    const WordPiece::Encoding whole = fixture->encode(text, SIZE_MAX);
    const WordPiece::Encoding cut = fixture->encode(text, 8);
    if (whole.ids.size() != whole.total || cut.total != whole.total || cut.ids.size() > 8) {
        std::abort();
    }
    for (const TokenId id : whole.ids) {
        if (id < 0 || static_cast<std::size_t>(id) >= fixture->size()) {
            std::abort();
        }
    }
    return 0;
}
