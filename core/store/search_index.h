// SPDX-License-Identifier: Apache-2.0
// Full-text search over titles and messages.
#pragma once

#include "core/store/conversation_types.h"
#include "core/store/database.h"

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

class SearchIndex {
  public:
    explicit SearchIndex(Database& database) : database_(database) {}

    // Every word must occur; the last one may be the beginning of a word; "quoted words" stand together. Terms in a
    // script without spaces (Chinese, Japanese, Korean, Thai) are found anywhere in a text. Titles first, then
    // messages, latest first, of each conversation the latest: at most `limit` of both. Never throws for what a
    // person types or pastes: of that, the first 64 words count, and of each the first 1,024 bytes.
    std::vector<SearchHit> search(std::string_view query, std::size_t limit = 200);

  private:
    void findLine(SearchHit& hit, const std::string& expression, const std::vector<std::string>& scanned);

    Database& database_;
};

// The query's words in FTS5's language, or nothing when the index knows none of them.
std::string searchExpression(std::string_view query);

} // namespace fulgurite
