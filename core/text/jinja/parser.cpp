// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/parser.h"

#include "core/text/jinja/expression_parser.h"
#include "core/text/jinja/token_stream.h"

#include <algorithm>
#include <initializer_list>

namespace fulgurite::jinja {
namespace {

class Parser {
  public:
    explicit Parser(const Source& source) : tokens_(source), expressions_(tokens_) {}

    Statements run() {
        Statements statements = parseUntil({});
        if (tokens_.peek().kind != TokenKind::End) {
            tokens_.fail("nothing may follow here");
        }
        return statements;
    }

  private:
    static StatementPtr make(StatementKind kind, std::size_t at) {
        auto statement = std::make_unique<Statement>();
        statement->kind = kind;
        statement->at = at;
        return statement;
    }

    // Up to a block whose name is among `ends`, which is left to the caller with its {% taken; or to the end.
    Statements parseUntil(std::initializer_list<std::string_view> ends) {
        const TokenStream::Level level(tokens_);
        Statements statements;
        while (tokens_.peek().kind != TokenKind::End) {
            const Token& token = tokens_.take();
            if (token.kind == TokenKind::Text) {
                statements.push_back(make(StatementKind::Text, token.at));
                statements.back()->text = token.text;
            } else if (token.kind == TokenKind::PrintBegin) {
                statements.push_back(make(StatementKind::Print, token.at));
                statements.back()->expression = expressions_.parseMaybeTuple();
                tokens_.expect(TokenKind::PrintEnd, "'}}'");
            } else {
                const std::string& name = tokens_.peek().text;
                if (std::find(ends.begin(), ends.end(), name) != ends.end()) {
                    return statements;
                }
                statements.push_back(parseBlock());
            }
        }
        if (ends.size() > 0) {
            tokens_.fail(fmt::format("expected '{}', found the end of the template", *(ends.end() - 1)));
        }
        return statements;
    }

    void endBlock() { tokens_.expect(TokenKind::BlockEnd, "'%}'"); }

    // Takes "NAME %}" of the block that ends what is being parsed.
    void closeWith(std::string_view name) {
        tokens_.expectName(name);
        endBlock();
    }

    StatementPtr parseBlock() {
        const std::size_t at = tokens_.peek().at;
        const std::string name = tokens_.takeAnyName("the name of a statement");
        if (name == "if") {
            return parseIf(at);
        }
        if (name == "for") {
            return parseFor(at);
        }
        if (name == "set") {
            return parseSet(at);
        }
        if (name == "macro") {
            return parseMacro(at);
        }
        if (name == "generation") { // marks the model's own words for training; changes nothing here
            endBlock();
            StatementPtr block = make(StatementKind::Block, at);
            block->body = parseUntil({"endgeneration"});
            closeWith("endgeneration");
            return block;
        }
        if (name == "break" || name == "continue") {
            if (loops_ == 0) {
                tokens_.fail(name + " stands outside of a for");
            }
            endBlock();
            return make(name == "break" ? StatementKind::Break : StatementKind::Continue, at);
        }
        for (const char* known : {"include", "import", "from", "extends", "block", "call", "filter", "with", "do",
                                  "autoescape", "trans", "debug"}) {
            if (name == known) {
                tokens_.unsupported(at, "the statement '" + name + "'");
            }
        }
        tokens_.fail(fmt::format("unexpected statement '{}'", name));
    }

    StatementPtr parseIf(std::size_t at) {
        StatementPtr statement = make(StatementKind::If, at);
        ExpressionPtr condition = expressions_.parse();
        endBlock();
        while (true) {
            Statements body = parseUntil({"elif", "else", "endif"});
            statement->branches.push_back({std::move(condition), std::move(body)});
            if (tokens_.takeName("elif")) {
                condition = expressions_.parse();
                endBlock();
            } else if (tokens_.takeName("else")) {
                endBlock();
                statement->branches.push_back({nullptr, parseUntil({"endif"})});
                closeWith("endif");
                return statement;
            } else {
                closeWith("endif");
                return statement;
            }
        }
    }

    std::vector<std::string> parseTargets() {
        std::vector<std::string> targets;
        const bool parenthesis = tokens_.takeOperator("(");
        do {
            targets.push_back(tokens_.takeAnyName("a name to assign to"));
        } while (tokens_.takeOperator(","));
        if (parenthesis) {
            tokens_.expectOperator(")");
        }
        return targets;
    }

    StatementPtr parseFor(std::size_t at) {
        StatementPtr statement = make(StatementKind::For, at);
        statement->targets = parseTargets();
        tokens_.expectName("in");
        statement->expression = expressions_.parseOr();
        if (tokens_.takeName("if")) {
            statement->condition = expressions_.parse();
        }
        if (tokens_.peek().isName("recursive")) {
            tokens_.unsupported(tokens_.peek().at, "a recursive for");
        }
        endBlock();
        ++loops_;
        statement->body = parseUntil({"else", "endfor"});
        --loops_;
        if (tokens_.takeName("else")) {
            endBlock();
            statement->otherwise = parseUntil({"endfor"});
        }
        closeWith("endfor");
        return statement;
    }

    StatementPtr parseSet(std::size_t at) {
        StatementPtr statement = make(StatementKind::Set, at);
        statement->targets = parseTargets();
        if (tokens_.takeOperator(".")) {
            if (statement->targets.size() > 1) {
                tokens_.fail("only one attribute can be set at a time");
            }
            statement->text = tokens_.takeAnyName("the name of an attribute");
        }
        if (tokens_.takeOperator("=")) {
            statement->expression = expressions_.parseMaybeTuple();
            endBlock();
            return statement;
        }
        if (tokens_.peek().isOperator("|")) {
            tokens_.unsupported(tokens_.peek().at, "a set block with a filter");
        }
        endBlock();
        statement->body = parseUntil({"endset"});
        closeWith("endset");
        return statement;
    }

    StatementPtr parseMacro(std::size_t at) {
        StatementPtr statement = make(StatementKind::Macro, at);
        statement->text = tokens_.takeAnyName("the name of the macro");
        tokens_.expectOperator("(");
        while (!tokens_.takeOperator(")")) {
            if (!statement->parameters.empty()) {
                tokens_.expectOperator(",");
            }
            Parameter parameter{tokens_.takeAnyName("the name of a parameter"), nullptr};
            if (tokens_.takeOperator("=")) {
                parameter.otherwise = expressions_.parse();
            }
            statement->parameters.push_back(std::move(parameter));
        }
        endBlock();
        const int loops = std::exchange(loops_, 0); // break does not reach out of a macro
        statement->body = parseUntil({"endmacro"});
        loops_ = loops;
        closeWith("endmacro");
        return statement;
    }

    TokenStream tokens_;
    ExpressionParser expressions_;
    int loops_ = 0;
};

} // namespace

Statements parseTemplate(const Source& source) {
    return Parser(source).run();
}

} // namespace fulgurite::jinja
