// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/expression_parser.h"

#include "core/text/jinja/builtins.h"

#include <algorithm>
#include <charconv>

namespace fulgurite::jinja {
namespace {

// Evaluation recurses over the tree, so its depth is limited too; long chains of one operator count.
constexpr int kMaxDepth = 200;

bool beginsTestArgument(const Token& token) {
    if (token.kind == TokenKind::Name) {
        for (const char* word : {"else", "or", "and", "if", "in", "not", "is"}) {
            if (token.text == word) {
                return false;
            }
        }
        return true;
    }
    return token.kind == TokenKind::String || token.kind == TokenKind::Integer || token.kind == TokenKind::Float ||
           token.isOperator("[") || token.isOperator("{");
}

} // namespace

ExpressionPtr ExpressionParser::make(ExpressionKind kind, std::size_t at, std::string text) const {
    auto node = std::make_unique<Expression>();
    node->kind = kind;
    node->at = at;
    node->text = std::move(text);
    return node;
}

ExpressionPtr ExpressionParser::finish(ExpressionPtr node) const {
    int inner = 0;
    const auto look = [&inner](const ExpressionPtr& child) { inner = std::max(inner, child ? child->depth : 0); };
    std::for_each(node->items.begin(), node->items.end(), look);
    std::for_each(node->arguments.positional.begin(), node->arguments.positional.end(), look);
    for (const auto& [name, child] : node->arguments.named) {
        look(child);
    }
    node->depth = inner + 1;
    if (node->depth > kMaxDepth) {
        tokens_.fail(fmt::format("the expression is more than {} operations deep", kMaxDepth));
    }
    return node;
}

ExpressionPtr ExpressionParser::binary(std::string op, std::size_t at, ExpressionPtr left,
                                       ExpressionPtr right) const {
    auto node = make(ExpressionKind::Binary, at, std::move(op));
    node->items.push_back(std::move(left));
    node->items.push_back(std::move(right));
    return finish(std::move(node));
}

ExpressionPtr ExpressionParser::parseMaybeTuple() {
    ExpressionPtr first = parse();
    if (!tokens_.peek().isOperator(",")) {
        return first;
    }
    auto tuple = make(ExpressionKind::List, first->at);
    tuple->items.push_back(std::move(first));
    while (tokens_.takeOperator(",")) {
        if (tokens_.peek().kind == TokenKind::BlockEnd || tokens_.peek().kind == TokenKind::PrintEnd) {
            break;
        }
        tuple->items.push_back(parse());
    }
    return finish(std::move(tuple));
}

ExpressionPtr ExpressionParser::parse() {
    const TokenStream::Level level(tokens_);
    ExpressionPtr node = parseOr();
    while (tokens_.peek().isName("if")) {
        auto conditional = make(ExpressionKind::Conditional, tokens_.take().at);
        conditional->items.push_back(std::move(node));
        conditional->items.push_back(parseOr());
        if (tokens_.takeName("else")) {
            conditional->items.push_back(parse());
        }
        node = finish(std::move(conditional));
    }
    return node;
}

ExpressionPtr ExpressionParser::parseOr() {
    ExpressionPtr first = parseAnd();
    if (!tokens_.peek().isName("or")) {
        return first;
    }
    auto node = make(ExpressionKind::Or, tokens_.peek().at);
    node->items.push_back(std::move(first));
    while (tokens_.takeName("or")) {
        node->items.push_back(parseAnd());
    }
    return finish(std::move(node));
}

ExpressionPtr ExpressionParser::parseAnd() {
    ExpressionPtr first = parseNot();
    if (!tokens_.peek().isName("and")) {
        return first;
    }
    auto node = make(ExpressionKind::And, tokens_.peek().at);
    node->items.push_back(std::move(first));
    while (tokens_.takeName("and")) {
        node->items.push_back(parseNot());
    }
    return finish(std::move(node));
}

ExpressionPtr ExpressionParser::parseNot() {
    if (!tokens_.peek().isName("not")) {
        return parseComparison();
    }
    const TokenStream::Level level(tokens_);
    auto node = make(ExpressionKind::Not, tokens_.take().at);
    node->items.push_back(parseNot());
    return finish(std::move(node));
}

std::string ExpressionParser::comparisonOperator() {
    for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
        if (tokens_.takeOperator(op)) {
            return op;
        }
    }
    if (tokens_.takeName("in")) {
        return "in";
    }
    if (tokens_.peek().isName("not") && tokens_.peek(1).isName("in")) {
        tokens_.take();
        tokens_.take();
        return "not in";
    }
    return {};
}

ExpressionPtr ExpressionParser::parseComparison() {
    ExpressionPtr node = parseSum();
    const std::size_t at = tokens_.peek().at;
    const std::string op = comparisonOperator();
    if (op.empty()) {
        return node;
    }
    node = binary(op, at, std::move(node), parseSum());
    const std::size_t next = tokens_.peek().at;
    if (!comparisonOperator().empty()) {
        tokens_.unsupported(next, "a chain of comparisons");
    }
    return node;
}

