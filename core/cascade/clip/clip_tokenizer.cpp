// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/clip/clip_tokenizer.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/utf8.h"
#include "core/text/byte_alphabet.h"
#include "core/text/nfc.h"
#include "core/text/tokenizer_json.h"
#include "core/text/unicode_classes.h"

#include <algorithm>
#include <unordered_map>
#include <utf8proc.h>

namespace fulgurite::clip {

namespace {

constexpr std::string_view kWordEnd = "</w>";
constexpr std::int64_t kMostTokens = 1 << 24;
constexpr std::size_t kMostFileBytes = std::size_t{64} << 20;

using Ids = std::unordered_map<std::string, TokenId>;

Ids idsOf(const ClipVocabulary& vocabulary, const std::string& name) {
    Ids ids;
    for (const auto* list : {&vocabulary.tokens, &vocabulary.specials}) {
        for (const auto& [spelling, id] : *list) {
            if (id < 0 || id >= kMostTokens) {
                fail(ErrorKind::Corrupt, "{}: token '{}' has the id {}", name, spelling, id);
            }
            ids.insert_or_assign(spelling, static_cast<TokenId>(id));
        }
    }
    return ids;
}

TokenId idOf(const Ids& ids, const std::string& spelling, const std::string& name) {
    const auto found = ids.find(spelling);
    if (found == ids.end()) {
        fail(ErrorKind::Corrupt, "{}: the vocabulary has no token '{}'; is it a CLIP tokenizer?", name, spelling);
    }
    return found->second;
}

// Character by character, as the reference does: no rule for the sigma at a word's end.
void appendLower(char32_t code, std::string& out) {
    constexpr char32_t kDottedCapitalI = 0x130; // the one character whose lower case is two
    if (code == kDottedCapitalI) {
        out += "i\u0307";
    } else {
        appendUtf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
    }
}

std::string normalised(std::string_view text) {
    std::string buffer;
    const std::string_view nfc = toNfc(text, buffer);
    std::string lower;
    for (std::size_t i = 0; i < nfc.size();) {
        const Utf8Char c = decodeUtf8(nfc.data() + i);
        appendLower(c.code, lower);
        i += c.length;
    }
    return lower;
}

// 's 't 're 've 'm 'll 'd at `at`, or 0.
std::size_t endingLength(std::string_view text, std::size_t at) {
    for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
        if (text.substr(at, ending.size()) == ending) {
            return ending.size();
        }
    }
    return 0;
}

// The end of the word at `at`, which is no white space.
std::size_t wordEnd(std::string_view text, std::size_t at) {
    if (const std::size_t length = endingLength(text, at); length > 0) {
        return at + length;
    }
    const UnicodeClasses& classes = UnicodeClasses::get();
    const auto kindAt = [&](std::size_t position) { return classes.of(decodeUtf8(text.data() + position).code); };
    const std::uint8_t first = kindAt(at);
    std::size_t end = at + decodeUtf8(text.data() + at).length;
    if ((first & kNumber) != 0) {
        return end;
    }
    const bool letters = (first & kLetter) != 0;
    const auto continues = [&](std::uint8_t kind) {
        return letters ? (kind & kLetter) != 0 : (kind & (kLetter | kNumber | kSpace)) == 0;
    };
    while (end < text.size() && continues(kindAt(end))) {
        end += decodeUtf8(text.data() + end).length;
    }
    return end;
}

std::vector<std::pair<std::string, std::string>> readMerges(std::string_view text, const std::string& name) {
    std::vector<std::pair<std::string, std::string>> merges;
    std::size_t line_number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
        }
        ++line_number;
        if (line.empty() || (line_number == 1 && line.substr(0, 8) == "#version")) {
            continue;
        }
        const std::size_t space = line.find(' ');
        if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
            fail(ErrorKind::Corrupt, "{}: line {} of the merges is not two symbols", name, line_number);
        }
        merges.emplace_back(line.substr(0, space), line.substr(space + 1));
    }
    return merges;
}

} // namespace

ClipTokenizer::ClipTokenizer(const ClipVocabulary& vocabulary, const std::string& name)
    : merges_(vocabulary.merges.size()), begin_text_("<|startoftext|>"), end_text_("<|endoftext|>") {
    const Ids ids = idsOf(vocabulary, name);
    for (const auto& [spelling, id] : ids) {
        size_ = std::max(size_, static_cast<std::size_t>(id) + 1);
    }
    begin_ = idOf(ids, begin_text_, name);
    end_ = idOf(ids, end_text_, name);
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const std::string symbol = spellingOfBytes({&c, 1});
        bytes_[byte] = idOf(ids, symbol, name);
        last_bytes_[byte] = idOf(ids, symbol + std::string(kWordEnd), name);
    }
    for (const auto& [left, right] : vocabulary.merges) {
        merges_.append({idOf(ids, left, name), idOf(ids, right, name), idOf(ids, left + right, name)});
    }
}

