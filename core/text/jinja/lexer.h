// SPDX-License-Identifier: Apache-2.0
// Cuts a template into text and tokens; whitespace control is done here.
#pragma once

#include "core/base/error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::jinja {

enum class TokenKind : std::uint8_t {
    Text,       // outside of tags
    PrintBegin, // {{
    PrintEnd,   // }}
    BlockBegin, // {%
    BlockEnd,   // %}
    Name,
    String, // text: unescaped
    Integer,
    Float,
    Operator, // text: spelled out
    End,
};

struct Token {
    TokenKind kind = TokenKind::End;
    std::size_t at = 0;
    std::string text;

    bool isOperator(std::string_view spelling) const { return kind == TokenKind::Operator && text == spelling; }
    bool isName(std::string_view name) const { return kind == TokenKind::Name && text == name; }
};

struct Source {
    std::string name;
    std::string text;

    // "NAME, line 3, column 14"
    std::string place(std::size_t at) const;
    [[noreturn]] void fail(ErrorKind kind, std::size_t at, const std::string& message) const;
};

// The blocks trim as chat templates expect (trim_blocks and lstrip_blocks on): the newline after a block goes, and
// blanks before it on its line. Throws Error{Corrupt} with the place.
std::vector<Token> tokenize(const Source& source);

} // namespace fulgurite::jinja
