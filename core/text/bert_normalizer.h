// SPDX-License-Identifier: Apache-2.0
// How BERT's tokenizers prepare text: the BertNormalizer and BertPreTokenizer of Hugging Face tokenizers.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace fulgurite {

struct BertNormalization {
    bool clean_text = true;           // control characters go, every space becomes U+0020
    bool handle_chinese_chars = true; // spaces around CJK ideographs, so that each is a word
    bool strip_accents = true;        // canonical decomposition without its nonspacing marks
    bool lowercase = true;            // character by character, without the context of a final sigma
};

// `text` must be valid UTF-8.
std::string normalizeForBert(std::string_view text, const BertNormalization& options);

// Calls onWord for each run between spaces; every punctuation character is a word of its own.
void forBertWords(std::string_view text, const std::function<void(std::string_view)>& onWord);

} // namespace fulgurite
