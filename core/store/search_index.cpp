// SPDX-License-Identifier: Apache-2.0
#include "core/store/search_index.h"

#include "core/base/utf8.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <utility>

namespace fulgurite {

namespace {

// Marks that no person types, put around matches by FTS5 and taken out again below.
constexpr char match_begin = '\x01';
constexpr char match_end = '\x02';

// A pasted page: SQLite refuses conditions that are deeper and patterns that are longer than it likes.
constexpr std::size_t kMostTerms = 64;
constexpr std::size_t kLongestTerm = 1024; // bytes

bool isSpace(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Letters and digits of ASCII, and all of the rest of Unicode: what the index may take for a word.
bool hasWord(std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'))
            return true;
    }
    return false;
}

// Cuts a marked snippet down to the line with the first match and turns the marks into ranges.
void setLine(SearchHit& hit, std::string_view marked) {
    const std::size_t match = std::min(marked.find(match_begin), marked.size());
    const std::size_t line_begin =
        marked.rfind('\n', match) == std::string_view::npos ? 0 : marked.rfind('\n', match) + 1;
    const std::string_view line = marked.substr(line_begin, marked.find('\n', match) - line_begin);
    std::size_t begin = 0;
    for (const char c : line) {
        if (c == match_begin)
            begin = hit.line.size();
        else if (c == match_end)
            hit.matches.emplace_back(begin, hit.line.size());
        else
            hit.line += c;
    }
}

// Scripts that are written without spaces: the index takes a whole run of them for one word.
bool isUnspaced(char32_t c) {
    constexpr std::pair<char32_t, char32_t> scripts[] = {
        {0x0E00, 0x0EFF},   // Thai, Lao
        {0x1000, 0x109F},   // Myanmar
        {0x1100, 0x11FF},   // Hangul
        {0x1780, 0x17FF},   // Khmer
        {0x2E80, 0x9FFF},   // Han, Kana, Bopomofo, Hangul compatibility
        {0xA960, 0xA97F},   // Hangul
        {0xAC00, 0xD7FF},   // Hangul
        {0xF900, 0xFAFF},   // Han
        {0xFF66, 0xFFDC},   // half-width Kana and Hangul
        {0x1B000, 0x1B16F}, // Kana
        {0x20000, 0x3FFFF}, // Han
    };
    return std::any_of(std::begin(scripts), std::end(scripts),
                       [c](const auto& script) { return c >= script.first && c <= script.second; });
}

bool holdsUnspaced(std::string_view term) {
    const std::size_t whole = validUtf8Prefix(term);
    for (std::size_t at = 0; at < whole;) {
        const Utf8Char next = decodeUtf8(term.data() + at);
        if (isUnspaced(next.code))
            return true;
        at += next.length;
    }
    return false;
}

// What a person typed: words for the index, in FTS5's language, and terms that are looked for in the texts
// themselves.
struct SearchTerms {
    std::string expression;
    std::vector<std::string> scanned;
};

SearchTerms termsOf(std::string_view query) {
    SearchTerms result;
    std::size_t at = 0, taken = 0;
    while (at < query.size() && taken < kMostTerms) {
        if (isSpace(query[at])) {
            ++at;
            continue;
        }
        const bool quoted = query[at] == '"';
        const std::size_t begin = quoted ? at + 1 : at;
        std::size_t end = begin;
        while (end < query.size() && (quoted ? query[end] != '"' : !isSpace(query[end]) && query[end] != '"'))
            ++end;
        std::string_view term = query.substr(begin, std::min(end - begin, kLongestTerm));
        term = term.substr(0, validUtf8Prefix(term));
        const bool closed = quoted && end < query.size();
        at = closed ? end + 1 : end;
        if (!hasWord(term))
            continue;
        ++taken;
        if (holdsUnspaced(term))
            result.scanned.emplace_back(term);
        else
            result.expression += fmt::format("{}\"{}\"{}", result.expression.empty() ? "" : " ", term,
                                             at >= query.size() && !closed ? "*" : "");
    }
    return result;
}

std::string likePattern(std::string_view term) {
    std::string result = "%";
    for (const char c : term) {
        if (c == '%' || c == '_' || c == '\\')
            result += '\\';
        result += c;
    }
    return result + '%';
}

// As LIKE compares: without regard to the case of ASCII's letters.
std::size_t findTerm(std::string_view text, std::string_view term) {
    const auto at = std::search(text.begin(), text.end(), term.begin(), term.end(), [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    });
    return at == text.end() ? std::string_view::npos : static_cast<std::size_t>(at - text.begin());
}

bool insideCharacter(std::string_view text, std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

// Some text around the term, marked as FTS5 marks a snippet.
std::string markedAround(std::string_view text, std::string_view term) {
    constexpr std::size_t before = 90;
    constexpr std::size_t behind = 150;
    const std::size_t at = findTerm(text, term);
    if (at == std::string_view::npos)
        return {};
    std::size_t begin = at - std::min(at, before);
    while (insideCharacter(text, begin))
        ++begin;
    const std::size_t term_end = at + term.size();
    std::size_t end = std::min(text.size(), term_end + behind);
    while (insideCharacter(text, end))
        --end;
    return fmt::format("{}{}{}{}{}{}{}", begin > 0 ? "…" : "", text.substr(begin, at - begin), match_begin,
                       text.substr(at, term.size()), match_end, text.substr(term_end, end - term_end),
                       end < text.size() ? "…" : "");
}

} // namespace

std::string searchExpression(std::string_view query) {
    return termsOf(query).expression;
}

std::vector<SearchHit> SearchIndex::search(std::string_view query, std::size_t limit) {
    const std::string clean(query.substr(0, query.find('\0')));
    const SearchTerms terms = termsOf(clean);
    std::vector<SearchHit> result;
    if (terms.expression.empty() && terms.scanned.empty())
        return result;
    // Those where everything occurs; only they get a line, which is the costly part.
    const auto find = [&](const std::string& select, const char* table, const std::string& column, const char* more,
                          const std::string& rest) {
        std::string sql = select;
        if (!terms.expression.empty())
            sql += fmt::format(" AND {0} IN (SELECT rowid FROM {1} WHERE {1} MATCH ?)",
                               std::string_view(table) == "title_search" ? "conversations.id" : "nodes.id", table);
        for (std::size_t i = 0; i < terms.scanned.size(); ++i)
            sql += more ? fmt::format(" AND ({} LIKE ? ESCAPE '\\' OR {} LIKE ? ESCAPE '\\')", column, more)
                        : fmt::format(" AND {} LIKE ? ESCAPE '\\'", column);
        Statement statement = database_.prepare(sql + rest);
        int index = 0;
        if (!terms.expression.empty())
            statement.bindOne(index++, terms.expression);
        for (const std::string& term : terms.scanned)
            for (int i = more ? 2 : 1; i > 0; --i)
                statement.bindOne(index++, likePattern(term));
        statement.bindOne(index, limit);
        return statement;
    };
    {
        Statement titles =
            find("SELECT conversations.id, conversations.title, conversations.updated "
                 "FROM conversations WHERE conversations.deleted = 0",
                 "title_search", "conversations.title", nullptr, " ORDER BY conversations.updated DESC LIMIT ?");
        while (titles.step()) {
            SearchHit& hit = result.emplace_back();
            hit.conversation = titles.integer(0);
            hit.title = titles.string(1);
            hit.updated = titles.integer(2);
        }
    }
    {
        // One for each conversation: many hits in a long one must not hide the others.
        Statement messages =
            find("SELECT conversations.id, max(nodes.id), conversations.title, conversations.updated "
                 "FROM nodes JOIN conversations ON conversations.id = nodes.conversation "
                 "WHERE nodes.deleted = 0 AND conversations.deleted = 0",
                 "message_search", "nodes.content", "nodes.thinking",
                 " GROUP BY conversations.id ORDER BY 2 DESC LIMIT ?");
        while (messages.step()) {
            SearchHit& hit = result.emplace_back();
            hit.conversation = messages.integer(0);
            hit.node = messages.integer(1);
            hit.title = messages.string(2);
            hit.updated = messages.integer(3);
        }
    }
    for (SearchHit& hit : result)
        findLine(hit, terms.expression, terms.scanned);
    return result;
}

void SearchIndex::findLine(SearchHit& hit, const std::string& expression, const std::vector<std::string>& scanned) {
    if (!expression.empty()) {
        Statement marked =
            database_.prepare(hit.node ? "SELECT snippet(message_search, -1, ?, ?, '…', 24) FROM message_search "
                                         "WHERE message_search MATCH ? AND rowid = ?"
                                       : "SELECT highlight(title_search, 0, ?, ?) FROM title_search WHERE "
                                         "title_search MATCH ? AND rowid = ?");
        marked.bind(std::string(1, match_begin), std::string(1, match_end), expression,
                    hit.node.value_or(hit.conversation));
        if (marked.step())
            setLine(hit, marked.text(0));
        return;
    }
    if (!hit.node)
        return setLine(hit, markedAround(hit.title, scanned.front()));
    Statement text = database_.prepare("SELECT content, thinking FROM nodes WHERE id = ?");
    if (!text.bind(*hit.node).step())
        return;
    const std::string in_answer = markedAround(text.text(0), scanned.front());
    setLine(hit, in_answer.empty() ? markedAround(text.text(1), scanned.front()) : in_answer);
}

} // namespace fulgurite
