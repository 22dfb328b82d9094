// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/chunker.h"

#include <algorithm>

namespace fulgurite::retrieval {

namespace {

bool isBlank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

Chunk trimmed(std::string_view text, Chunk part) {
    while (part.begin < part.end && isBlank(text[part.begin])) {
        ++part.begin;
    }
    while (part.end > part.begin && isBlank(text[part.end - 1])) {
        --part.end;
    }
    return part;
}

// A sentence ends behind . ! ? or a line break where a space follows.
std::size_t sentenceEnd(std::string_view text, std::size_t from) {
    for (std::size_t at = from; at < text.size(); ++at) {
        const char c = text[at];
        const bool ends =
            c == '\n' || ((c == '.' || c == '!' || c == '?') && at + 1 < text.size() && isBlank(text[at + 1]));
        if (ends) {
            return at + 1;
        }
    }
    return text.size();
}

// Where a part can be halved: at the blank nearest to its middle, or between two characters where it has none.
std::size_t middleOf(std::string_view text, Chunk part) {
    const std::size_t middle = part.begin + (part.end - part.begin) / 2;
    for (std::size_t away = 0; away < (part.end - part.begin) / 2; ++away) {
        if (isBlank(text[middle + away])) {
            return middle + away;
        }
        if (isBlank(text[middle - away])) {
            return middle - away;
        }
    }
    std::size_t at = middle;
    while (at < part.end && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) {
        ++at;
    }
    return at;
}

class Chunker {
  public:
    Chunker(std::string_view text, std::size_t tokens, const Embedder& embedder)
        : text_(text),
          embedder_(embedder),
          around_(embedder.countTokens("")),
          room_(tokens > around_ ? tokens - around_ : 1) {}

    std::vector<Chunk> run() {
        for (std::size_t at = 0; at < text_.size();) {
            const std::size_t end = sentenceEnd(text_, at);
            add({at, end});
            at = end;
        }
        close();
        return std::move(chunks_);
    }

  private:
    std::size_t count(Chunk part) const {
        return embedder_.countTokens(text_.substr(part.begin, part.end - part.begin)) - around_;
    }

    // Adds a sentence to the open chunk or, where it does not fit, opens another; one that never fits is halved.
    void add(Chunk part) {
        const Chunk whole = trimmed(text_, part);
        if (whole.begin == whole.end) {
            return;
        }
        const std::size_t tokens = count(whole);
        if (tokens > room_ && whole.end - whole.begin > 1) {
            const std::size_t middle = middleOf(text_, whole);
            if (middle > whole.begin && middle < whole.end) {
                add({whole.begin, middle});
                add({middle, whole.end});
                return;
            }
        }
        if (used_ > 0 && used_ + tokens > room_) {
            close();
        }
        if (used_ == 0) {
            open_.begin = whole.begin;
        }
        open_.end = whole.end;
        used_ += tokens;
    }

    void close() {
        if (used_ > 0) {
            chunks_.push_back(open_);
            used_ = 0;
        }
    }

    std::string_view text_;
    const Embedder& embedder_;
    std::size_t around_; // tokens that stand around any text
    std::size_t room_;
    std::size_t used_ = 0;
    Chunk open_;
    std::vector<Chunk> chunks_;
};

} // namespace

std::vector<Chunk> chunksOf(std::string_view text, std::size_t tokens, const Embedder& embedder) {
    const Chunk whole = trimmed(text, {0, text.size()});
    if (whole.begin == whole.end) {
        return {};
    }
    if (tokens == 0) {
        return {whole};
    }
    return Chunker(text, tokens, embedder).run();
}

} // namespace fulgurite::retrieval
