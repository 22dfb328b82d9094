// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/reference_tokenizer.h"

#include <cctype>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utf8proc.h>

namespace fulgurite::test {
namespace {

std::u32string toCodes(const std::string& text) {
    std::u32string codes;
    for (std::size_t at = 0; at < text.size();) {
        utf8proc_int32_t code = 0;
        const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                             static_cast<utf8proc_ssize_t>(text.size() - at), &code);
        if (length <= 0) {
            throw std::runtime_error("invalid UTF-8 in a test");
        }
        codes.push_back(static_cast<char32_t>(code));
        at += static_cast<std::size_t>(length);
    }
    return codes;
}

std::string toUtf8(std::u32string_view codes) {
    std::string text;
    for (const char32_t code : codes) {
        std::array<utf8proc_uint8_t, 4> bytes{};
        const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes.data());
        text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
    }
    return text;
}

std::string toNfcByLibrary(const std::string& text) {
    utf8proc_uint8_t* result = nullptr;
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &result,
                                     static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    std::string normal(reinterpret_cast<char*>(result), static_cast<std::size_t>(length));
    std::free(result); // NOLINT: utf8proc allocates with malloc
    return normal;
}

bool isSpace(char32_t c) {
    const std::string category = utf8proc_category_string(static_cast<utf8proc_int32_t>(c));
    return (c >= 9 && c <= 13) || c == 0x85 || category[0] == 'Z';
}

// A backtracking matcher for the syntax that split patterns use: classes, groups, (?i:), (?!), ?, *, +, {m,n}, |.
class Matcher {
  public:
    using Then = std::function<bool(std::size_t)>;

    Matcher(std::u32string_view pattern, std::u32string_view text) : pattern_(pattern), text_(text) {}

    // The end of the match at `at`; npos when there is none.
    std::size_t match(std::size_t at) {
        std::size_t end = std::u32string_view::npos;
        alternatives(0, pattern_.size(), false, at, [&end](std::size_t here) {
            end = here;
            return true;
        });
        return end;
    }

  private:
    // Pattern positions of the end of the item that begins at `p`.
    std::size_t itemEnd(std::size_t p) const {
        if (pattern_[p] == '\\') {
            return pattern_[p + 1] == 'p' ? pattern_.find('}', p) + 1 : p + 2;
        }
        if (pattern_[p] == '[') {
            for (++p; pattern_[p] != ']'; ++p) {
                p += pattern_[p] == '\\' ? 1 : 0;
            }
            return p + 1;
        }
        if (pattern_[p] == '(') {
            int depth = 0;
            do {
                depth += pattern_[p] == '(' ? 1 : pattern_[p] == ')' ? -1 : 0;
                ++p;
            } while (depth > 0);
            return p;
        }
        return p + 1;
    }

    bool alternatives(std::size_t begin, std::size_t end, bool fold, std::size_t at, const Then& then) {
        std::size_t from = begin;
        for (std::size_t p = begin; p <= end;) {
            if (p == end || pattern_[p] == '|') {
                if (sequence(from, p, fold, at, then)) {
                    return true;
                }
                from = ++p;
            } else {
                p = itemEnd(p);
            }
        }
        return false;
    }

    bool sequence(std::size_t p, std::size_t end, bool fold, std::size_t at, const Then& then) {
        if (p == end) {
            return then(at);
        }
        const std::size_t after = itemEnd(p);
        std::size_t next = after;
        int low = 1;
        int high = 1;
        if (next < end && (pattern_[next] == '?' || pattern_[next] == '*' || pattern_[next] == '+')) {
            low = pattern_[next] == '+' ? 1 : 0;
            high = pattern_[next] == '?' ? 1 : 1 << 30;
            ++next;
        } else if (next < end && pattern_[next] == '{') {
            low = static_cast<int>(pattern_[next + 1] - '0');
            high = static_cast<int>(pattern_[next + 3] - '0');
            next += 5;
        }
        return repeat(p, after, fold, at, low, high,
                      [&](std::size_t here) { return sequence(next, end, fold, here, then); });
    }

    bool repeat(std::size_t p, std::size_t after, bool fold, std::size_t at, int low, int high, const Then& then) {
        if (high > 0 && item(p, after, fold, at, [&](std::size_t here) {
                return repeat(p, after, fold, here, low - 1, high - 1, then);
            })) {
            return true;
        }
        return low <= 0 && then(at);
    }

    bool item(std::size_t p, std::size_t after, bool fold, std::size_t at, const Then& then) {
        if (pattern_[p] == '(') {
            if (pattern_[p + 2] == '!') {
                const bool found = alternatives(p + 3, after - 1, fold, at, [](std::size_t) { return true; });
                return !found && then(at);
            }
            return alternatives(p + 4, after - 1, true, at, then); // (?i:
        }
        return at < text_.size() && character(p, fold, text_[at]) && then(at + 1);
    }

