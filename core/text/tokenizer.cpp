// SPDX-License-Identifier: Apache-2.0
// Text to ids: added tokens are cut out, the rest is normalised, split and merged piece by piece.
#include "core/text/tokenizer.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/utf8.h"
#include "core/text/nfc.h"
#include "core/text/pretokenizer.h"
#include "core/text/tokenizer_file.h"

#include <atomic>

namespace fulgurite {
namespace {

// Most words are a token of their own. Whether the merges lead to it is found out the first time and remembered.
enum class Whole : std::uint8_t { Unknown, Yes, No };

struct Matchers {
    AddedTokenMatcher before_normalisation;
    AddedTokenMatcher after_normalisation;
};

Matchers makeMatchers(const std::vector<AddedToken>& added, bool with_special) {
    Matchers matchers;
    for (const AddedToken& token : added) {
        if (with_special || !token.special) {
            (token.normalized ? matchers.after_normalisation : matchers.before_normalisation)
                .add(token.content, token.id);
        }
    }
    return matchers;
}

} // namespace

struct Tokenizer::Tables {
    explicit Tables(TokenizerFile content)
        : file(std::move(content)),
          with_special(makeMatchers(file.added, true)),
          without_special(makeMatchers(file.added, false)),
          special(file.vocabulary.size()),
          whole(file.vocabulary.size()) {
        for (const AddedToken& token : file.added) {
            special[static_cast<std::size_t>(token.id)] = token.special;
            added_ids.emplace(token.content, token.id);
        }
    }

    TokenizerFile file;
    Matchers with_special;
    Matchers without_special;
    std::vector<bool> special;
    std::unordered_map<std::string_view, TokenId> added_ids;
    mutable std::vector<std::atomic<Whole>> whole;
};

// One call of encode(): the ids so far and the buffers that are used again and again.
class Tokenizer::Encoding {
  public:
    explicit Encoding(const Tables& tables) : tables_(tables) {}

    TokenIds run(std::string_view text, const Matchers& matchers) {
        ids_.reserve(text.size() / 3 + 16);
        const auto on_token = [this](TokenId id) { ids_.push_back(id); };
        cutAround(matchers.before_normalisation, text, on_token, [&](std::string_view part) {
            const std::string_view normal = tables_.file.nfc ? toNfc(part, nfc_buffer_) : part;
            cutAround(matchers.after_normalisation, normal, on_token,
                      [this](std::string_view plain) { addText(plain); });
        });
        return std::move(ids_);
    }

  private:
    void addText(std::string_view text) {
        Pretokenizer pieces(text);
        for (std::string_view piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
            addPiece(piece);
        }
    }

    void addPiece(std::string_view piece) {
        const std::optional<TokenId> id = tables_.file.vocabulary.find(piece);
        if (!id) {
            merge(piece);
            return;
        }
        std::atomic<Whole>& whole = tables_.whole[static_cast<std::size_t>(*id)];
        const Whole known = tables_.file.ignore_merges ? Whole::Yes : whole.load(std::memory_order_relaxed);
        if (known == Whole::Yes) {
            ids_.push_back(*id);
            return;
        }
        const std::size_t before = ids_.size();
        merge(piece);
        if (known == Whole::Unknown) {
            whole.store(ids_.size() == before + 1 ? Whole::Yes : Whole::No, std::memory_order_relaxed);
        }
    }

    void merge(std::string_view piece) {
        const std::size_t before = ids_.size();
        for (const char c : piece) {
            ids_.push_back(tables_.file.byte_ids[static_cast<unsigned char>(c)]);
        }
        ids_.resize(before + mergePairs(tables_.file.merges, std::span(ids_).subspan(before)));
    }

    const Tables& tables_;
    TokenIds ids_;
    std::string nfc_buffer_;
};

std::shared_ptr<const Tokenizer> Tokenizer::load(const std::filesystem::path& path) {
    std::error_code error;
    const bool folder = std::filesystem::is_directory(path, error);
    const std::filesystem::path file = folder ? path / "tokenizer.json" : path;
    return parse(readTextFile(file), file.string());
}

std::shared_ptr<const Tokenizer> Tokenizer::parse(std::string_view json_text, const std::string& name) {
    return std::shared_ptr<const Tokenizer>(
        new Tokenizer(std::make_unique<const Tables>(readTokenizerFile(json_text, name))));
}

Tokenizer::Tokenizer(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}

Tokenizer::~Tokenizer() = default;

TokenIds Tokenizer::encode(std::string_view text, SpecialTokens special) const {
    requireUtf8(text, "text to tokenize");
    return Encoding(*tables_).run(text, special == SpecialTokens::Parse ? tables_->with_special
                                                                        : tables_->without_special);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool keep_special) const {
    std::string bytes;
    for (const TokenId id : ids) {
        if (keep_special || !isSpecial(id)) {
            bytes += bytesOf(id);
        }
    }
    return replaceInvalidUtf8(bytes);
}

std::string_view Tokenizer::bytesOf(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < size() ? tables_->file.vocabulary.bytes(id)
                                                            : std::string_view();
}

bool Tokenizer::isSpecial(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < size() && tables_->special[static_cast<std::size_t>(id)];
}

std::optional<TokenId> Tokenizer::idOf(std::string_view token) const {
    if (const auto added = tables_->added_ids.find(token); added != tables_->added_ids.end()) {
        return added->second;
    }
    return tables_->file.vocabulary.find(token);
}

std::size_t Tokenizer::size() const {
    return tables_->file.vocabulary.size();
}

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool keep_special)
    : tokenizer_(std::move(tokenizer)), keep_special_(keep_special) {}

std::string StreamDecoder::push(TokenId id) {
    if (!keep_special_ && tokenizer_->isSpecial(id)) {
        return {};
    }
    pending_ += tokenizer_->bytesOf(id);
    const std::size_t ready = pending_.size() - incompleteUtf8Tail(pending_);
    std::string text = replaceInvalidUtf8(std::string_view(pending_).substr(0, ready));
    pending_.erase(0, ready);
    return text;
}

std::string StreamDecoder::flush() {
    std::string text = replaceInvalidUtf8(pending_);
    pending_.clear();
    return text;
}

} // namespace fulgurite
