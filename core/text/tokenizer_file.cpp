// SPDX-License-Identifier: Apache-2.0
#include "core/text/tokenizer_file.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/text/byte_alphabet.h"
#include "core/text/pretokenizer.h"
#include "core/text/tokenizer_json.h"

#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace fulgurite {
namespace {

constexpr std::int64_t kMaxId = (1 << 24) - 1;

std::string typeOf(const JsonField& part) {
    return part.at("type").string();
}

[[noreturn]] void unsupported(const JsonField& part, std::string_view what) {
    fail(ErrorKind::Unsupported,
         "{}: {} is not supported; this program reads byte-level BPE as MiniMax publishes it", part.path(), what);
}

// Null, {"type": "NFC"} or a sequence of nothing else.
bool readNormalizer(const JsonField& root) {
    if (!root.has("normalizer")) {
        return false;
    }
    const JsonField normalizer = root.at("normalizer");
    if (typeOf(normalizer) == "Sequence") {
        const JsonField parts = normalizer.at("normalizers");
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (typeOf(parts.at(i)) != "NFC") {
                unsupported(parts.at(i), typeOf(parts.at(i)));
            }
        }
        return parts.size() > 0;
    }
    if (typeOf(normalizer) != "NFC") {
        unsupported(normalizer, typeOf(normalizer));
    }
    return true;
}

void requireSplit(const JsonField& split) {
    if (typeOf(split) != "Split") {
        unsupported(split, typeOf(split));
    }
    const JsonField pattern = split.at("pattern");
    const std::string& regex = pattern.at("Regex").string();
    if (regex != kPublishedPattern) {
        unsupported(pattern, "the split pattern \"" + regex + "\"");
    }
    // The pattern matches everything, so keeping the matches and cutting around them come to the same.
    const std::string& behavior = split.at("behavior").string();
    const bool invert = split.at("invert").boolean();
    if (!(behavior == "Removed" && invert) && behavior != "Isolated") {
        unsupported(split, fmt::format("behavior {} with invert {}", behavior, invert));
    }
}

void requireByteLevel(const JsonField& part) {
    if (typeOf(part) != "ByteLevel") {
        unsupported(part, typeOf(part));
    }
    if (part.at("add_prefix_space").boolean() || (part.has("use_regex") ? part.at("use_regex").boolean() : true)) {
        unsupported(part, "ByteLevel with a prefix space or a pattern of its own");
    }
}

void checkPipeline(const JsonField& root) {
    const JsonField pre = root.at("pre_tokenizer");
    if (typeOf(pre) != "Sequence") {
        unsupported(pre, typeOf(pre));
    }
    const JsonField parts = pre.at("pretokenizers");
    if (parts.size() != 2) {
        unsupported(parts, fmt::format("a sequence of {}", parts.size()));
    }
    requireSplit(parts.at(std::size_t{0}));
    requireByteLevel(parts.at(1));
    if (root.has("post_processor") && typeOf(root.at("post_processor")) != "ByteLevel") {
        unsupported(root.at("post_processor"), typeOf(root.at("post_processor")));
    }
    if (typeOf(root.at("decoder")) != "ByteLevel") {
        unsupported(root.at("decoder"), typeOf(root.at("decoder")));
    }
}

void requireAbsent(const JsonField& model, const char* key) {
    if (!model.has(key)) {
        return;
    }
    const nlohmann::json& value = model.at(key).value();
    if (value != "" && value != false && value != 0.0) {
        unsupported(model, fmt::format("{} = {}", key, value.dump()));
    }
}

// Returns ignore_merges.
bool checkModel(const JsonField& model) {
    if (typeOf(model) != "BPE") {
        unsupported(model, typeOf(model));
    }
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"}) {
        requireAbsent(model, key);
    }
    return model.has("ignore_merges") && model.at("ignore_merges").boolean();
}

std::vector<AddedToken> readAddedTokens(const JsonField& root) {
    std::vector<AddedToken> added;
    std::unordered_set<std::string> contents;
    const JsonField list = root.at("added_tokens");
    for (std::size_t i = 0; i < list.size(); ++i) {
        const JsonField item = list.at(i);
        for (const char* key : {"single_word", "lstrip", "rstrip"}) {
            if (item.has(key) && item.at(key).boolean()) {
                unsupported(item, key);
            }
        }
        AddedToken token;
        token.id = static_cast<TokenId>(item.at("id").integer(0, kMaxId));
        token.content = item.at("content").string();
        token.special = item.at("special").boolean();
        token.normalized = item.has("normalized") && item.at("normalized").boolean();
        if (token.content.empty()) {
            fail(ErrorKind::Corrupt, "{}: the content is empty", item.path());
        }
        if (!contents.insert(token.content).second) {
            fail(ErrorKind::Corrupt, "{}: \"{}\" is listed twice", item.path(), token.content);
        }
        added.push_back(std::move(token));
    }
    return added;
}

