// SPDX-License-Identifier: GPL-3.0-or-later
// A tokenizer and a parser by recursive descent: or < and < not < comparison, brackets to any sensible depth.
#include "ui/train/run_filter_parser.h"

#include <array>

namespace fulgurite {
namespace {

using Kind = FilterToken::Kind;
using Node = RunFilter::Node;
using NodeRef = std::shared_ptr<const Node>;

constexpr int kMostDepth = 64;
constexpr std::array<const char*, 8> kOperators = {"!=", "!~", "<=", ">=", "=", "<", ">", "~"};

bool isLogic(const QString& word) {
    return word == QLatin1String("and") || word == QLatin1String("or") || word == QLatin1String("not");
}

class Tokenizer {
  public:
    explicit Tokenizer(const QString& text, ParsedFilter& out) : text_(text), out_(out) {}

    void run() {
        while (!out_.problem) {
            while (at_ < text_.size() && text_[at_].isSpace()) {
                ++at_;
            }
            if (at_ == text_.size()) {
                break;
            }
            next();
        }
        // A word before an operator is a field, one after it a value.
        for (std::size_t i = 0; i < out_.tokens.size(); ++i) {
            FilterToken& token = out_.tokens[i];
            const bool before = i + 1 < out_.tokens.size() && out_.tokens[i + 1].kind == Kind::Operator;
            const bool after = i > 0 && out_.tokens[i - 1].kind == Kind::Operator;
            if (after && (token.kind == Kind::Word || token.kind == Kind::Logic)) {
                token.kind = Kind::Value;
            } else if (before && token.kind == Kind::Word) {
                token.kind = Kind::Field;
            }
        }
    }

  private:
    void add(Kind kind, qsizetype length, const QString& text) {
        out_.tokens.push_back({kind, at_, length, text});
        at_ += length;
    }
    void next() {
        const QChar c = text_[at_];
        if (c == u'(' || c == u')') {
            add(Kind::Bracket, 1, c);
        } else if (c == u'"' || c == u'\'') {
            const qsizetype end = text_.indexOf(c, at_ + 1);
            if (end < 0) {
                out_.problem =
                    FilterProblem{at_, text_.size() - at_, QStringLiteral("The quotation mark is not closed")};
                return;
            }
            add(Kind::Word, end + 1 - at_, text_.mid(at_ + 1, end - at_ - 1));
        } else if (const QString op = operatorHere(); !op.isEmpty()) {
            add(Kind::Operator, op.size(), op);
        } else {
            qsizetype end = at_;
            while (end < text_.size() && !ends(end)) {
                ++end;
            }
            const QString word = text_.mid(at_, end - at_);
            add(isLogic(word.toLower()) ? Kind::Logic : Kind::Word, word.size(), word);
        }
    }
    QString operatorHere() const {
        for (const char* op : kOperators) {
            if (QStringView(text_).mid(at_).startsWith(QLatin1String(op))) {
                return QLatin1String(op);
            }
        }
        return {};
    }
    bool ends(qsizetype at) const {
        const QChar c = text_[at];
        return c.isSpace() || QStringLiteral("()=<>~\"").contains(c) ||
               (c == u'!' && at + 1 < text_.size() && (text_[at + 1] == u'=' || text_[at + 1] == u'~'));
    }

    const QString& text_;
    ParsedFilter& out_;
    qsizetype at_ = 0;
};

class Parser {
  public:
    Parser(ParsedFilter& out, qsizetype text_length) : out_(out), length_(text_length) {}

    void run() {
        if (out_.tokens.empty() || out_.problem) {
            return;
        }
        NodeRef root = either(0);
        if (!out_.problem && at_ < out_.tokens.size()) {
            complain(QStringLiteral("This bracket closes nothing"));
        }
        if (!out_.problem) {
            out_.root = std::move(root);
        }
    }

