// SPDX-License-Identifier: Apache-2.0
#include "core/store/search_index.h"

namespace fulgurite {

namespace {

// Marks that no person types, put around matches by FTS5 and taken out again below.
constexpr char match_begin = '\x01';
constexpr char match_end = '\x02';

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

} // namespace

std::string searchExpression(std::string_view query) {
    std::string result;
    std::size_t at = 0;
    while (at < query.size()) {
        if (isSpace(query[at])) {
            ++at;
            continue;
        }
        const bool quoted = query[at] == '"';
        const std::size_t begin = quoted ? at + 1 : at;
        std::size_t end = begin;
        while (end < query.size() && (quoted ? query[end] != '"' : !isSpace(query[end]) && query[end] != '"'))
            ++end;
        const std::string_view term = query.substr(begin, end - begin);
        const bool closed = quoted && end < query.size();
        at = closed ? end + 1 : end;
        if (!hasWord(term))
            continue;
        result +=
            fmt::format("{}\"{}\"{}", result.empty() ? "" : " ", term, at >= query.size() && !closed ? "*" : "");
    }
    return result;
}

std::vector<SearchHit> SearchIndex::search(std::string_view query, std::size_t limit) {
    std::string clean(query.substr(0, query.find('\0')));
    const std::string expression = searchExpression(clean);
    std::vector<SearchHit> result;
    if (expression.empty())
        return result;
    const std::string begin(1, match_begin);
    const std::string end(1, match_end);
    {
        Statement titles = database_.prepare(
            "SELECT conversations.id, conversations.title, conversations.updated, highlight(title_search, 0, ?, ?) "
            "FROM title_search JOIN conversations ON conversations.id = title_search.rowid "
            "WHERE title_search MATCH ? AND conversations.deleted = 0 ORDER BY conversations.updated DESC LIMIT ?");
        titles.bind(begin, end, expression, limit);
        while (titles.step()) {
            SearchHit& hit = result.emplace_back();
            hit.conversation = titles.integer(0);
            hit.title = titles.string(1);
            hit.updated = titles.integer(2);
            setLine(hit, titles.text(3));
        }
    }
    // The newest messages are found first and only those that are shown get a snippet: it is the costly part.
    Statement messages =
        database_.prepare("SELECT conversations.id, nodes.id, conversations.title, conversations.updated, "
                          "snippet(message_search, -1, ?, ?, '…', 24) "
                          "FROM message_search JOIN nodes ON nodes.id = message_search.rowid "
                          "JOIN conversations ON conversations.id = nodes.conversation "
                          "WHERE message_search MATCH ? AND nodes.deleted = 0 AND conversations.deleted = 0 "
                          "ORDER BY message_search.rowid DESC LIMIT ?");
    messages.bind(begin, end, expression, limit - std::min(limit, result.size()));
    while (messages.step()) {
        SearchHit& hit = result.emplace_back();
        hit.conversation = messages.integer(0);
        hit.node = messages.integer(1);
        hit.title = messages.string(2);
        hit.updated = messages.integer(3);
        setLine(hit, messages.text(4));
    }
    return result;
}

} // namespace fulgurite
