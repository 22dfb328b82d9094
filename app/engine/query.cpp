// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine query`: ranks documents for a query: of a collection, or from raw vectors in a file.
#include "app/engine/collection_command.h"
#include "app/engine/command.h"
#include "app/engine/prompt_writer.h"
#include "app/engine/search_cost.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/checkpoint/safetensors.h"
#include "core/retrieval/raw_search.h"
#include "core/retrieval/results/strategy.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace fulgurite::app {

namespace {

struct QueryOptions {
    std::string vectors;
    std::string data;
    std::string collection;
    std::string text;
    std::vector<std::string> prompts;
    std::string writer;
    EmbedderChoice embedder;
    int layer = -1;
    std::string strategy = "mrag";
    std::size_t depth = 32;
    std::size_t count = 10;
    bool json = false;
};

// The numbers where they lie in the file, or copied where that is not aligned.
struct Floats {
    std::vector<float> copy;
    std::span<const float> view;
};

Floats floatsOf(const SafetensorsFile& file, const char* name, std::size_t dimensions) {
    const TensorView view = file.tensor(name);
    if (view.dtype != DType::F32 || view.shape.size() != dimensions || view.elements() == 0) {
        fail(ErrorKind::InvalidInput, "{}: {} is {} {}, expected F32 with {} dimensions and at least one element",
             file.path().string(), name, nameOf(view.dtype), toString(view.shape), dimensions);
    }
    Floats floats;
    if (reinterpret_cast<std::uintptr_t>(view.data) % alignof(float) == 0) {
        floats.view = {reinterpret_cast<const float*>(view.data), static_cast<std::size_t>(view.elements())};
    } else {
        floats.copy = toFloats(view);
        floats.view = floats.copy;
    }
    return floats;
}

void requireShapes(const SafetensorsFile& file) {
    const Shape& docs = file.tensor("docs").shape;
    const Shape& query = file.tensor("query").shape;
    if (docs[1] != query[0] || docs[2] != query[1]) {
        fail(ErrorKind::InvalidInput, "{}: docs is {} and query {}: heads and dim must agree", file.path().string(),
             toString(docs), toString(query));
    }
}

void printText(const std::vector<retrieval::Ranked>& ranking) {
    for (std::size_t i = 0; i < ranking.size(); ++i) {
        fmt::print("{:>4}  document {:<8} {:.6g}\n", i + 1, ranking[i].document, ranking[i].total);
    }
}

void queryVectors(const QueryOptions& options) {
    const SafetensorsFile file(options.vectors);
    const Floats documents = floatsOf(file, "docs", 3);
    const Floats vectors = floatsOf(file, "query", 2);
    requireShapes(file);
    const retrieval::Strategy strategy = retrieval::strategyOf(options.strategy);
    if (strategy.vectors != retrieval::VectorKind::Heads || strategy.fused) {
        fail(ErrorKind::InvalidInput, "raw vectors can be ranked by mrag, mrag-decay and mrag-distance, not by {}",
             options.strategy);
    }
    kernels::ThreadPool pool(options.embedder.threads);
    const auto heads = static_cast<std::size_t>(file.tensor("query").shape[0]);
    // A distance in double for each document and head, and what a misaligned file needs.
    const std::size_t own = documents.view.size() / vectors.view.size() * heads * sizeof(double) +
                            documents.copy.size() * sizeof(float);
    tellSearchCost(options.strategy, documents.view.size_bytes(), own, pool);
    const retrieval::RawSearch search =
        retrieval::searchRaw(documents.view, vectors.view, heads, options.depth, pool);
    std::vector<retrieval::Ranked> ranking = rankByVotes(search.lists, strategy.rule);
    ranking.resize(std::min(ranking.size(), options.count));
    if (!options.json) {
        printText(ranking);
        return;
    }
    nlohmann::json results = nlohmann::json::array();
    for (const retrieval::Ranked& entry : ranking) {
        results.push_back({{"document", entry.document}, {"vote", entry.total}});
    }
    fmt::print(
        "{}\n",
        nlohmann::json{{"strategy", options.strategy}, {"results", results}, {"head_scores", search.lists.scores}}
            .dump());
}

// The heads' votes for one document, and the heads that hold it up.
nlohmann::json explanation(const retrieval::StrategyResult& result, std::int32_t document) {
    const retrieval::VoteRule rule = retrieval::strategyOf(result.strategy).rule;
    nlohmann::json heads = nlohmann::json::array();
    const auto votes = votesFor(result.lists, rule, document);
    for (std::size_t head = 0; head < votes.size(); ++head) {
        if (votes[head].rank >= 0) {
            heads.push_back({{"head", head},
                             {"rank", votes[head].rank},
                             {"distance", votes[head].distance},
                             {"vote", votes[head].vote}});
        }
    }
    const retrieval::LeaveOut without = leaveOut(result.lists, rule, document);
    return {{"votes", heads},
            {"without",
             {{"heads", without.heads},
              {"from", without.before + 1},
              {"to", without.unvoted ? nlohmann::json() : nlohmann::json(without.after + 1)}}}};
}

// The beginning of a passage on one line, cut between characters.
std::string beginning(const std::string& passage) {
    constexpr std::size_t kShown = 110;
    std::string line;
    for (const char c : passage) {
        const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (!blank || (!line.empty() && line.back() != ' ')) {
            line += blank ? ' ' : c;
        }
    }
    if (line.size() <= kShown) {
        return line;
    }
    return line.substr(0, validUtf8Prefix(std::string_view(line).substr(0, kShown))) + "...";
}

// `parts`: what votes, heads or pieces.
void printHit(const nlohmann::json& hit, std::size_t place, const char* parts) {
    fmt::print("{:>4}  {:<10.6g} {}\n      {}\n", place, hit["value"].get<double>(),
               hit["title"].get<std::string>(), beginning(hit["passage"].get<std::string>()));
    if (hit.contains("without") && !hit["without"]["heads"].empty()) {
        const nlohmann::json& without = hit["without"];
        fmt::print("      {} {} vote for it; without {} {} it falls from {} {}\n", hit["votes"].size(), parts,
                   parts, fmt::join(without["heads"].get<std::vector<std::size_t>>(), ", "), without["from"].dump(),
                   without["to"].is_null() ? "out of the list" : "to " + without["to"].dump());
    }
}

retrieval::SearchRequest requestOf(const QueryOptions& options) {
    retrieval::SearchRequest request;
    request.query = options.text;
    request.layer = options.layer;
    request.count = options.count;
    request.nearest = options.depth;
    request.strategies = {options.strategy};
    request.prompts = options.prompts;
    if (!options.writer.empty()) {
        request.prompts = writeFusionPrompts(options.writer, options.text, options.embedder.threads);
        for (const std::string& prompt : request.prompts) {
            fmt::print(stderr, "prompt: {}\n", prompt);
        }
    }
    return request;
}

void tellCost(const QueryOptions& options, const retrieval::CollectionIndex& index, std::size_t prompts,
              kernels::ThreadPool& pool) {
    const retrieval::Strategy& strategy = retrieval::strategyOf(options.strategy);
    if (strategy.vectors == retrieval::VectorKind::Words) {
        return;
    }
    // The lists that come back, and the best of each thread while it reads.
    const std::size_t depth = std::min(std::max(options.depth, options.count), index.documents());
    const std::size_t own = depth * (index.info().embedder.heads * (sizeof(std::int32_t) + sizeof(float)) +
                                     pool.size() * sizeof(kernels::ScanHit));
    tellSearchCost(options.strategy, bytesOfSearch(index, strategy, options.layer, prompts), own, pool);
}

nlohmann::json hitsOf(const QueryOptions& options, const retrieval::SearchReply& reply,
                      retrieval::Collections& collections) {
    const retrieval::StrategyResult& result = reply.results.front();
    nlohmann::json hits = nlohmann::json::array();
    for (std::size_t i = 0; i < std::min(options.count, result.documents.size()); ++i) {
        const retrieval::Ranked& entry = result.documents[i];
        nlohmann::json hit{
            {"document", entry.document},
            {"value", entry.total},
            {"title", collections.document(options.collection, static_cast<std::size_t>(entry.document)).title},
            {"passage", reply.passages.at(entry.document).text}};
        if (result.kind == retrieval::ResultKind::Votes) {
            hit.update(explanation(result, entry.document));
        }
        hits.push_back(std::move(hit));
    }
    return hits;
}

void queryCollection(const QueryOptions& options) {
    if (options.data.empty() || options.collection.empty() || options.text.empty()) {
        fail(ErrorKind::InvalidInput, "name --data, --collection and --text, or a file with --vectors");
    }
    retrieval::Collections collections(options.data);
    kernels::ThreadPool pool(options.embedder.threads);
    const auto embedder = embedderOfCollection(collections.info(options.collection), options.embedder, pool);
    const retrieval::SearchRequest request = requestOf(options);
    tellCost(options, *collections.index(options.collection), request.prompts.size(), pool);
    const retrieval::SearchReply reply = collections.search(options.collection, request, *embedder, pool);
    const retrieval::StrategyResult& result = reply.results.front();
    if (result.kind == retrieval::ResultKind::Unavailable) {
        fail(ErrorKind::InvalidInput, "{}: {}", options.strategy, result.reason);
    }
    const nlohmann::json hits = hitsOf(options, reply, collections);
    if (options.json) {
        fmt::print("{}\n", nlohmann::json{{"strategy", options.strategy},
                                          {"kind", nameOf(result.kind)},
                                          {"results", hits},
                                          {"head_scores", result.lists.scores},
                                          {"query_tokens", reply.query_tokens},
                                          {"truncated", reply.truncated},
                                          {"embed_seconds", reply.embed_seconds},
                                          {"seconds", result.seconds}}
                               .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        return;
    }
    const bool by_heads = retrieval::strategyOf(options.strategy).vectors == retrieval::VectorKind::Heads;
    const char* parts = by_heads ? "heads" : "pieces";
    for (std::size_t i = 0; i < hits.size(); ++i) {
        printHit(hits[i], i + 1, parts);
    }
    if (reply.truncated) {
        fmt::print(stderr, "the query has {} tokens and was cut at {}\n", reply.query_tokens,
                   embedder->info().max_tokens);
    }
}

void query(const QueryOptions& options) {
    if (options.vectors.empty()) {
        queryCollection(options);
    } else {
        queryVectors(options);
    }
}

} // namespace

void addQuery(CLI::App& app) {
    auto options = std::make_shared<QueryOptions>();
    CLI::App* command = app.add_subcommand("query", "Rank documents by the votes of attention heads");
    command->add_option(
        "--vectors", options->vectors,
        "Rank raw vectors: safetensors with docs F32 [documents, heads, dim] and query F32 [heads, dim]");
    command->add_option("--data", options->data, "Data folder");
    command->add_option("--collection", options->collection, "Collection, by name");
    command->add_option("--text", options->text, "The query");
    command->add_option("--prompt", options->prompts,
                        "A search prompt for fusion and fusion-mrag; may be repeated");
    command
        ->add_option("--prompt-writer", options->writer,
                     "Language model folder that writes the search prompts instead")
        ->excludes("--prompt");
    command->add_option("--query-layer", options->layer, "A stored layer; -1 is the first of them")
        ->capture_default_str();
    command->add_option("-m,--model", options->embedder.model, "The embedder's folder, when it has moved");
    command
        ->add_option("--strategy", options->strategy,
                     "mrag, mrag-decay or mrag-distance; of a collection also standard, split, split-weighted, "
                     "fusion, fusion-mrag and bm25")
        ->capture_default_str();
    command->add_option("--c", options->depth, "Documents that each head votes for")
        ->check(CLI::Range(1, 1 << 24))
        ->capture_default_str();
    command->add_option("-k", options->count, "Documents to return")
        ->check(CLI::Range(1, 1 << 24))
        ->capture_default_str();
    command->add_option("--threads", options->embedder.threads, "Threads that compute; 0 is one per core")
        ->capture_default_str();
    command->add_flag("--json", options->json, "Print one JSON object");
    command->footer(
        "head_scores count each vector's pair with itself, as the published program does.\n\n"
        "Examples:\n  fulgurite-engine query --vectors v.safetensors --strategy mrag --c 32 -k 10 --json\n"
        "  fulgurite-engine query --data DIR --collection manuals --text \"how are heads scored\"");
    command->callback([options] { query(*options); });
}

} // namespace fulgurite::app
