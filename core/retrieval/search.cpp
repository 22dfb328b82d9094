// SPDX-License-Identifier: Apache-2.0
// Collections::search: one embedding of the query, every strategy over it.
#include "core/base/error.h"
#include "core/retrieval/collection_store.h"
#include "core/retrieval/collections.h"
#include "core/retrieval/results/strategy.h"
#include "core/retrieval/strategy_search.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <set>

namespace fulgurite::retrieval {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr std::size_t kShown = 100;          // documents of a ranking, where there are so many
constexpr std::size_t kPassageBytes = 400;   // of a hit's text
constexpr std::size_t kMostQueryWords = 512; // of BM25
constexpr std::size_t kHeadPassages = 8;     // of each head's nearest: another choice of heads may bring them up

// Each word as a quoted string, any of them: what a person typed is never taken for FTS5's own language.
std::string wordQuery(std::string_view text) {
    std::string query;
    std::string word;
    std::size_t words = 0;
    const auto close = [&] {
        if (!word.empty() && words++ < kMostQueryWords) {
            query += (query.empty() ? "\"" : " OR \"") + word + "\"";
        }
        word.clear();
    };
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || byte >= 0x80) {
            word += c;
        } else {
            close();
        }
    }
    close();
    return query;
}

// The beginning of the chunk, cut between characters.
std::string passageText(const std::string& text, const ChunkInfo& chunk) {
    std::size_t end = std::min(chunk.end, chunk.begin + kPassageBytes);
    while (end > chunk.begin && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
        --end;
    }
    return text.substr(chunk.begin, end - chunk.begin);
}

} // namespace

std::vector<std::pair<std::int64_t, double>>
Collections::Store::searchWords(std::int64_t collection, const std::string& query, std::size_t count) {
    std::vector<std::pair<std::int64_t, double>> found;
    const std::string words = wordQuery(query);
    if (words.empty()) {
        return found;
    }
    const std::string table = wordTable(collection);
    Statement select = database_.prepare(
        fmt::format("SELECT rowid, bm25({0}) FROM {0} WHERE {0} MATCH ? ORDER BY bm25({0}), rowid LIMIT ?", table));
    select.bind(words, count);
    while (select.step()) {
        found.emplace_back(select.integer(0), -select.real(1)); // FTS5 counts down
    }
    return found;
}

StrategySearch::StrategySearch(std::shared_ptr<const CollectionIndex> index, int layer, kernels::ThreadPool& pool)
    : index_(std::move(index)),
      heads_(index_->space(headSpace(layer < 0 ? index_->info().embedder.layers.front() : layer))),
      pool_(pool) {}

const Space* StrategySearch::spaceOf(VectorKind kind) const {
    switch (kind) {
    case VectorKind::Standard:
        return &index_->spaces().front();
    case VectorKind::Segments:
        return index_->spaces()[1].name == "split" ? &index_->spaces()[1] : nullptr;
    case VectorKind::Heads:
        return &heads_;
    case VectorKind::Words:
        break;
    }
    return nullptr;
}

HeadLists StrategySearch::lists(VectorKind kind, const TextVectors& query, std::size_t depth) {
    const Space* space = spaceOf(kind);
    if (space == nullptr) {
        fail(ErrorKind::InvalidInput, "the standard vector's {} numbers cannot be cut into {} equal pieces",
             index_->info().embedder.width, index_->info().embedder.heads);
    }
    return index_->nearest(*space, unitVectors(*space, index_->info().embedder, query).units, depth, pool_);
}

namespace {

std::vector<Ranked> byDistance(const HeadLists& lists) {
    std::vector<Ranked> ranking;
    for (std::size_t i = 0; i < lists.documents.size() && lists.documents[i] >= 0; ++i) {
        ranking.push_back({lists.documents[i], lists.distances[i]});
    }
    return ranking;
}

} // namespace

StrategyResult StrategySearch::run(const Strategy& strategy, const QueryVectors& query, std::size_t count,
                                   std::size_t depth) {
    StrategyResult result;
    result.strategy = strategy.name;
    if (strategy.fused) {
        return fuse(strategy, query, count, result);
    }
    if (strategy.vectors == VectorKind::Segments && spaceOf(strategy.vectors) == nullptr) {
        result.reason = fmt::format("the standard vector's {} numbers cannot be cut into {} equal pieces",
                                    index_->info().embedder.width, index_->info().embedder.heads);
        return result;
    }
    if (strategy.vectors == VectorKind::Standard) {
        result.kind = ResultKind::Distance;
        result.documents = byDistance(lists(strategy.vectors, query.text, std::max(count, kShown)));
        return result;
    }
    result.kind = ResultKind::Votes;
    result.lists = lists(strategy.vectors, query.text, depth);
    result.documents = rankByVotes(result.lists, strategy.rule);
    return result;
}

