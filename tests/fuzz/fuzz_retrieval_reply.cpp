// SPDX-License-Identifier: Apache-2.0
// What a node says about collections and searches, as the desktop reads it, and ranking what it sent.
#include "core/base/error.h"
#include "core/client/retrieval_json.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

using namespace fulgurite;

template <class Read>
void tryReading(Read read, std::string_view text) {
    try {
        read(text, "fuzz");
    } catch (const Error&) {
    }
}

void rankAll(const client::SearchReply& reply) {
    for (const client::StrategyResult& result : reply.results) {
        // Larger ones take time, not other code.
        if (result.lists.heads == 0 || result.lists.documents.size() > 4096)
            continue;
        const auto ranked = rankByVotes(result.lists, retrieval::VoteRule::Scaled);
        if (!ranked.empty())
            leaveOut(result.lists, retrieval::VoteRule::Distance, ranked.back().document, {}, 2);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    tryReading([](std::string_view body, const std::string& where) { rankAll(client::readSearch(body, where)); },
               text);
    tryReading(client::readCollections, text);
    tryReading(client::readDocumentColumns, text);
    tryReading(client::readHeadStatistics, text);
    tryReading(client::readProjections, text);
    tryReading(client::readQueries, text);
    tryReading(client::readEvaluations, text);
    return 0;
}
