// SPDX-License-Identifier: Apache-2.0
// The tokens as the two halves of the parser read them, and the counter that keeps their recursion bounded.
#pragma once

#include "core/text/jinja/lexer.h"

#include <fmt/format.h>

namespace fulgurite::jinja {

class TokenStream {
  public:
    explicit TokenStream(const Source& source) : source_(source), tokens_(tokenize(source)) {}

    const Token& peek(std::size_t ahead = 0) const {
        return tokens_[next_ + ahead < tokens_.size() ? next_ + ahead : tokens_.size() - 1];
    }
    const Token& take() {
        const Token& token = peek();
        next_ += next_ + 1 < tokens_.size() ? 1 : 0;
        return token;
    }
    bool takeOperator(std::string_view spelling) {
        const bool found = peek().isOperator(spelling);
        if (found) {
            take();
        }
        return found;
    }
    bool takeName(std::string_view name) {
        const bool found = peek().isName(name);
        if (found) {
            take();
        }
        return found;
    }
    void expectOperator(std::string_view spelling) {
        if (!takeOperator(spelling)) {
            fail(fmt::format("expected '{}', found {}", spelling, describe(peek())));
        }
    }
    void expectName(std::string_view name) {
        if (!takeName(name)) {
            fail(fmt::format("expected '{}', found {}", name, describe(peek())));
        }
    }
    std::string takeAnyName(std::string_view what) {
        if (peek().kind != TokenKind::Name) {
            fail(fmt::format("expected {}, found {}", what, describe(peek())));
        }
        return take().text;
    }
    void expect(TokenKind kind, std::string_view what) {
        if (peek().kind != kind) {
            fail(fmt::format("expected {}, found {}", what, describe(peek())));
        }
        take();
    }

    [[noreturn]] void fail(const std::string& message) const {
        source_.fail(ErrorKind::Corrupt, peek().at, message);
    }
    [[noreturn]] void unsupported(std::size_t at, const std::string& what) const {
        source_.fail(ErrorKind::Unsupported, at, what + " is not supported in chat templates");
    }

    static std::string describe(const Token& token) {
        switch (token.kind) {
        case TokenKind::Text:
            return "text";
        case TokenKind::PrintBegin:
            return "'{{'";
        case TokenKind::PrintEnd:
            return "'}}'";
        case TokenKind::BlockBegin:
            return "'{%'";
        case TokenKind::BlockEnd:
            return "'%}'";
        case TokenKind::String:
            return "a string";
        case TokenKind::End:
            return "the end of the template";
        default:
            return "'" + token.text + "'";
        }
    }

    // Lives as long as one level of recursion.
    class Level {
      public:
        explicit Level(TokenStream& stream) : stream_(stream) {
            if (++stream_.level_ > kMaxLevel) {
                stream_.fail(fmt::format("nested deeper than {} levels", kMaxLevel));
            }
        }
        ~Level() { --stream_.level_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

      private:
        TokenStream& stream_;
    };

  private:
    static constexpr int kMaxLevel = 100;

    const Source& source_;
    std::vector<Token> tokens_;
    std::size_t next_ = 0;
    int level_ = 0;
};

} // namespace fulgurite::jinja