  private:
    const FilterToken* peek() const { return at_ < out_.tokens.size() ? &out_.tokens[at_] : nullptr; }
    bool takeLogic(QLatin1String word) {
        if (const FilterToken* token = peek();
            token != nullptr && token->kind == Kind::Logic && token->text.compare(word, Qt::CaseInsensitive) == 0) {
            ++at_;
            return true;
        }
        return false;
    }
    NodeRef complain(const QString& message) {
        if (!out_.problem) {
            const FilterToken* token = peek();
            if (token == nullptr && !out_.tokens.empty()) {
                token = &out_.tokens.back();
            }
            out_.problem =
                token ? FilterProblem{token->start, token->length, message} : FilterProblem{0, length_, message};
        }
        return {};
    }
    static NodeRef both(Node::Kind kind, NodeRef a, NodeRef b) {
        auto node = std::make_shared<Node>();
        node->kind = kind;
        node->children = {std::move(a), std::move(b)};
        return node;
    }

    NodeRef either(int depth) {
        NodeRef left = all(depth);
        while (!out_.problem && takeLogic(QLatin1String("or"))) {
            left = both(Node::Kind::Or, left, all(depth));
        }
        return left;
    }
    NodeRef all(int depth) {
        NodeRef left = one(depth);
        while (!out_.problem) {
            const FilterToken* token = peek();
            if (token == nullptr || token->text == QLatin1String(")")) {
                break;
            }
            if (token->kind == Kind::Logic && token->text.compare(QLatin1String("or"), Qt::CaseInsensitive) == 0) {
                break;
            }
            takeLogic(QLatin1String("and"));
            left = both(Node::Kind::And, left, one(depth));
        }
        return left;
    }
    NodeRef one(int depth) {
        if (depth > kMostDepth) {
            return complain(QStringLiteral("Brackets nest deeper than %1").arg(kMostDepth));
        }
        if (takeLogic(QLatin1String("not"))) {
            auto node = std::make_shared<Node>();
            node->kind = Node::Kind::Not;
            node->children = {one(depth + 1)};
            return node;
        }
        const FilterToken* token = peek();
        if (token == nullptr) {
            return complain(QStringLiteral("Something has to follow here"));
        }
        if (token->kind == Kind::Bracket) {
            return bracket(depth);
        }
        if (token->kind == Kind::Operator) {
            return complain(QStringLiteral("A field has to stand before %1").arg(token->text));
        }
        if (token->kind == Kind::Logic) {
            return complain(QStringLiteral("A condition has to stand before \"%1\"").arg(token->text));
        }
        return token->kind == Kind::Field ? comparison() : word();
    }
    NodeRef bracket(int depth) {
        if (peek()->text == QLatin1String(")")) {
            return complain(QStringLiteral("This bracket closes nothing"));
        }
        const std::size_t opening = at_++;
        NodeRef inside = either(depth + 1);
        if (out_.problem) {
            return {};
        }
        if (peek() == nullptr) {
            at_ = opening;
            return complain(QStringLiteral("This bracket is not closed"));
        }
        ++at_;
        return inside;
    }
    NodeRef word() {
        auto node = std::make_shared<Node>();
        node->value = out_.tokens[at_++].text;
        return node;
    }
    NodeRef comparison() {
        auto node = std::make_shared<Node>();
        node->kind = Node::Kind::Compare;
        node->field = out_.tokens[at_++].text;
        node->comparison = out_.tokens[at_++].text;
        const FilterToken* value = peek();
        if (value == nullptr || (value->kind != Kind::Value && value->kind != Kind::Field)) {
            return complain(QStringLiteral("A value has to follow %1").arg(node->comparison));
        }
        node->value = value->text;
        const bool ordered = node->comparison.contains(u'<') || node->comparison.contains(u'>');
        bool number = false;
        node->value.toDouble(&number);
        if (ordered && !number) {
            return complain(
                QStringLiteral("%1 compares numbers; \"%2\" is none").arg(node->comparison, node->value));
        }
        ++at_;
        return node;
    }

    ParsedFilter& out_;
    qsizetype length_;
    std::size_t at_ = 0;
};

} // namespace

ParsedFilter parseRunFilter(const QString& text) {
    ParsedFilter parsed;
    Tokenizer(text, parsed).run();
    Parser(parsed, text.size()).run();
    return parsed;
}

} // namespace fulgurite
