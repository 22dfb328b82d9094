// SPDX-License-Identifier: Apache-2.0
// Tokens of answers in chunks: appended while an engine writes, read page by page.
#pragma once

#include "core/store/conversation_types.h"
#include "core/store/database.h"

#include <cstddef>
#include <span>
#include <vector>

namespace fulgurite {

constexpr std::size_t tokens_per_chunk = 256;

enum class TokenDetail : std::uint8_t { Summary, WithAlternatives };

// Texts of a node's tokens, put together by channel.
struct TokenTexts {
    std::string content;
    std::string thinking;
    std::size_t tokens = 0;
    std::size_t thinking_tokens = 0;
};

class TokenStore {
  public:
    explicit TokenStore(Database& database) : database_(database) {}

    // Tokens [first, first + count) of `node`, fewer at the end.
    std::vector<TokenInfo> read(NodeId node, std::size_t first, std::size_t count, TokenDetail detail);
    TokenIds ids(NodeId node);
    std::size_t count(NodeId node);
    TokenTexts texts(NodeId node);
    // Replaces the chunk that begins at `first`.
    void writeChunk(NodeId node, std::size_t first, std::span<const TokenInfo> tokens);
    // Forgets all from `count` on.
    void truncate(NodeId node, std::size_t count);
    // Gives `to`, which has none yet, the first `count` tokens of `from`.
    void copy(NodeId from, NodeId to, std::size_t count);

  private:
    Database& database_;
};

// Appends to one node. Tokens wait in memory until flush(), which writes one row; whoever streams flushes at least
// twice a second, so that a crash loses no more than that.
class TokenWriter {
  public:
    TokenWriter(TokenStore& store, NodeId node); // goes on after what the node has
    // Goes on after the node's first `kept` tokens. The others stay in the file until the first write takes their
    // place.
    TokenWriter(TokenStore& store, NodeId node, std::size_t kept);

    void append(std::span<const TokenInfo> tokens);
    // Text that was held back and belongs to the last token with text after all.
    void extendLast(const std::string& text);
    void setLast(const std::string& text); // of the very last token
    void flush();                          // where no transaction is open that may still fail
    // Within a transaction: write(), and settle() when it was committed. What was not stays here for the next try.
    void write();
    void settle();
    NodeId node() const { return node_; }
    std::size_t count() const { return first_ + open_.size(); }

  private:
    TokenStore& store_;
    NodeId node_;
    std::size_t first_ = 0;       // of the open chunk
    std::vector<TokenInfo> open_; // the chunk that is still filling, and what waits behind it
    std::size_t written_ = 0;     // of the open chunk, as the file has it
    std::size_t on_its_way_ = 0;  // of open_, by the last write()
    bool replaces_ = false;       // what the file has from first_ on goes with the next write()
};

} // namespace fulgurite
