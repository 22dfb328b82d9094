// SPDX-License-Identifier: Apache-2.0
// Expressions, by falling precedence: x if c else y; or; and; not; comparisons and in; + -; ~; * / // %; **; unary
// minus; calls, attributes, indexes, filters and tests.
#pragma once

#include "core/text/jinja/syntax.h"
#include "core/text/jinja/token_stream.h"

namespace fulgurite::jinja {

class ExpressionParser {
  public:
    explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

    // With a comma behind it a list: "a, b".
    ExpressionPtr parseMaybeTuple();
    ExpressionPtr parse();
    // Without a conditional, for what stands before "if" in a for.
    ExpressionPtr parseOr();

  private:
    ExpressionPtr make(ExpressionKind kind, std::size_t at, std::string text = {}) const;
    ExpressionPtr finish(ExpressionPtr node) const;
    ExpressionPtr binary(std::string op, std::size_t at, ExpressionPtr left, ExpressionPtr right) const;
    ExpressionPtr parseAnd();
    ExpressionPtr parseNot();
    ExpressionPtr parseComparison();
    ExpressionPtr parseSum();
    ExpressionPtr parseConcat();
    ExpressionPtr parseProduct();
    ExpressionPtr parsePower();
    ExpressionPtr parseUnary(bool with_filters);
    ExpressionPtr parsePrimary();
    ExpressionPtr parseName();
    ExpressionPtr parseNumber();
    ExpressionPtr parseParenthesis();
    ExpressionPtr parseList();
    ExpressionPtr parseDict();
    ExpressionPtr parsePostfix(ExpressionPtr node);
    ExpressionPtr parseSubscript(ExpressionPtr node);
    ExpressionPtr parseFiltersAndTests(ExpressionPtr node);
    ExpressionPtr parseTest(ExpressionPtr node);
    Arguments parseArguments();
    std::string comparisonOperator();

    TokenStream& tokens_;
};

} // namespace fulgurite::jinja
