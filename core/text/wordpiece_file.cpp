// SPDX-License-Identifier: Apache-2.0
#include "core/text/wordpiece_file.h"

#include "core/base/error.h"
#include "core/base/json_field.h"
#include "core/base/utf8.h"
#include "core/text/tokenizer_json.h"

#include <algorithm>

namespace fulgurite {
namespace {

constexpr std::int64_t kMostTokens = 8'000'000;

// Tokens in any order as a table by id. Added tokens may repeat what the model's table says, not contradict it.
class TokenTable {
  public:
    explicit TokenTable(std::string name) : name_(std::move(name)) {}

    void add(std::string token, std::int64_t id, bool may_repeat) {
        if (id < 0 || id >= kMostTokens) {
            fail(ErrorKind::Corrupt, "{}: token '{}' has id {}, expected 0 to {}", name_, token, id,
                 kMostTokens - 1);
        }
        const auto at = static_cast<std::size_t>(id);
        if (at >= tokens_.size()) {
            tokens_.resize(at + 1);
            known_.resize(at + 1, false);
        }
        if (known_[at] && !(may_repeat && tokens_[at] == token)) {
            fail(ErrorKind::Corrupt, "{}: '{}' and '{}' have the same id {}", name_, tokens_[at], token, id);
        }
        tokens_[at] = std::move(token);
        known_[at] = true;
    }

    Vocabulary build() const {
        if (tokens_.empty()) {
            fail(ErrorKind::Corrupt, "{}: the vocabulary is empty", name_);
        }
        return Vocabulary(tokens_, known_, name_);
    }

  private:
    std::string name_;
    std::vector<std::string> tokens_;
    std::vector<bool> known_;
};

TokenId idOf(const Vocabulary& vocabulary, std::string_view token, const std::string& name) {
    const auto id = vocabulary.find(token);
    if (!id) {
        fail(ErrorKind::Corrupt, "{}: the vocabulary has no '{}'", name, token);
    }
    return *id;
}

void requireType(const JsonField& field, std::string_view wanted) {
    const std::string& type = field["type"].string();
    if (type != wanted) {
        fail(ErrorKind::Unsupported, "{} is {}; encoders need {}", field.path(), type, wanted);
    }
}

BertNormalization readNormalization(const JsonField& root) {
    BertNormalization result;
    if (!root.has("normalizer")) {
        return {.clean_text = false, .handle_chinese_chars = false, .strip_accents = false, .lowercase = false};
    }
    const JsonField field = root["normalizer"];
    requireType(field, "BertNormalizer");
    result.clean_text = field.boolean("clean_text", true);
    result.handle_chinese_chars = field.boolean("handle_chinese_chars", true);
    result.lowercase = field.boolean("lowercase", true);
    result.strip_accents = field.boolean("strip_accents", result.lowercase);
    return result;
}

std::vector<AddedToken> readAdded(const JsonField& root, TokenTable& table) {
    std::vector<AddedToken> added;
    if (!root.has("added_tokens")) {
        return added;
    }
    const JsonField list = root["added_tokens"];
    for (std::size_t i = 0; i < list.size(); ++i) {
        const JsonField entry = list.at(i);
        for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
            if (entry.boolean(flag, false)) {
                fail(ErrorKind::Unsupported, "{}: {} is not supported", entry.path(), flag);
            }
        }
        AddedToken token;
        token.id = static_cast<TokenId>(entry["id"].integer(0, kMostTokens - 1));
        token.content = entry["content"].string();
        entry["content"].expect(!token.content.empty(), "a text that is not empty");
        token.special = entry.boolean("special", false);
        token.normalized = entry.boolean("normalized", !token.special);
        table.add(token.content, token.id, true);
        added.push_back(std::move(token));
    }
    return added;
}

// TemplateProcessing: the special tokens before and after the sequence of a single text.
void readTemplate(const JsonField& field, WordPieceFile& file, const std::string& name) {
    bool passed = false;
    const JsonField single = field["single"];
    for (std::size_t i = 0; i < single.size(); ++i) {
        const JsonField part = single.at(i);
        if (part.has("Sequence")) {
            passed = true;
            continue;
        }
        const std::string& token = part["SpecialToken"]["id"].string();
        (passed ? file.after : file.before).push_back(idOf(file.vocabulary, token, name));
    }
}

void readPostProcessor(const JsonField& root, WordPieceFile& file, const std::string& name) {
    if (!root.has("post_processor")) {
        return;
    }
    const JsonField field = root["post_processor"];
    const std::string& type = field["type"].string();
    if (type == "TemplateProcessing") {
        readTemplate(field, file, name);
    } else if (type == "BertProcessing") {
        file.before.push_back(idOf(file.vocabulary, field["cls"].at(0).string(), name));
        file.after.push_back(idOf(file.vocabulary, field["sep"].at(0).string(), name));
    } else {
        fail(ErrorKind::Unsupported, "{} is {}; encoders need TemplateProcessing or BertProcessing", field.path(),
             type);
    }
}

} // namespace

WordPieceFile readWordPieceJson(std::string_view json_text, const std::string& name) {
    TokenizerJson json = parseTokenizerJson(json_text, name);
    const JsonField root(json.rest, name, ErrorKind::Corrupt);
    const JsonField model = root["model"];
    requireType(model, "WordPiece");
    if (root.has("pre_tokenizer")) {
        requireType(root["pre_tokenizer"], "BertPreTokenizer");
    }
    TokenTable table(name);
    for (auto& [token, id] : json.vocab) {
        table.add(std::move(token), id, false);
    }
    std::vector<AddedToken> added = readAdded(root, table);
    WordPieceFile file{.vocabulary = table.build(), .added = std::move(added)};
    file.unknown = idOf(file.vocabulary, model.string("unk_token", "[UNK]"), name);
    file.continuation = model.string("continuing_subword_prefix", "##");
    file.longest_word = model.count("max_input_chars_per_word", 100);
    file.normalization = readNormalization(root);
    readPostProcessor(root, file, name);
    return file;
}

WordPieceFile readWordPieceVocabulary(std::string_view vocabulary, bool lowercase, const std::string& name) {
    requireUtf8(vocabulary, name);
    TokenTable table(name);
    std::int64_t id = 0;
    while (!vocabulary.empty()) {
        const std::size_t end = std::min(vocabulary.find('\n'), vocabulary.size());
        std::string_view line = vocabulary.substr(0, end);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        table.add(std::string(line), id++, false);
        vocabulary.remove_prefix(std::min(end + 1, vocabulary.size()));
    }
    WordPieceFile file{.vocabulary = table.build(), .added = {}};
    for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
        file.added.push_back({.id = idOf(file.vocabulary, token, name), .content = token, .special = true});
    }
    file.unknown = idOf(file.vocabulary, "[UNK]", name);
    file.normalization.lowercase = lowercase;
    file.normalization.strip_accents = lowercase;
    file.before = {idOf(file.vocabulary, "[CLS]", name)};
    file.after = {idOf(file.vocabulary, "[SEP]", name)};
    return file;
}

} // namespace fulgurite
