// SPDX-License-Identifier: Apache-2.0
#include "core/text/wordpiece.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/utf8.h"
#include "core/text/wordpiece_file.h"

#include <algorithm>

namespace fulgurite {

struct WordPiece::Tables {
    explicit Tables(WordPieceFile content) : file(std::move(content)) {
        for (const AddedToken& token : file.added) {
            (token.normalized ? after_normalisation : before_normalisation).add(token.content, token.id);
        }
    }
    WordPieceFile file;
    AddedTokenMatcher before_normalisation;
    AddedTokenMatcher after_normalisation;
};

namespace {

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Appends the pieces of one word; the whole word is unknown when any part of it is.
void addWord(const WordPieceFile& file, std::string_view word, TokenIds& ids, std::string& spelling) {
    const std::size_t before = ids.size();
    if (characters(word) > file.longest_word) {
        ids.push_back(file.unknown);
        return;
    }
    while (!word.empty()) {
        const bool first = ids.size() == before;
        std::size_t length = word.size();
        std::optional<TokenId> found;
        while (length > 0) {
            spelling.assign(first ? "" : file.continuation).append(word.substr(0, length));
            found = file.vocabulary.find(spelling);
            if (found) {
                break;
            }
            length = lastCharacter(word.substr(0, length));
        }
        if (!found) {
            ids.resize(before);
            ids.push_back(file.unknown);
            return;
        }
        ids.push_back(*found);
        word.remove_prefix(length);
    }
}

} // namespace

std::shared_ptr<const WordPiece> WordPiece::load(const std::filesystem::path& folder) {
    const std::filesystem::path json = folder / "tokenizer.json";
    std::error_code ignored;
    if (std::filesystem::exists(json, ignored)) {
        return parse(readTextFile(json), json.string());
    }
    bool lowercase = true;
    const std::filesystem::path config = folder / "tokenizer_config.json";
    if (std::filesystem::exists(config, ignored)) {
        const nlohmann::json value = parseJson(readTextFile(config), config.string());
        lowercase = JsonField(value, config.string(), ErrorKind::Corrupt).boolean("do_lower_case", true);
    }
    const std::filesystem::path vocabulary = folder / "vocab.txt";
    return fromVocabulary(readTextFile(vocabulary), lowercase, vocabulary.string());
}

std::shared_ptr<const WordPiece> WordPiece::parse(std::string_view json_text, const std::string& name) {
    return std::shared_ptr<const WordPiece>(
        new WordPiece(std::make_unique<const Tables>(readWordPieceJson(json_text, name))));
}

std::shared_ptr<const WordPiece> WordPiece::fromVocabulary(std::string_view vocabulary, bool lowercase,
                                                           const std::string& name) {
    return std::shared_ptr<const WordPiece>(
        new WordPiece(std::make_unique<const Tables>(readWordPieceVocabulary(vocabulary, lowercase, name))));
}

WordPiece::WordPiece(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
WordPiece::~WordPiece() = default;

WordPiece::Encoding WordPiece::encode(std::string_view text, std::size_t limit) const {
    requireUtf8(text, "text to embed");
    const WordPieceFile& file = tables_->file;
    Encoding encoding{.ids = file.before};
    TokenIds& ids = encoding.ids;
    std::string spelling;
    const auto onToken = [&](TokenId id) { ids.push_back(id); };
    cutAround(tables_->before_normalisation, text, onToken, [&](std::string_view part) {
        const std::string normal = normalizeForBert(part, file.normalization);
        cutAround(tables_->after_normalisation, normal, onToken, [&](std::string_view plain) {
            forBertWords(plain, [&](std::string_view word) { addWord(file, word, ids, spelling); });
        });
    });
    encoding.total = ids.size() + file.after.size();
    const std::size_t around = file.before.size() + file.after.size();
    if (encoding.total > limit) {
        ids.resize(std::max(limit, around) - file.after.size());
    }
    ids.insert(ids.end(), file.after.begin(), file.after.end());
    return encoding;
}

std::size_t WordPiece::size() const {
    return tables_->file.vocabulary.size();
}

} // namespace fulgurite