ExpressionPtr ExpressionParser::parseSum() {
    ExpressionPtr node = parseConcat();
    while (tokens_.peek().isOperator("+") || tokens_.peek().isOperator("-")) {
        const Token& op = tokens_.take();
        node = binary(op.text, op.at, std::move(node), parseConcat());
    }
    return node;
}

ExpressionPtr ExpressionParser::parseConcat() {
    ExpressionPtr first = parseProduct();
    if (!tokens_.peek().isOperator("~")) {
        return first;
    }
    auto node = make(ExpressionKind::Concat, tokens_.peek().at);
    node->items.push_back(std::move(first));
    while (tokens_.takeOperator("~")) {
        node->items.push_back(parseProduct());
    }
    return finish(std::move(node));
}

ExpressionPtr ExpressionParser::parseProduct() {
    ExpressionPtr node = parsePower();
    while (tokens_.peek().isOperator("*") || tokens_.peek().isOperator("/") || tokens_.peek().isOperator("//") ||
           tokens_.peek().isOperator("%")) {
        const Token& op = tokens_.take();
        node = binary(op.text, op.at, std::move(node), parsePower());
    }
    return node;
}

ExpressionPtr ExpressionParser::parsePower() {
    ExpressionPtr node = parseUnary(true);
    while (tokens_.peek().isOperator("**")) {
        const Token& op = tokens_.take();
        node = binary(op.text, op.at, std::move(node), parseUnary(true));
    }
    return node;
}