// Each prompt is searched for as many documents as are wanted, as published; the query itself is not among the
// lists.
StrategyResult StrategySearch::fuse(const Strategy& strategy, const QueryVectors& query, std::size_t count,
                                    StrategyResult result) {
    if (query.prompts.empty()) {
        result.reason =
            "fusion needs search prompts: type some, take a query that has them, or have the model write them";
        return result;
    }
    std::vector<std::vector<std::int32_t>> rankings;
    for (const TextVectors& prompt : query.prompts) {
        const HeadLists found = lists(strategy.vectors, prompt, count);
        std::vector<Ranked> ranking =
            strategy.vectors == VectorKind::Standard ? byDistance(found) : rankByVotes(found, strategy.rule);
        ranking.resize(std::min(ranking.size(), count));
        rankings.emplace_back();
        std::transform(ranking.begin(), ranking.end(), std::back_inserter(rankings.back()),
                       [](const Ranked& entry) { return entry.document; });
    }
    result.kind = ResultKind::Score;
    result.documents = fuseRanks(rankings, std::max(count, kShown));
    return result;
}

SearchReply Collections::search(const std::string& collection, const SearchRequest& request, Embedder& embedder,
                                kernels::ThreadPool& pool) {
    const std::shared_ptr<const CollectionIndex> index = this->index(collection);
    std::vector<const Strategy*> strategies;
    for (const std::string& name : request.strategies) {
        strategies.push_back(&strategyOf(name));
    }
    if (request.query.find_first_not_of(" \t\r\n") == std::string::npos) {
        fail(ErrorKind::InvalidInput, "the query is empty");
    }
    SearchReply reply;
    reply.revision = index->info().revision;
    const auto start = Clock::now();
    const QueryVectors query = embedQuery(request.query, request.prompts, embedder);
    reply.embed_seconds = secondsSince(start);
    reply.query_tokens = query.text.tokens;
    reply.truncated = query.text.used < query.text.tokens;
    StrategySearch search(index, request.layer, pool);
    const std::size_t depth = request.nearest == 0 ? request.count : request.nearest;
    for (const Strategy* strategy : strategies) {
        const auto begin = Clock::now();
        StrategyResult result;
        if (strategy->vectors == VectorKind::Words) {
            result = searchWords(collection, request.query, *index, std::max(request.count, kShown));
        } else {
            result = search.run(*strategy, query, request.count, depth);
        }
        result.seconds = secondsSince(begin);
        reply.results.push_back(std::move(result));
    }
    const Space& standard = index->spaces().front();
    const UnitVectors unit = unitVectors(standard, index->info().embedder, query.text);
    std::set<std::int32_t> shown;
    for (const StrategyResult& result : reply.results) {
        for (std::size_t i = 0; i < std::min(request.count, result.documents.size()); ++i) {
            shown.insert(result.documents[i].document);
        }
        for (std::size_t i = 0; i < result.lists.documents.size(); ++i) {
            if (result.lists.documents[i] >= 0 && i % result.lists.depth < kHeadPassages) {
                shown.insert(result.lists.documents[i]);
            }
        }
    }
    for (const auto& [number, chunk] : index->nearestChunks(shown, unit.units)) {
        reply.passages.emplace(number, passage(*index, number, chunk));
    }
    return reply;
}

StrategyResult Collections::searchWords(const std::string& collection, const std::string& query,
                                        const CollectionIndex& index, std::size_t count) {
    StrategyResult result;
    result.strategy = "bm25";
    result.kind = ResultKind::Score;
    const std::lock_guard lock(store_->mutex);
    const std::vector<std::int64_t>& ids = index.documentIds();
    for (const auto& [document, score] : store_->searchWords(store_->idOf(collection), query, count)) {
        const auto at = std::lower_bound(ids.begin(), ids.end(), document);
        if (at != ids.end() && *at == document) { // else it came after the index was made
            result.documents.push_back({static_cast<std::int32_t>(at - ids.begin()), score});
        }
    }
    return result;
}

Passage Collections::passage(const CollectionIndex& index, std::int32_t number, std::size_t chunk) {
    Passage passage;
    passage.chunk = chunk;
    const std::lock_guard lock(store_->mutex);
    const std::int64_t id = index.documentIds()[static_cast<std::size_t>(number)];
    Statement select =
        store_->database().prepare("SELECT first_byte, end_byte FROM chunks WHERE document = ? AND number = ?");
    if (!select.bind(id, passage.chunk).step()) {
        return passage; // removed since the index was made
    }
    passage.begin = static_cast<std::size_t>(select.integer(0));
    passage.end = static_cast<std::size_t>(select.integer(1));
    passage.text = passageText(store_->textOf(id), {passage.begin, passage.end});
    return passage;
}

QueryVectors embedQuery(const std::string& text, const std::vector<std::string>& prompts, Embedder& embedder) {
    std::vector<std::string> texts{text};
    std::copy_if(prompts.begin(), prompts.end(), std::back_inserter(texts), [](const std::string& prompt) {
        return prompt.find_first_not_of(" \t\r\n") != std::string::npos;
    });
    std::vector<TextVectors> vectors = embedder.embed(texts);
    QueryVectors query;
    query.text = std::move(vectors.front());
    query.prompts.assign(std::make_move_iterator(vectors.begin() + 1), std::make_move_iterator(vectors.end()));
    return query;
}

const char* nameOf(ResultKind kind) {
    switch (kind) {
    case ResultKind::Distance:
        return "distance";
    case ResultKind::Votes:
        return "votes";
    case ResultKind::Score:
        return "score";
    case ResultKind::Unavailable:
        break;
    }
    return "unavailable";
}

} // namespace fulgurite::retrieval