    bool character(std::size_t p, bool fold, char32_t c) const {
        if (pattern_[p] == '[') {
            bool found = false;
            const bool negated = pattern_[p + 1] == '^';
            for (std::size_t q = p + 1 + (negated ? 1 : 0); pattern_[q] != ']'; q = itemEnd(q)) {
                found = found || character(q, fold, c);
            }
            return found != negated;
        }
        if (pattern_[p] == '\\') {
            switch (pattern_[p + 1]) {
            case 'r':
                return c == '\r';
            case 'n':
                return c == '\n';
            case 's':
                return isSpace(c);
            case 'S':
                return !isSpace(c);
            default: {
                const std::string wanted = toUtf8(pattern_.substr(p + 3, pattern_.find('}', p) - p - 3));
                return std::string(utf8proc_category_string(static_cast<utf8proc_int32_t>(c))).starts_with(wanted);
            }
            }
        }
        const auto folded = [](char32_t code) {
            return code == 0x17F ? U's'
                                 : static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
        };
        return fold ? folded(pattern_[p]) == folded(c) : pattern_[p] == c;
    }

    std::u32string_view pattern_;
    std::u32string_view text_;
};

// byte -> spelling in the file.
std::vector<std::string> spellings() {
    std::vector<std::string> all;
    char32_t spare = 256;
    for (char32_t byte = 0; byte < 256; ++byte) {
        const bool shown = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
        all.push_back(toUtf8(std::u32string(1, shown ? byte : spare++)));
    }
    return all;
}

} // namespace

ReferenceTokenizer::ReferenceTokenizer(const std::string& json_text) {
    const nlohmann::json file = nlohmann::json::parse(json_text);
    const auto& split = file["pre_tokenizer"]["pretokenizers"][0];
    pattern_ = toCodes(split["pattern"]["Regex"].get<std::string>());
    vocabulary_ = file["model"]["vocab"].get<std::map<std::string, std::int32_t>>();
    for (const auto& merge : file["model"]["merges"]) {
        const auto text = merge.get<std::string>();
        const std::size_t space = text.find(' ');
        ranks_.emplace(std::pair(text.substr(0, space), text.substr(space + 1)), ranks_.size());
    }
    for (const auto& token : file["added_tokens"]) {
        added_[token["content"].get<std::string>()] = token["id"].get<std::int32_t>();
    }
}

std::vector<std::string> ReferenceTokenizer::split(const std::string& text) const {
    const std::u32string codes = toCodes(text);
    std::vector<std::string> pieces;
    Matcher matcher(pattern_, codes);
    for (std::size_t at = 0; at < codes.size();) {
        const std::size_t end = matcher.match(at);
        if (end == std::u32string_view::npos || end == at) {
            throw std::runtime_error("the pattern does not cover the text");
        }
        pieces.push_back(toUtf8(std::u32string_view(codes).substr(at, end - at)));
        at = end;
    }
    return pieces;
}

std::vector<std::int32_t> ReferenceTokenizer::encode(const std::string& text) const {
    std::vector<std::int32_t> ids;
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
        const std::pair<const std::string, std::int32_t>* longest = nullptr;
        for (const auto& token : added_) {
            if (text.compare(at, token.first.size(), token.first) == 0 &&
                (longest == nullptr || token.first.size() > longest->first.size())) {
                longest = &token;
            }
        }
        if (longest == nullptr) {
            plain += text[at++];
            continue;
        }
        encodePlain(std::exchange(plain, ""), ids);
        ids.push_back(longest->second);
        at += longest->first.size();
    }
    encodePlain(plain, ids);
    return ids;
}

void ReferenceTokenizer::encodePlain(const std::string& text, std::vector<std::int32_t>& ids) const {
    for (const std::string& piece : split(toNfcByLibrary(text))) {
        encodePiece(piece, ids);
    }
}

void ReferenceTokenizer::encodePiece(const std::string& piece, std::vector<std::int32_t>& ids) const {
    static const std::vector<std::string> spelling = spellings();
    std::vector<std::string> parts;
    for (const char c : piece) {
        parts.push_back(spelling[static_cast<unsigned char>(c)]);
    }
    while (true) {
        std::size_t best = ranks_.size();
        std::size_t where = 0;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            const auto rank = ranks_.find({parts[i], parts[i + 1]});
            if (rank != ranks_.end() && rank->second < best) {
                best = rank->second;
                where = i;
            }
        }
        if (best == ranks_.size()) {
            break;
        }
        parts[where] += parts[where + 1];
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(where) + 1);
    }
    for (const std::string& part : parts) {
        ids.push_back(vocabulary_.at(part));
    }
}

} // namespace fulgurite::test
