// SPDX-License-Identifier: Apache-2.0
// A reader of JSON for logs: it accepts what Python's json module writes, in one pass and without a tree.
#include "core/base/utf8.h"
#include "core/store/runs/import/log_row.h"

#include <cctype>
#include <limits>

namespace fulgurite {

namespace {

constexpr int deepest = 32;

class RowReader {
  public:
    RowReader(std::string_view text, LogRow& row) : text_(text), row_(row) {}

    std::string read() {
        space();
        if (!object(0) && why_.empty())
            why_ = "it does not begin with {";
        return why_;
    }
    std::size_t consumed() const { return at_; }

  private:
    bool refuse(const char* why) {
        if (why_.empty())
            why_ = why;
        return false;
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) {
        if (peek() != c || at_ >= text_.size())
            return false;
        ++at_;
        return true;
    }
    void space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
            ++at_;
    }

    bool object(int depth) {
        if (!take('{'))
            return false;
        if (depth == deepest)
            return refuse("it is nested too deeply");
        space();
        if (take('}'))
            return true;
        do {
            space();
            std::string name;
            if (!string(&name))
                return refuse("a name in quotes is missing");
            space();
            if (!take(':'))
                return refuse("a colon is missing");
            const std::size_t length = path_.size();
            path_ += path_.empty() ? name : "/" + name;
            const bool ok = value(depth + 1, true);
            path_.resize(length);
            if (!ok)
                return refuse("it is cut off or a value is damaged");
            space();
        } while (take(','));
        return take('}') || refuse("a closing brace is missing");
    }

    bool list(int depth) {
        if (depth == deepest)
            return refuse("it is nested too deeply");
        ++at_; // [
        space();
        if (take(']'))
            return true;
        do {
            if (!value(depth + 1, false))
                return false;
            space();
        } while (take(','));
        return take(']');
    }

    // `kept`: not within a list.
    bool value(int depth, bool kept) {
        space();
        switch (peek()) {
        case '{':
            if (kept)
                return object(depth);
            return skippedObject(depth);
        case '[':
            return list(depth);
        case '"': {
            std::string text;
            if (!string(kept ? &text : nullptr))
                return false;
            if (kept)
                row_.push_back({path_, std::nullopt, std::move(text)});
            return true;
        }
        default:
            return word(kept);
        }
    }

    bool skippedObject(int depth) {
        LogRow dropped;
        std::swap(dropped, row_);
        const bool ok = object(depth);
        std::swap(dropped, row_);
        return ok;
    }

    // Numbers, null, true, false, NaN, Infinity.
    bool word(bool kept) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-' ||
                                      text_[at_] == '+' || text_[at_] == '.'))
            ++at_;
        const std::string_view word = text_.substr(begin, at_ - begin);
        if (word == "true" || word == "false")
            return true;
        const std::optional<double> number = readLogNumber(word);
        if (!number)
            return false;
        if (kept)
            row_.push_back({path_, number, {}});
        return true;
    }

    bool string(std::string* out) {
        if (!take('"'))
            return false;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"')
                return true;
            if (c == '\\') {
                if (!escape(out))
                    return false;
            } else if (out) {
                out->push_back(c);
            }
        }
        return false;
    }

    bool escape(std::string* out) {
        if (at_ >= text_.size())
            return false;
        const char c = text_[at_++];
        if (c == 'u') {
            const auto code = hex();
            if (!code)
                return false;
            if (out)
                appendUtf8(*out, pairedWith(*code));
            return true;
        }
        constexpr std::string_view names = "\"\\/bfnrt";
        constexpr std::string_view values = "\"\\/\b\f\n\r\t";
        const std::size_t index = names.find(c);
        if (index == std::string_view::npos)
            return false;
        if (out)
            out->push_back(values[index]);
        return true;
    }

    std::optional<char32_t> hex() {
        if (text_.size() - at_ < 4)
            return std::nullopt;
        char32_t code = 0;
        for (int i = 0; i < 4; ++i) {
            const auto digit = static_cast<unsigned char>(text_[at_ + static_cast<std::size_t>(i)]);
            if (!std::isxdigit(digit))
                return std::nullopt;
            code = code * 16 + static_cast<char32_t>(std::isdigit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }
        at_ += 4;
        return code;
    }

    // The character of a surrogate pair; a lone half is U+FFFD.
    char32_t pairedWith(char32_t high) {
        if (high < 0xD800 || high > 0xDFFF)
            return high;
        const std::size_t begin = at_;
        if (high < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
            at_ += 2;
            if (const auto low = hex(); low && *low >= 0xDC00 && *low <= 0xDFFF)
                return 0x10000 + ((high - 0xD800) << 10) + (*low - 0xDC00);
        }
        at_ = begin;
        return 0xFFFD;
    }

    std::string_view text_;
    LogRow& row_;
    std::string path_; // of the value that is being read
    std::string why_;
    std::size_t at_ = 0;
};

} // namespace

std::string readJsonRow(std::string_view text, LogRow& row, std::size_t* consumed) {
    row.clear();
    RowReader reader(text, row);
    std::string why = reader.read();
    if (consumed)
        *consumed = reader.consumed();
    return why;
}

} // namespace fulgurite
