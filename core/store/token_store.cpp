// SPDX-License-Identifier: Apache-2.0
#include "core/store/token_store.h"

#include "core/store/token_codec.h"

#include <algorithm>
#include <iterator>

namespace fulgurite {

namespace {

std::string placeOf(const Database& database, NodeId node, std::int64_t first) {
    return fmt::format("{}, message {}, tokens from {}", database.path().string(), node, first);
}

} // namespace

std::vector<TokenInfo> TokenStore::read(NodeId node, std::size_t first, std::size_t count, TokenDetail detail) {
    const bool with_alternatives = detail == TokenDetail::WithAlternatives;
    Statement select =
        database_.prepare(with_alternatives ? "SELECT first, count, tokens, alternatives FROM token_chunks "
                                              "WHERE node = ? AND first + count > ? AND first < ? ORDER BY first"
                                            : "SELECT first, count, tokens FROM token_chunks "
                                              "WHERE node = ? AND first + count > ? AND first < ? ORDER BY first");
    const std::size_t available = this->count(node);
    const std::size_t end = first >= available ? first : first + std::min(count, available - first);
    select.bind(node, first, end);
    std::vector<TokenInfo> result;
    while (select.step()) {
        const auto begins = select.integer(0);
        const std::string where = placeOf(database_, node, begins);
        std::vector<TokenInfo> chunk = decodeTokens(select.blob(2), where);
        if (static_cast<std::int64_t>(chunk.size()) != select.integer(1))
            fail(ErrorKind::Corrupt, "{}: {} tokens where {} were announced", where, chunk.size(),
                 select.integer(1));
        if (with_alternatives)
            decodeAlternatives(select.blob(3), chunk, where);
        const auto offset = static_cast<std::size_t>(begins);
        const std::size_t from = first > offset ? first - offset : 0;
        const std::size_t to = std::min(chunk.size(), end - offset);
        std::move(chunk.begin() + static_cast<std::ptrdiff_t>(from),
                  chunk.begin() + static_cast<std::ptrdiff_t>(to), std::back_inserter(result));
    }
    return result;
}

TokenIds TokenStore::ids(NodeId node) {
    TokenIds result;
    for (const TokenInfo& token : read(node, 0, count(node), TokenDetail::Summary))
        result.push_back(token.id);
    return result;
}

std::size_t TokenStore::count(NodeId node) {
    return static_cast<std::size_t>(
        database_.integer("SELECT first + count FROM token_chunks WHERE node = ? ORDER BY first DESC LIMIT 1", node)
            .value_or(0));
}

TokenTexts TokenStore::texts(NodeId node) {
    TokenTexts result;
    for (const TokenInfo& token : read(node, 0, count(node), TokenDetail::Summary)) {
        ++result.tokens;
        if (token.channel == StreamChannel::Answer)
            result.content += token.text;
        if (token.channel == StreamChannel::Thinking) {
            result.thinking += token.text;
            ++result.thinking_tokens;
        }
    }
    return result;
}

void TokenStore::writeChunk(NodeId node, std::size_t first, std::span<const TokenInfo> tokens) {
    const TokenChunkBytes bytes = encodeTokens(tokens);
    database_.run("INSERT INTO token_chunks(node, first, count, tokens, alternatives) VALUES (?, ?, ?, ?, ?) "
                  "ON CONFLICT (node, first) DO UPDATE SET count = excluded.count, tokens = excluded.tokens, "
                  "alternatives = excluded.alternatives",
                  node, first, tokens.size(), std::span<const std::byte>(bytes.tokens),
                  std::span<const std::byte>(bytes.alternatives));
}

void TokenStore::truncate(NodeId node, std::size_t count) {
    const std::size_t whole = count / tokens_per_chunk * tokens_per_chunk;
    const std::vector<TokenInfo> rest = read(node, whole, count - whole, TokenDetail::WithAlternatives);
    database_.run("DELETE FROM token_chunks WHERE node = ? AND first >= ?", node, whole);
    if (!rest.empty())
        writeChunk(node, whole, rest);
}

void TokenStore::copy(NodeId from, NodeId to, std::size_t count) {
    const std::size_t whole = count / tokens_per_chunk * tokens_per_chunk;
    database_.run("INSERT INTO token_chunks(node, first, count, tokens, alternatives) "
                  "SELECT ?, first, count, tokens, alternatives FROM token_chunks WHERE node = ? AND first < ?",
                  to, from, whole);
    if (whole < count)
        writeChunk(to, whole, read(from, whole, count - whole, TokenDetail::WithAlternatives));
}

TokenWriter::TokenWriter(TokenStore& store, NodeId node) : store_(store), node_(node) {
    const std::size_t count = store.count(node);
    // The chunk with the last token, though it be full: that may get more text.
    first_ = count > 0 ? (count - 1) / tokens_per_chunk * tokens_per_chunk : 0;
    open_ = store.read(node, first_, count - first_, TokenDetail::WithAlternatives);
    written_ = on_its_way_ = open_.size();
}

TokenWriter::TokenWriter(TokenStore& store, NodeId node, std::size_t kept)
    : store_(store), node_(node), replaces_(true) {
    first_ = kept / tokens_per_chunk * tokens_per_chunk;
    open_ = store.read(node, first_, kept - first_, TokenDetail::WithAlternatives);
}

void TokenWriter::append(std::span<const TokenInfo> tokens) {
    open_.insert(open_.end(), tokens.begin(), tokens.end());
}

void TokenWriter::extendLast(const std::string& text) {
    if (open_.empty() || text.empty())
        return;
    // An end of sentence has no text and stays so.
    std::size_t index = open_.size() - 1;
    while (index > 0 && open_[index].text.empty())
        --index;
    open_[index].text += text;
    written_ = std::min(written_, index);
}

void TokenWriter::setLast(const std::string& text) {
    if (open_.empty())
        return;
    open_.back().text = text;
    written_ = std::min(written_, open_.size() - 1);
}

void TokenWriter::flush() {
    write();
    settle();
}

// Full chunks, and the one that is still filling.
void TokenWriter::write() {
    if (replaces_)
        store_.truncate(node_, first_);
    const std::span<const TokenInfo> all(open_);
    std::size_t begin = 0;
    for (; all.size() - begin > tokens_per_chunk; begin += tokens_per_chunk)
        store_.writeChunk(node_, first_ + begin, all.subspan(begin, tokens_per_chunk));
    if (begin > 0 || written_ != all.size())
        store_.writeChunk(node_, first_ + begin, all.subspan(begin));
    on_its_way_ = all.size();
}

void TokenWriter::settle() {
    const std::size_t full = on_its_way_ > 0 ? (on_its_way_ - 1) / tokens_per_chunk * tokens_per_chunk : 0;
    open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(full));
    first_ += full;
    written_ = on_its_way_ - full;
    on_its_way_ = written_;
    replaces_ = false;
}

} // namespace fulgurite