ExpressionPtr ExpressionParser::parseUnary(bool with_filters) {
    const TokenStream::Level level(tokens_);
    const std::size_t at = tokens_.peek().at;
    ExpressionPtr node;
    if (tokens_.takeOperator("-")) {
        node = make(ExpressionKind::Negate, at);
        node->items.push_back(parseUnary(false));
        node = finish(std::move(node));
    } else if (tokens_.takeOperator("+")) {
        node = parseUnary(false);
    } else {
        node = parsePrimary();
    }
    node = parsePostfix(std::move(node));
    return with_filters ? parseFiltersAndTests(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::parsePrimary() {
    const Token& token = tokens_.peek();
    switch (token.kind) {
    case TokenKind::Name:
        return parseName();
    case TokenKind::Integer:
    case TokenKind::Float:
        return parseNumber();
    case TokenKind::String: {
        auto node = make(ExpressionKind::Constant, token.at);
        std::string text;
        while (tokens_.peek().kind == TokenKind::String) { // adjacent literals are one
            text += tokens_.take().text;
        }
        node->constant = makeText(std::move(text));
        return node;
    }
    default:
        break;
    }
    if (token.isOperator("(")) {
        return parseParenthesis();
    }
    if (token.isOperator("[")) {
        return parseList();
    }
    if (token.isOperator("{")) {
        return parseDict();
    }
    tokens_.fail(fmt::format("expected an expression, found {}", TokenStream::describe(token)));
}

ExpressionPtr ExpressionParser::parseName() {
    const Token& token = tokens_.take();
    auto node = make(ExpressionKind::Constant, token.at);
    if (token.text == "true" || token.text == "True") {
        node->constant.data = true;
    } else if (token.text == "false" || token.text == "False") {
        node->constant.data = false;
    } else if (token.text == "none" || token.text == "None") {
        node->constant.data = None{};
    } else {
        node->kind = ExpressionKind::Name;
        node->text = token.text;
    }
    return node;
}

ExpressionPtr ExpressionParser::parseNumber() {
    const Token& token = tokens_.take();
    auto node = make(ExpressionKind::Constant, token.at);
    const char* begin = token.text.data();
    const char* end = begin + token.text.size();
    std::int64_t integer = 0;
    double number = 0;
    const bool is_float = token.kind == TokenKind::Float;
    const auto result = is_float ? std::from_chars(begin, end, number) : std::from_chars(begin, end, integer);
    if (result.ec != std::errc() || result.ptr != end) {
        tokens_.fail(fmt::format("the number {} is out of range", token.text));
    }
    if (is_float) {
        node->constant.data = number;
    } else {
        node->constant.data = integer;
    }
    return node;
}

ExpressionPtr ExpressionParser::parseParenthesis() {
    const std::size_t at = tokens_.take().at;
    if (tokens_.takeOperator(")")) {
        return make(ExpressionKind::List, at);
    }
    ExpressionPtr first = parse();
    if (tokens_.takeOperator(")")) {
        return first;
    }
    auto tuple = make(ExpressionKind::List, at);
    tuple->items.push_back(std::move(first));
    while (!tokens_.takeOperator(")")) {
        tokens_.expectOperator(",");
        if (!tokens_.peek().isOperator(")")) {
            tuple->items.push_back(parse());
        }
    }
    return finish(std::move(tuple));
}

ExpressionPtr ExpressionParser::parseList() {
    auto list = make(ExpressionKind::List, tokens_.take().at);
    while (!tokens_.takeOperator("]")) {
        if (!list->items.empty()) {
            tokens_.expectOperator(",");
            if (tokens_.takeOperator("]")) {
                break;
            }
        }
        list->items.push_back(parse());
    }
    return finish(std::move(list));
}

ExpressionPtr ExpressionParser::parseDict() {
    auto dict = make(ExpressionKind::Dict, tokens_.take().at);
    while (!tokens_.takeOperator("}")) {
        if (!dict->items.empty()) {
            tokens_.expectOperator(",");
            if (tokens_.takeOperator("}")) {
                break;
            }
        }
        dict->items.push_back(parse());
        tokens_.expectOperator(":");
        dict->items.push_back(parse());
    }
    return finish(std::move(dict));
}

ExpressionPtr ExpressionParser::parsePostfix(ExpressionPtr node) {
    while (true) {
        const std::size_t at = tokens_.peek().at;
        if (tokens_.takeOperator(".")) {
            if (tokens_.peek().kind == TokenKind::Integer) {
                tokens_.unsupported(at, "an index behind a dot");
            }
            auto attribute = make(ExpressionKind::Attribute, at, tokens_.takeAnyName("the name of an attribute"));
            attribute->items.push_back(std::move(node));
            node = finish(std::move(attribute));
        } else if (tokens_.takeOperator("[")) {
            node = parseSubscript(std::move(node));
        } else if (tokens_.peek().isOperator("(")) {
            auto call = make(ExpressionKind::Call, at);
            call->items.push_back(std::move(node));
            call->arguments = parseArguments();
            node = finish(std::move(call));
        } else {
            return node;
        }
    }
}

ExpressionPtr ExpressionParser::parseSubscript(ExpressionPtr node) {
    auto subscript = make(ExpressionKind::Index, tokens_.peek().at);
    subscript->items.push_back(std::move(node));
    const auto part = [this]() -> ExpressionPtr {
        const bool absent = tokens_.peek().isOperator(":") || tokens_.peek().isOperator("]");
        return absent ? nullptr : parse();
    };
    subscript->items.push_back(part());
    if (tokens_.takeOperator(":")) {
        subscript->kind = ExpressionKind::Slice;
        subscript->items.push_back(part());
        subscript->items.push_back(tokens_.takeOperator(":") ? part() : nullptr);
    } else if (!subscript->items[1]) {
        tokens_.fail("expected an index");
    }
    tokens_.expectOperator("]");
    return finish(std::move(subscript));
}

ExpressionPtr ExpressionParser::parseFiltersAndTests(ExpressionPtr node) {
    while (true) {
        if (tokens_.takeOperator("|")) {
            const std::size_t at = tokens_.peek().at;
            auto filter = make(ExpressionKind::Filter, at, tokens_.takeAnyName("the name of a filter"));
            if (findFilter(filter->text) == nullptr) {
                tokens_.unsupported(at, "the filter '" + filter->text + "'");
            }
            filter->items.push_back(std::move(node));
            if (tokens_.peek().isOperator("(")) {
                filter->arguments = parseArguments();
            }
            node = finish(std::move(filter));
        } else if (tokens_.takeName("is")) {
            node = parseTest(std::move(node));
        } else if (tokens_.peek().isOperator("(")) {
            auto call = make(ExpressionKind::Call, tokens_.peek().at);
            call->items.push_back(std::move(node));
            call->arguments = parseArguments();
            node = finish(std::move(call));
        } else {
            return node;
        }
    }
}

ExpressionPtr ExpressionParser::parseTest(ExpressionPtr node) {
    const bool negated = tokens_.takeName("not");
    const std::size_t at = tokens_.peek().at;
    auto test = make(ExpressionKind::Test, at, tokens_.takeAnyName("the name of a test"));
    if (findTest(test->text) == nullptr) {
        tokens_.unsupported(at, "the test '" + test->text + "'");
    }
    test->items.push_back(std::move(node));
    if (tokens_.peek().isOperator("(")) {
        test->arguments = parseArguments();
    } else if (beginsTestArgument(tokens_.peek())) {
        test->arguments.positional.push_back(parsePostfix(parsePrimary()));
    }
    test = finish(std::move(test));
    if (!negated) {
        return test;
    }
    auto negation = make(ExpressionKind::Not, at);
    negation->items.push_back(std::move(test));
    return finish(std::move(negation));
}

Arguments ExpressionParser::parseArguments() {
    Arguments arguments;
    tokens_.expectOperator("(");
    while (!tokens_.takeOperator(")")) {
        if (!arguments.positional.empty() || !arguments.named.empty()) {
            tokens_.expectOperator(",");
            if (tokens_.takeOperator(")")) {
                break;
            }
        }
        if (tokens_.peek().isOperator("*") || tokens_.peek().isOperator("**")) {
            tokens_.unsupported(tokens_.peek().at, "unpacking of arguments");
        }
        if (tokens_.peek().kind == TokenKind::Name && tokens_.peek(1).isOperator("=")) {
            std::string name = tokens_.take().text;
            tokens_.take();
            arguments.named.emplace_back(std::move(name), parse());
        } else if (!arguments.named.empty()) {
            tokens_.fail("a positional argument behind a named one");
        } else {
            arguments.positional.push_back(parse());
        }
    }
    return arguments;
}

} // namespace fulgurite::jinja