// Places tokens at their ids and proves that the ids are 0 to n - 1, each once.
class TokenList {
  public:
    TokenList(const TokenizerJson& json, const std::vector<AddedToken>& added, const std::string& name)
        : name_(name) {
        std::unordered_map<std::string_view, const AddedToken*> outside; // not in the vocabulary as well
        for (const AddedToken& token : added) {
            outside.emplace(token.content, &token);
        }
        std::vector<bool> repeated(json.vocab.size()); // entries that are added tokens as well
        for (std::size_t i = 0; i < json.vocab.size(); ++i) {
            const auto found = outside.find(json.vocab[i].first);
            if (found != outside.end()) {
                requireSameId(*found->second, json.vocab[i].second);
                repeated[i] = true;
                outside.erase(found);
            }
        }
        tokens.resize(json.vocab.size() + outside.size());
        in_model.resize(tokens.size());
        taken_.resize(tokens.size());
        for (const AddedToken& token : added) {
            place(token.content, token.id, token.content);
        }
        for (std::size_t i = 0; i < json.vocab.size(); ++i) {
            if (!repeated[i]) {
                placeSpelled(json.vocab[i].first, json.vocab[i].second);
            }
        }
    }

    std::vector<std::string> tokens;
    std::vector<bool> in_model;

  private:
    void requireSameId(const AddedToken& token, std::int64_t id) const {
        if (id != token.id) {
            fail(ErrorKind::Corrupt, "{}: added_tokens gives \"{}\" the id {}, model.vocab {}", name_,
                 token.content, token.id, id);
        }
    }

    void placeSpelled(const std::string& spelling, std::int64_t id) {
        std::optional<std::string> bytes = bytesOfSpelling(spelling);
        if (!bytes || bytes->empty()) {
            fail(ErrorKind::Corrupt, "{}: model.vocab: \"{}\" (id {}) is not spelled in the byte-level alphabet",
                 name_, spelling, id);
        }
        place(std::move(*bytes), id, spelling);
        in_model[static_cast<std::size_t>(id)] = true;
    }

    void place(std::string bytes, std::int64_t id, std::string_view spelling) {
        const auto at = static_cast<std::size_t>(id);
        if (at >= tokens.size()) {
            fail(ErrorKind::Corrupt, "{}: \"{}\" has id {}, but there are only {} tokens: ids below it are missing",
                 name_, spelling, id, tokens.size());
        }
        if (taken_[at]) {
            fail(ErrorKind::Corrupt, "{}: id {} is given to \"{}\" and to another token", name_, id, spelling);
        }
        taken_[at] = true;
        tokens[at] = std::move(bytes);
    }

    std::string name_;
    std::vector<bool> taken_;
};

[[noreturn]] void failMerge(const std::string& name, std::size_t index, const std::string& problem) {
    fail(ErrorKind::Corrupt, "{}: model: merges[{}]: {}", name, index, problem);
}

void readMerges(const TokenizerJson& json, const Vocabulary& vocabulary, const std::string& name,
                MergeTable& table) {
    const auto id_of = [&](std::size_t index, const std::optional<std::string>& bytes,
                           const std::string& spelling) {
        const std::optional<TokenId> id = bytes ? vocabulary.find(*bytes) : std::nullopt;
        if (!id) {
            failMerge(name, index, "\"" + spelling + "\" is not in model.vocab");
        }
        return *id;
    };
    for (std::size_t i = 0; i < json.merges.size(); ++i) {
        const auto& [left, right] = json.merges[i];
        const std::optional<std::string> left_bytes = bytesOfSpelling(left);
        const std::optional<std::string> right_bytes = bytesOfSpelling(right);
        const TokenId left_id = id_of(i, left_bytes, left);
        const TokenId right_id = id_of(i, right_bytes, right);
        const TokenId result = id_of(i, *left_bytes + *right_bytes, left + right);
        if (!table.append({left_id, right_id, result})) {
            failMerge(name, i, "\"" + left + " " + right + "\" is listed twice");
        }
    }
}

std::array<TokenId, 256> readByteIds(const Vocabulary& vocabulary, const std::string& name) {
    std::array<TokenId, 256> ids{};
    for (std::size_t byte = 0; byte < ids.size(); ++byte) {
        const std::string bytes(1, static_cast<char>(byte));
        const std::optional<TokenId> id = vocabulary.find(bytes);
        if (!id) {
            fail(ErrorKind::Corrupt, "{}: model.vocab: byte 0x{:02X} (spelled \"{}\") has no token", name, byte,
                 spellingOfBytes(bytes));
        }
        ids[byte] = *id;
    }
    return ids;
}

} // namespace

TokenizerFile readTokenizerFile(std::string_view json_text, const std::string& name) {
    const TokenizerJson json = parseTokenizerJson(json_text, name);
    const JsonField root(json.rest, name, ErrorKind::Corrupt);
    const JsonField model = root.at("model");
    checkPipeline(root);
    std::vector<AddedToken> added = readAddedTokens(root);
    const bool ignore_merges = checkModel(model);
    for (const char* table : {"vocab", "merges"}) {
        const JsonField left = model.at(table); // null where the table was read
        left.expect(left.value().is_null(), table == std::string_view("vocab") ? "an object" : "an array");
    }
    const TokenList list(json, added, name);
    TokenizerFile file{Vocabulary(list.tokens, list.in_model, name),
                       MergeTable(json.merges.size()),
                       std::move(added),
                       {},
                       readNormalizer(root),
                       ignore_merges};
    readMerges(json, file.vocabulary, name, file.merges);
    file.byte_ids = readByteIds(file.vocabulary, name);
    return file;
}

} // namespace fulgurite
