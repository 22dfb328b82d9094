// SPDX-License-Identifier: Apache-2.0
#include "core/text/bpe_trainer.h"

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/text/byte_alphabet.h"
#include "core/text/nfc.h"
#include "core/text/pair_key.h"
#include "core/text/pretokenizer.h"

#include <algorithm>
#include <queue>
#include <set>

namespace fulgurite {

namespace {

constexpr std::size_t kBytes = 256;

// The bytes in the order of the characters that spell them in files.
std::vector<std::string> byteTokens() {
    std::vector<std::string> tokens;
    for (std::size_t byte = 0; byte < kBytes; ++byte) {
        tokens.emplace_back(1, static_cast<char>(byte));
    }
    const auto rank = [](const std::string& token) { return decodeUtf8(spellingOfBytes(token).data()).code; };
    std::sort(tokens.begin(), tokens.end(),
              [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
    return tokens;
}

// The pieces as rows of ids, and the counts of pairs in them, kept up to date merge by merge: only the pieces that
// have the merged pair are looked at again.
class PairCounter {
  public:
    PairCounter(std::vector<std::pair<std::string_view, std::uint64_t>> pieces, const std::vector<TokenId>& ids,
                bool single_digits)
        : alone_(kBytes, false), seen_(pieces.size(), 0) {
        for (char digit = '0'; digit <= '9'; ++digit) {
            alone_[static_cast<std::size_t>(ids[static_cast<std::size_t>(digit)])] = single_digits;
        }
        for (const auto& [bytes, count] : pieces) {
            Piece& piece = pieces_.emplace_back();
            piece.count = count;
            for (const char c : bytes) {
                piece.symbols.push_back(ids[static_cast<unsigned char>(c)]);
            }
            change(pieces_.size() - 1, 1);
        }
        for (const auto& [key, pair] : pairs_) {
            queue_.push({pair.count, key});
        }
    }

    // The most frequent pair that at least `least` pieces have; false: there is none.
    bool best(std::uint64_t least, TokenId& left, TokenId& right) {
        while (!queue_.empty()) {
            const Candidate top = queue_.top();
            queue_.pop();
            const std::uint64_t now = pairs_[top.key].count;
            if (now != top.count) { // it has changed since: back to its new place
                if (now > 0) {
                    queue_.push({now, top.key});
                }
                continue;
            }
            if (now < std::max<std::uint64_t>(least, 1)) {
                return false;
            }
            left = static_cast<TokenId>(top.key >> 32);
            right = static_cast<TokenId>(top.key & 0xFFFFFFFFu);
            return true;
        }
        return false;
    }

    void merge(TokenId left, TokenId right, TokenId result) {
        ++merges_;
        const std::vector<std::uint32_t> where = std::move(pairs_[pairKey(left, right)].pieces);
        for (const std::uint32_t index : where) {
            if (seen_[index] == merges_) {
                continue;
            }
            seen_[index] = merges_;
            change(index, -1);
            join(pieces_[index].symbols, left, right, result);
            change(index, 1);
        }
        std::sort(grown_.begin(), grown_.end());
        grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
        for (const std::uint64_t key : grown_) {
            queue_.push({pairs_[key].count, key});
        }
        grown_.clear();
    }

  private:
    struct Piece {
        std::vector<TokenId> symbols;
        std::uint64_t count = 0;
    };
    struct Pair {
        std::uint64_t count = 0;
        std::vector<std::uint32_t> pieces; // that have it or had it, some more than once
    };
    struct Candidate {
        std::uint64_t count;
        std::uint64_t key;
        bool operator<(const Candidate& other) const { // std::priority_queue puts the largest on top
            return count != other.count ? count < other.count : key > other.key;
        }
    };

    bool mayMerge(TokenId id) const {
        return static_cast<std::size_t>(id) >= kBytes || !alone_[static_cast<std::size_t>(id)];
    }
    // Adds the pairs of a piece to the counts, or takes them out.
    void change(std::size_t index, int direction) {
        const Piece& piece = pieces_[index];
        for (std::size_t i = 1; i < piece.symbols.size(); ++i) {
            if (!mayMerge(piece.symbols[i - 1]) || !mayMerge(piece.symbols[i])) {
                continue;
            }
            const std::uint64_t key = pairKey(piece.symbols[i - 1], piece.symbols[i]);
            Pair& pair = pairs_[key];
            if (direction < 0) {
                pair.count -= piece.count;
                continue;
            }
            pair.count += piece.count;
            if (pair.pieces.empty() || pair.pieces.back() != index) {
                pair.pieces.push_back(static_cast<std::uint32_t>(index));
            }
            if (merges_ > 0) {
                grown_.push_back(key);
            }
        }
    }
    static void join(std::vector<TokenId>& symbols, TokenId left, TokenId right, TokenId result) {
        std::size_t out = 0;
        for (std::size_t i = 0; i < symbols.size(); ++out) {
            const bool pair = i + 1 < symbols.size() && symbols[i] == left && symbols[i + 1] == right;
            symbols[out] = pair ? result : symbols[i];
            i += pair ? 2 : 1;
        }
        symbols.resize(out);
    }

    std::vector<bool> alone_; // byte tokens that never merge
    std::vector<Piece> pieces_;
    std::vector<std::uint64_t> seen_; // the last merge that looked at the piece
    std::unordered_map<std::uint64_t, Pair> pairs_;
    std::priority_queue<Candidate> queue_;
    std::vector<std::uint64_t> grown_; // pairs that the merge under way has counted again
    std::uint64_t merges_ = 0;
};

} // namespace

BpeTrainer::BpeTrainer(BpeTraining options) : options_(std::move(options)) {
    const std::set<std::string> different(options_.special.begin(), options_.special.end());
    if (different.size() != options_.special.size() || different.contains("")) {
        fail(ErrorKind::InvalidInput, "special tokens must be different texts that are not empty");
    }
    if (options_.vocabulary < kBytes + options_.special.size()) {
        fail(ErrorKind::InvalidInput, "a vocabulary of {} has no room for 256 bytes and {} special tokens",
             options_.vocabulary, options_.special.size());
    }
    for (const std::string& token : options_.special) {
        special_.add(token, 0);
    }
}

void BpeTrainer::add(std::string_view text) {
    if (const std::size_t valid = validUtf8Prefix(text); valid != text.size()) {
        fail(ErrorKind::InvalidInput, "the text is not UTF-8 at byte {}", valid);
    }
    for (std::size_t at = 0; at < text.size();) {
        const auto match = special_.find(text, at);
        const std::size_t end = std::min(match.begin, text.size());
        addPlain(text.substr(at, end - at));
        at = end + match.length;
    }
}

void BpeTrainer::addPlain(std::string_view text) {
    std::string buffer;
    Pretokenizer cutter(toNfc(text, buffer));
    for (std::string_view piece = cutter.next(); !piece.empty(); piece = cutter.next()) {
        ++counts_[std::string(piece)];
        ++pieces_;
    }
}

LearntVocabulary BpeTrainer::learn() const {
    LearntVocabulary learnt;
    learnt.tokens = byteTokens();
    std::vector<TokenId> ids(kBytes);
    for (std::size_t id = 0; id < kBytes; ++id) {
        ids[static_cast<unsigned char>(learnt.tokens[id][0])] = static_cast<TokenId>(id);
    }
    std::vector<std::pair<std::string_view, std::uint64_t>> pieces(counts_.begin(), counts_.end());
    std::sort(pieces.begin(), pieces.end()); // not in the order of a hash table
    PairCounter pairs(std::move(pieces), ids, options_.single_digits);
    TokenId left = 0;
    TokenId right = 0;
    while (learnt.tokens.size() + options_.special.size() < options_.vocabulary &&
           pairs.best(options_.least_count, left, right)) {
        const auto result = static_cast<TokenId>(learnt.tokens.size());
        learnt.tokens.push_back(learnt.tokens[static_cast<std::size_t>(left)] +
                                learnt.tokens[static_cast<std::size_t>(right)]);
        learnt.merges.push_back({left, right, result});
        pairs.merge(left, right, result);
    }
    return learnt;
}

} // namespace fulgurite
