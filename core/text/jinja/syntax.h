// SPDX-License-Identifier: Apache-2.0
// A parsed template: statements and expressions with their places in the source.
#pragma once

#include "core/text/jinja/value.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::jinja {

enum class ExpressionKind : std::uint8_t {
    Constant,
    Name,        // text
    List,        // items; tuples too
    Dict,        // items: key, value, key, value ...
    Concat,      // items: a ~ b ~ c
    Binary,      // text: operator; items: left, right
    Not,         // items[0]
    Negate,      // items[0]
    And,         // items
    Or,          // items
    Conditional, // items: value, condition and, if there is one, else
    Attribute,   // items[0].text
    Index,       // items[0][items[1]]
    Slice,       // items[0][items[1]:items[2]:items[3]], absent ones are null
    Call,        // items[0](arguments)
    Filter,      // items[0] | text(arguments)
    Test,        // items[0] is text(arguments)
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Arguments {
    std::vector<ExpressionPtr> positional;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
};

struct Expression {
    ExpressionKind kind = ExpressionKind::Constant;
    std::size_t at = 0;
    int depth = 1; // of the tree below
    std::string text;
    Value constant;
    std::vector<ExpressionPtr> items;
    Arguments arguments;
};

enum class StatementKind : std::uint8_t {
    Text,  // text
    Print, // expression
    If,    // branches; an absent condition is else
    For,   // targets in expression if condition: body, else otherwise
    Set,   // targets or text.targets[0] = expression; without expression the body's text
    Macro, // text, parameters: body
    Break,
    Continue,
    Block, // body, as it is
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;
using Statements = std::vector<StatementPtr>;

struct Branch {
    ExpressionPtr condition;
    Statements body;
};

struct Parameter {
    std::string name;
    ExpressionPtr otherwise; // null: undefined when not given
};

struct Statement {
    StatementKind kind = StatementKind::Text;
    std::size_t at = 0;
    std::string text;
    std::vector<std::string> targets;
    ExpressionPtr expression;
    ExpressionPtr condition;
    std::vector<Branch> branches;
    std::vector<Parameter> parameters;
    Statements body;
    Statements otherwise;
};

// What a value of type Callable refers to.
struct Macro {
    const Statement* statement = nullptr;
};

} // namespace fulgurite::jinja
