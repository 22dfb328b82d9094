// SPDX-License-Identifier: Apache-2.0
// Full-text search over titles and messages.
#pragma once

#include "core/store/conversation_types.h"
#include "core/store/database.h"

#include <string_view>
#include <vector>

namespace fulgurite {

class SearchIndex {
  public:
    explicit SearchIndex(Database& database) : database_(database) {}

    // Every word must occur; the last one may be the beginning of a word; "quoted words" stand together. Titles
    // first, then messages, latest first. Never throws for what a person types.
    std::vector<SearchHit> search(std::string_view query, std::size_t limit = 200);

  private:
    Database& database_;
};

// The query in FTS5's language, or nothing when it has no word.
std::string searchExpression(std::string_view query);

} // namespace fulgurite
