// SPDX-License-Identifier: Apache-2.0
// The visible text of an HTML page: tags are dropped, blocks end lines, scripts and styles vanish, entities become
// characters. Not a parser of the standard: whatever is broken is text.
#include "core/base/utf8.h"
#include "core/retrieval/readers.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace fulgurite::retrieval {

namespace {

std::string lowered(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return result;
}

bool isHtmlSpace(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

bool isOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Where the content of a raw element ends: at its closing tag, or at the end of the page.
std::size_t endOfRaw(std::string_view page, std::string_view lower, std::size_t from, const std::string& name) {
    const std::size_t end = lower.find("</" + name, from);
    return end == std::string_view::npos ? page.size() : end;
}

struct Entity {
    std::string_view name;
    char32_t code;
};
constexpr std::array<Entity, 14> kEntities{{{"amp", '&'},
                                            {"lt", '<'},
                                            {"gt", '>'},
                                            {"quot", '"'},
                                            {"apos", '\''},
                                            {"nbsp", 0xA0},
                                            {"ndash", 0x2013},
                                            {"mdash", 0x2014},
                                            {"hellip", 0x2026},
                                            {"lsquo", 0x2018},
                                            {"rsquo", 0x2019},
                                            {"ldquo", 0x201C},
                                            {"rdquo", 0x201D},
                                            {"copy", 0xA9}}};

char32_t numericEntity(std::string_view digits) {
    const bool hex = !digits.empty() && (digits[0] == 'x' || digits[0] == 'X');
    digits.remove_prefix(hex ? 1 : 0);
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    const bool valid = code != 0 && code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
    return whole && valid ? static_cast<char32_t>(code) : 0;
}

// Appends the character of the entity at `at` (an ampersand); returns what it took, 1 for a plain ampersand.
std::size_t appendEntity(std::string_view page, std::size_t at, std::string& out) {
    constexpr std::size_t kLongest = 12;
    const std::size_t end = page.substr(at, kLongest).find(';');
    if (end != std::string_view::npos && end > 1) {
        const std::string_view name = page.substr(at + 1, end - 1);
        char32_t code = name[0] == '#' ? numericEntity(name.substr(1)) : 0;
        for (const Entity& entity : kEntities) {
            code = entity.name == name ? entity.code : code;
        }
        if (code != 0) {
            appendUtf8(out, code == 0xA0 ? U' ' : code);
            return end + 1;
        }
    }
    out += '&';
    return 1;
}

// Collapses runs of blanks into one space, and what lies around line ends into at most one empty line.
std::string tidied(std::string_view text) {
    std::string out;
    std::size_t lines = 2; // line ends since the last character
    bool space = false;
    for (const char c : text) {
        if (c == '\n') {
            ++lines;
            space = false;
        } else if (isHtmlSpace(c)) {
            space = true;
        } else {
            if (lines > 0 && !out.empty()) {
                out.append(std::min<std::size_t>(lines, 2), '\n');
            } else if (space && !out.empty()) {
                out += ' ';
            }
            lines = 0;
            space = false;
            out += c;
        }
    }
    return out;
}

class Stripper {
  public:
    explicit Stripper(std::string_view page) : page_(page), lower_(lowered(page)) {}

    SourceDocument run() {
        while (at_ < page_.size()) {
            const char c = page_[at_];
            if (c == '<' && tag()) {
                continue;
            }
            if (c == '&') {
                at_ += appendEntity(page_, at_, text_);
            } else {
                text_ += isHtmlSpace(c) ? ' ' : c;
                ++at_;
            }
        }
        SourceDocument document;
        document.title = tidied(title_);
        document.text = tidied(text_);
        return document;
    }

  private:
    // Takes a tag, comment or declaration at `at_`; false when the bracket is text.
    bool tag() {
        const std::string_view rest = std::string_view(lower_).substr(at_);
        if (rest.starts_with("<!--")) {
            const std::size_t end = rest.find("-->", 4);
            at_ = end == std::string_view::npos ? page_.size() : at_ + end + 3;
            return true;
        }
        const bool closing = rest.size() > 1 && rest[1] == '/';
        const std::size_t begin = closing ? 2 : 1;
        if (rest.size() <= begin ||
            (!closing && rest[1] != '!' && rest[1] != '?' && (rest[1] < 'a' || rest[1] > 'z'))) {
            return false;
        }
        std::size_t name_end = begin;
        while (name_end < rest.size() && rest[name_end] != '>' && rest[name_end] != '/' &&
               !isHtmlSpace(rest[name_end])) {
            ++name_end;
        }
        const std::string name(rest.substr(begin, name_end - begin));
        at_ = endOfTag(at_ + name_end);
        if (!closing && isOneOf(name, {"script", "style", "noscript", "template", "svg", "head"})) {
            if (name == "head") {
                takeTitle();
            }
            at_ = endOfRaw(page_, lower_, at_, name);
        } else if (isOneOf(name, {"p",  "div",   "br",         "li",      "tr",      "h1",     "h2",     "h3",
                                  "h4", "h5",    "h6",         "section", "article", "header", "footer", "ul",
                                  "ol", "table", "blockquote", "pre",     "hr",      "title",  "dt",     "dd"})) {
            text_ += name.size() == 2 && name[0] == 'h' && name != "hr" ? "\n\n" : "\n";
        } else if (isOneOf(name, {"td", "th"})) {
            text_ += ' ';
        }
        return true;
    }

    // Behind the closing bracket; brackets in quoted attributes do not close.
    std::size_t endOfTag(std::size_t at) const {
        char quote = 0;
        for (; at < page_.size(); ++at) {
            const char c = page_[at];
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if (c == '"' || c == '\'') {
                quote = c;
            } else if (c == '>') {
                return at + 1;
            }
        }
        return page_.size();
    }

    // The title inside of the head that begins at `at_`.
    void takeTitle() {
        const std::size_t head_end = endOfRaw(page_, lower_, at_, "head");
        // Inside of the head alone: a page of many heads is read once.
        const std::size_t open = std::string_view(lower_).substr(at_, head_end - at_).find("<title");
        if (open == std::string_view::npos) {
            return;
        }
        std::size_t from = endOfTag(at_ + open);
        const std::size_t end = endOfRaw(page_, lower_, from, "title");
        while (from < end) {
            if (page_[from] == '&') {
                from += appendEntity(page_, from, title_);
            } else {
                title_ += isHtmlSpace(page_[from]) ? ' ' : page_[from];
                ++from;
            }
        }
    }

    std::string_view page_;
    std::string lower_;
    std::size_t at_ = 0;
    std::string text_;
    std::string title_;
};

} // namespace

SourceDocument readHtml(std::string_view text) {
    return Stripper(text).run();
}

} // namespace fulgurite::retrieval
