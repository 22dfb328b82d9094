// SPDX-License-Identifier: Apache-2.0
#include "core/text/tokenizer_file.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/text/byte_alphabet.h"
#include "core/text/pretokenizer.h"

#include <unordered_map>
#include <unordered_set>

namespace fulgurite {
namespace {

constexpr std::int64_t kMaxId = (1 << 24) - 1;

std::string typeOf(const JsonView& part) {
    return part.at("type").string();
}

[[noreturn]] void unsupported(const JsonView& part, std::string_view what) {
    fail(ErrorKind::Unsupported,
         "{}: {} is not supported; this program reads byte-level BPE as MiniMax publishes it", part.where(), what);
}

// Null, {"type": "NFC"} or a sequence of nothing else.
bool readNormalizer(const JsonView& root) {
    if (!root.has("normalizer")) {
        return false;
    }
    const JsonView normalizer = root.at("normalizer");
    if (typeOf(normalizer) == "Sequence") {
        const JsonView parts = normalizer.at("normalizers");
        for (std::size_t i = 0; i < parts.array().size(); ++i) {
            if (typeOf(parts.at(i)) != "NFC") {
                unsupported(parts.at(i), typeOf(parts.at(i)));
            }
        }
        return !parts.array().empty();
    }
    if (typeOf(normalizer) != "NFC") {
        unsupported(normalizer, typeOf(normalizer));
    }
    return true;
}

void requireSplit(const JsonView& split) {
    if (typeOf(split) != "Split") {
        unsupported(split, typeOf(split));
    }
    const JsonView pattern = split.at("pattern");
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

void requireByteLevel(const JsonView& part) {
    if (typeOf(part) != "ByteLevel") {
        unsupported(part, typeOf(part));
    }
    if (part.at("add_prefix_space").boolean() || (part.has("use_regex") ? part.at("use_regex").boolean() : true)) {
        unsupported(part, "ByteLevel with a prefix space or a pattern of its own");
    }
}

void checkPipeline(const JsonView& root) {
    const JsonView pre = root.at("pre_tokenizer");
    if (typeOf(pre) != "Sequence") {
        unsupported(pre, typeOf(pre));
    }
    const JsonView parts = pre.at("pretokenizers");
    if (parts.array().size() != 2) {
        unsupported(parts, fmt::format("a sequence of {}", parts.array().size()));
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

void requireAbsent(const JsonView& model, const char* key) {
    if (!model.has(key)) {
        return;
    }
    const nlohmann::json& value = model.at(key).value();
    if (value != "" && value != false && value != 0.0) {
        unsupported(model, fmt::format("{} = {}", key, value.dump()));
    }
}

// Returns ignore_merges.
bool checkModel(const JsonView& model) {
    if (typeOf(model) != "BPE") {
        unsupported(model, typeOf(model));
    }
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"}) {
        requireAbsent(model, key);
    }
    return model.has("ignore_merges") && model.at("ignore_merges").boolean();
}

std::vector<AddedToken> readAddedTokens(const JsonView& root) {
    std::vector<AddedToken> added;
    std::unordered_set<std::string> contents;
    const JsonView list = root.at("added_tokens");
    for (std::size_t i = 0; i < list.array().size(); ++i) {
        const JsonView item = list.at(i);
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
            fail(ErrorKind::Corrupt, "{}: the content is empty", item.where());
        }
        if (!contents.insert(token.content).second) {
            fail(ErrorKind::Corrupt, "{}: \"{}\" is listed twice", item.where(), token.content);
        }
        added.push_back(std::move(token));
    }
    return added;
}

// Places tokens at their ids and proves that the ids are 0 to n - 1, each once.
class TokenList {
  public:
    TokenList(const JsonView& root, const std::vector<AddedToken>& added) : name_(root.where()) {
        const JsonView vocab = root.at("model").at("vocab");
        std::unordered_map<std::string_view, const AddedToken*> outside;
        for (const AddedToken& token : added) {
            const auto entry = vocab.object().find(token.content);
            if (entry == vocab.object().end()) {
                outside.emplace(token.content, &token);
            } else if (entry->second != token.id) {
                fail(ErrorKind::Corrupt, "{}: added_tokens gives \"{}\" the id {}, model.vocab {}", name_,
                     token.content, token.id, entry->second.dump());
            }
        }
        tokens.resize(vocab.object().size() + outside.size());
        in_model.resize(tokens.size());
        taken_.resize(tokens.size());
        std::unordered_set<std::string_view> raw; // spelled as they are in the vocabulary too
        for (const AddedToken& token : added) {
            if (!outside.contains(token.content)) {
                raw.insert(token.content);
            }
            place(token.content, token.id, token.content);
        }
        for (const auto& [spelling, id] : vocab.object()) {
            if (raw.contains(spelling) == false) {
                placeSpelled(spelling, JsonView(id, vocab.where()).integer(0, kMaxId));
            }
        }
    }

    std::vector<std::string> tokens;
    std::vector<bool> in_model;

  private:
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

// "left right" or ["left", "right"].
std::pair<std::string_view, std::string_view> sidesOf(const JsonView& merges, std::size_t index) {
    const nlohmann::json& item = merges.array()[index];
    if (item.is_string()) {
        const std::string_view text = item.get_ref<const std::string&>();
        const std::size_t space = text.find(' ');
        if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
            return {text.substr(0, space), text.substr(space + 1)};
        }
    } else if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
        return {item[0].get_ref<const std::string&>(), item[1].get_ref<const std::string&>()};
    }
    fail(ErrorKind::Corrupt, "{}[{}]: expected two tokens, found {}", merges.where(), index, item.dump());
}

TokenId requireToken(const Vocabulary& vocabulary, const JsonView& merges, std::size_t index,
                     std::string_view spelling, const std::optional<std::string>& bytes) {
    const std::optional<TokenId> id = bytes ? vocabulary.find(*bytes) : std::nullopt;
    if (!id) {
        fail(ErrorKind::Corrupt, "{}[{}]: \"{}\" is not in model.vocab", merges.where(), index, spelling);
    }
    return *id;
}

std::vector<Merge> readMerges(const JsonView& merges, const Vocabulary& vocabulary) {
    std::vector<Merge> list;
    list.reserve(merges.array().size());
    std::unordered_set<std::uint64_t> pairs;
    pairs.reserve(merges.array().size());
    for (std::size_t i = 0; i < merges.array().size(); ++i) {
        const auto [left, right] = sidesOf(merges, i);
        const std::optional<std::string> left_bytes = bytesOfSpelling(left);
        const std::optional<std::string> right_bytes = bytesOfSpelling(right);
        Merge merge;
        merge.left = requireToken(vocabulary, merges, i, left, left_bytes);
        merge.right = requireToken(vocabulary, merges, i, right, right_bytes);
        merge.result =
            requireToken(vocabulary, merges, i, std::string(left) + std::string(right), *left_bytes + *right_bytes);
        if (!pairs.insert(static_cast<std::uint64_t>(merge.left) << 32 | static_cast<std::uint32_t>(merge.right))
                 .second) {
            fail(ErrorKind::Corrupt, "{}[{}]: \"{} {}\" is listed twice", merges.where(), i, left, right);
        }
        list.push_back(merge);
    }
    return list;
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
    const nlohmann::json document = parseJson(json_text, name, 32);
    const JsonView root(document, name);
    const JsonView model = root.at("model");
    checkPipeline(root);
    std::vector<AddedToken> added = readAddedTokens(root);
    const bool ignore_merges = checkModel(model);
    const TokenList list(root, added);
    TokenizerFile file{
        Vocabulary(list.tokens, list.in_model), {}, std::move(added), {}, readNormalizer(root), ignore_merges};
    file.merges = readMerges(model.at("merges"), file.vocabulary);
    file.byte_ids = readByteIds(file.vocabulary, name);
    return file;
}

} // namespace fulgurite
