// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/lexer.h"

#include "core/base/utf8.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

bool isBlank(char c) {
    return c == ' ' || c == '\t';
}

bool isTemplateSpace(char c) {
    return isBlank(c) || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

bool beginsName(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
  public:
    explicit Lexer(const Source& source) : source_(source), text_(source.text) {}

    std::vector<Token> run() {
        while (at_ < text_.size()) {
            const std::size_t tag = findTag(at_);
            const std::string_view opening = text_.substr(std::min(tag, text_.size()), 3);
            addText(at_, std::min(tag, text_.size()), opening);
            if (tag == std::string_view::npos) {
                break;
            }
            begin_ = tag;
            at_ = tag + 2 + (opening.size() == 3 && (opening[2] == '-' || opening[2] == '+') ? 1 : 0);
            if (opening[1] == '#') {
                skipComment();
            } else if (opening[1] == '%' && beginsRaw()) {
                addRaw();
            } else {
                lexTag(opening[1] == '{');
            }
        }
        add(TokenKind::End, text_.size(), "");
        return std::move(tokens_);
    }

  private:
    void add(TokenKind kind, std::size_t at, std::string text) { tokens_.push_back({kind, at, std::move(text)}); }

    [[noreturn]] void fail(std::size_t at, const std::string& message) const {
        source_.fail(ErrorKind::Corrupt, at, message);
    }

    std::size_t findTag(std::size_t from) const {
        for (std::size_t at = text_.find('{', from); at != std::string_view::npos; at = text_.find('{', at + 1)) {
            if (at + 1 < text_.size() && (text_[at + 1] == '{' || text_[at + 1] == '%' || text_[at + 1] == '#')) {
                return at;
            }
        }
        return std::string_view::npos;
    }

    // Text between two tags. `opening`: the first three characters of the tag that follows, if one does.
    void addText(std::size_t begin, std::size_t end, std::string_view opening) {
        if (strip_next_) {
            while (begin < end && isTemplateSpace(text_[begin])) {
                ++begin;
            }
        } else if (drop_newline_ && begin < end && text_[begin] == '\n') {
            ++begin;
        }
        const bool at_line_begin = begin == 0 || text_[begin - 1] == '\n';
        const char control = opening.size() == 3 ? opening[2] : '\0';
        if (control == '-') {
            while (end > begin && isTemplateSpace(text_[end - 1])) {
                --end;
            }
        } else if (opening.size() >= 2 && opening[1] != '{' && control != '+') {
            std::size_t blanks = end;
            while (blanks > begin && isBlank(text_[blanks - 1])) {
                --blanks;
            }
            if (blanks > begin ? text_[blanks - 1] == '\n' : at_line_begin) {
                end = blanks;
            }
        }
        strip_next_ = false;
        drop_newline_ = false;
        if (end > begin) {
            add(TokenKind::Text, begin, std::string(text_.substr(begin, end - begin)));
        }
    }

    // After a closing tag that ends before `at_`: what happens to the text behind it.
    void closeTag(char control, bool is_print) {
        strip_next_ = control == '-';
        drop_newline_ = !is_print && control == '\0';
    }

    void skipComment() {
        const std::size_t end = text_.find("#}", at_);
        if (end == std::string_view::npos) {
            fail(begin_, "the comment is not closed by #}");
        }
        const char before = end > at_ ? text_[end - 1] : '\0';
        at_ = end + 2;
        closeTag(before == '-' || before == '+' ? before : '\0', false);
    }

    std::size_t skipSpace(std::size_t at) const {
        while (at < text_.size() && isTemplateSpace(text_[at])) {
            ++at;
        }
        return at;
    }

    // The end of "{% NAME %}" whose inside begins at `at`; npos when it is something else.
    std::size_t plainBlockEnd(std::size_t at, std::string_view name, char& control) const {
        at = skipSpace(at);
        if (text_.substr(at, name.size()) != name) {
            return std::string_view::npos;
        }
        at = skipSpace(at + name.size());
        control = at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at] : '\0';
        at += control != '\0' ? 1 : 0;
        return text_.substr(at, 2) == "%}" ? at + 2 : std::string_view::npos;
    }

    bool beginsRaw() const {
        char control = '\0';
        return plainBlockEnd(at_, "raw", control) != std::string_view::npos;
    }

    void addRaw() {
        char control = '\0';
        at_ = plainBlockEnd(at_, "raw", control);
        strip_next_ = control == '-'; // the newline behind it is raw as well, unlike that of other blocks
        for (std::size_t tag = text_.find("{%", at_); tag != std::string_view::npos;
             tag = text_.find("{%", tag + 2)) {
            const char first = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
            const bool controlled = first == '-' || first == '+';
            const std::size_t end = plainBlockEnd(tag + 2 + (controlled ? 1 : 0), "endraw", control);
            if (end != std::string_view::npos) {
                addText(at_, tag, text_.substr(tag, 3));
                at_ = end;
                closeTag(control, false);
                return;
            }
        }
        fail(begin_, "raw is not closed by endraw");
    }

    void lexTag(bool is_print) {
        add(is_print ? TokenKind::PrintBegin : TokenKind::BlockBegin, begin_, "");
        const std::string_view closing = is_print ? "}}" : "%}";
        std::size_t brackets = 0;
        while (true) {
            at_ = skipSpace(at_);
            if (at_ >= text_.size()) {
                fail(begin_, fmt::format("the tag is not closed by {}", closing));
            }
            const char control =
                (text_[at_] == '-' || text_[at_] == '+') && text_.substr(at_ + 1, 2) == closing ? text_[at_] : '\0';
            if (brackets == 0 && (control != '\0' || text_.substr(at_, 2) == closing)) {
                add(is_print ? TokenKind::PrintEnd : TokenKind::BlockEnd, at_, "");
                at_ += control != '\0' ? 3 : 2;
                closeTag(control, is_print);
                return;
            }
            lexToken(brackets);
        }
    }

    void lexToken(std::size_t& brackets) {
        const char c = text_[at_];
        if (beginsName(c)) {
            const std::size_t begin = at_;
            while (at_ < text_.size() && (beginsName(text_[at_]) || isDigit(text_[at_]))) {
                ++at_;
            }
            add(TokenKind::Name, begin, std::string(text_.substr(begin, at_ - begin)));
        } else if (isDigit(c)) {
            lexNumber();
        } else if (c == '"' || c == '\'') {
            lexString();
        } else {
            lexOperator(brackets);
        }
    }

    void lexDigits(std::string& digits) {
        while (at_ < text_.size() && (isDigit(text_[at_]) || text_[at_] == '_')) {
            if (text_[at_] != '_') {
                digits += text_[at_];
            }
            ++at_;
        }
    }

    void lexNumber() {
        const std::size_t begin = at_;
        std::string digits;
        lexDigits(digits);
        bool is_float = false;
        if (at_ + 1 < text_.size() && text_[at_] == '.' && isDigit(text_[at_ + 1])) {
            is_float = true;
            digits += text_[at_++];
            lexDigits(digits);
        }
        if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
            const std::size_t sign =
                at_ + 1 < text_.size() && (text_[at_ + 1] == '-' || text_[at_ + 1] == '+') ? 1 : 0;
            if (at_ + 1 + sign < text_.size() && isDigit(text_[at_ + 1 + sign])) {
                is_float = true;
                digits += text_.substr(at_, 1 + sign);
                at_ += 1 + sign;
                lexDigits(digits);
            }
        }
        add(is_float ? TokenKind::Float : TokenKind::Integer, begin, std::move(digits));
    }

    void lexString() {
        const std::size_t begin = at_;
        const char quote = text_[at_++];
        std::string value;
        while (at_ < text_.size() && text_[at_] != quote) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
                lexEscape(value);
            } else {
                value += text_[at_++];
            }
        }
        if (at_ >= text_.size()) {
            fail(begin, "the string is not closed");
        }
        ++at_;
        add(TokenKind::String, begin, std::move(value));
    }

    void lexEscape(std::string& value) {
        const std::size_t begin = at_;
        const char c = text_[at_ + 1];
        at_ += 2;
        constexpr std::string_view kLetters = "ntrabfv0\\'\"";
        constexpr std::string_view kMeanings("\n\t\r\a\b\f\v\0\\'\"", 11);
        if (const std::size_t i = kLetters.find(c); i != std::string_view::npos) {
            value += kMeanings[i];
        } else if (c == 'x' || c == 'u' || c == 'U') {
            lexCode(value, begin, c == 'x' ? 2 : c == 'u' ? 4 : 8);
        } else if (c != '\n') { // a newline behind a backslash joins the lines; the rest stays as it is
            value += '\\';
            value += c;
        }
    }

    void lexCode(std::string& value, std::size_t begin, std::size_t digits) {
        char32_t code = 0;
        for (std::size_t i = 0; i < digits; ++i, ++at_) {
            const char c = at_ < text_.size() ? text_[at_] : '\0';
            const std::size_t digit =
                std::string_view("0123456789abcdef").find(static_cast<char>(isDigit(c) ? c : c | 0x20));
            if (digit == std::string_view::npos || code > 0x10FFFF) {
                fail(begin, fmt::format("the escape needs {} hexadecimal digits", digits));
            }
            code = code << 4 | static_cast<char32_t>(digit);
        }
        if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
            fail(begin, "the escape is not a Unicode character");
        }
        appendUtf8(value, code);
    }

    void lexOperator(std::size_t& brackets) {
        static constexpr std::array<std::string_view, 27> kOperators = {
            "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">",
            "=",  ".",  ",",  ":",  "|",  "(",  ")", "[", "]", "{", "}", ";", "@"};
        for (const std::string_view spelling : kOperators) {
            if (text_.substr(at_, spelling.size()) == spelling) {
                const char c = spelling[0];
                brackets += c == '(' || c == '[' || c == '{' ? 1 : 0;
                brackets -= (c == ')' || c == ']' || c == '}') && brackets > 0 ? 1 : 0;
                add(TokenKind::Operator, at_, std::string(spelling));
                at_ += spelling.size();
                return;
            }
        }
        fail(at_, fmt::format("unexpected character '{}'", text_[at_]));
    }

    const Source& source_;
    std::string_view text_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::size_t begin_ = 0; // of the tag
    bool strip_next_ = false;
    bool drop_newline_ = false;
};

} // namespace

std::string Source::place(std::size_t at) const {
    const std::string_view before = std::string_view(text).substr(0, at);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const auto column = std::count_if(before.begin() + static_cast<std::ptrdiff_t>(line_begin), before.end(),
                                      [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return fmt::format("{}, line {}, column {}", name, line, column + 1);
}

void Source::fail(ErrorKind kind, std::size_t at, const std::string& message) const {
    throw Error(kind, fmt::format("{}: {}", place(at), message));
}

std::vector<Token> tokenize(const Source& source) {
    return Lexer(source).run();
}

} // namespace fulgurite::jinja