ClipTokenizer ClipTokenizer::fromJson(std::string_view tokenizer_json, const std::string& name) {
    TokenizerJson parsed = parseTokenizerJson(tokenizer_json, name);
    const JsonField root(parsed.rest, name, ErrorKind::Corrupt);
    const JsonField model = root["model"];
    if (model.string("end_of_word_suffix", "") != kWordEnd) {
        fail(ErrorKind::Unsupported, "{}: model.end_of_word_suffix is not '{}': not a CLIP tokenizer", name,
             kWordEnd);
    }
    ClipVocabulary vocabulary{std::move(parsed.vocab), std::move(parsed.merges), {}};
    if (root.has("added_tokens")) {
        const JsonField added = root["added_tokens"];
        for (std::size_t i = 0; i < added.size(); ++i) {
            vocabulary.specials.emplace_back(added.at(i)["content"].string(),
                                             added.at(i)["id"].integer(0, kMostTokens));
        }
    }
    return {vocabulary, name};
}

ClipTokenizer ClipTokenizer::fromFiles(std::string_view vocab_json, std::string_view merges_txt,
                                       const std::string& name) {
    const nlohmann::json table = parseJson(vocab_json, name);
    const JsonField root(table, name, ErrorKind::Corrupt);
    root.expect(table.is_object(), "an object of tokens");
    ClipVocabulary vocabulary;
    for (const auto& [spelling, id] : table.items()) {
        vocabulary.tokens.emplace_back(spelling, root[spelling.c_str()].integer(0, kMostTokens));
    }
    vocabulary.merges = readMerges(merges_txt, name);
    return {vocabulary, name};
}

ClipTokenizer ClipTokenizer::load(const std::filesystem::path& folder) {
    const auto read = [&](const char* file) { return readTextFile(folder / file, kMostFileBytes); };
    if (std::filesystem::exists(folder / "tokenizer.json")) {
        return fromJson(read("tokenizer.json"), (folder / "tokenizer.json").string());
    }
    if (std::filesystem::exists(folder / "vocab.json") && std::filesystem::exists(folder / "merges.txt")) {
        return fromFiles(read("vocab.json"), read("merges.txt"), (folder / "vocab.json").string());
    }
    fail(ErrorKind::NotFound, "{}: neither tokenizer.json nor vocab.json and merges.txt: the tokenizer is missing",
         folder.string());
}

void ClipTokenizer::appendWord(std::string_view word, TokenIds& out) const {
    const std::size_t start = out.size();
    for (const char c : word) {
        out.push_back(bytes_[static_cast<unsigned char>(c)]);
    }
    out.back() = last_bytes_[static_cast<unsigned char>(word.back())];
    const std::size_t left = mergePairs(merges_, std::span(out).subspan(start));
    out.resize(start + left);
}

void ClipTokenizer::appendPlain(std::string_view text, TokenIds& out) const {
    const std::string normal = normalised(text);
    const UnicodeClasses& classes = UnicodeClasses::get();
    for (std::size_t at = 0; at < normal.size();) {
        const Utf8Char c = decodeUtf8(normal.data() + at);
        if ((classes.of(c.code) & kSpace) != 0) {
            at += c.length;
            continue;
        }
        const std::size_t end = wordEnd(normal, at);
        appendWord(std::string_view(normal).substr(at, end - at), out);
        at = end;
    }
}

TokenIds ClipTokenizer::encode(std::string_view text, std::size_t longest) const {
    requireUtf8(text, "text");
    TokenIds ids{begin_};
    while (!text.empty()) {
        const std::size_t begin = text.find(begin_text_);
        const std::size_t end = text.find(end_text_);
        const std::size_t marker = std::min({begin, end, text.size()});
        appendPlain(text.substr(0, marker), ids);
        if (marker == text.size()) {
            break;
        }
        ids.push_back(marker == begin ? begin_ : end_);
        text.remove_prefix(marker + (marker == begin ? begin_text_.size() : end_text_.size()));
    }
    ids.resize(std::min(ids.size(), std::max<std::size_t>(longest, 2) - 1));
    ids.push_back(end_);
    return ids;
}

} // namespace fulgurite::clip
