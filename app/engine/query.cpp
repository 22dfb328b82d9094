// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine query`: ranks documents for a query: of a collection, or from raw vectors in a file.
#include "app/engine/collection_command.h"
#include "app/engine/command.h"
#include "app/engine/prompt_writer.h"
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "core/retrieval/raw_search.h"
#include "core/retrieval/strategy.h"

#include <algorithm>
#include <fmt/core.h>
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

std::vector<float> floatsOf(const SafetensorsFile& file, const char* name, std::size_t dimensions) {
    const TensorView view = file.tensor(name);
    if (view.dtype != DType::F32 || view.shape.size() != dimensions || view.elements() == 0) {
        fail(ErrorKind::InvalidInput, "{}: {} is {} {}, expected F32 with {} dimensions and at least one element",
             file.path().string(), name, nameOf(view.dtype), toString(view.shape), dimensions);
    }
    return toFloats(view);
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
    const std::vector<float> documents = floatsOf(file, "docs", 3);
    const std::vector<float> vectors = floatsOf(file, "query", 2);
    requireShapes(file);
    const retrieval::Strategy strategy = retrieval::strategyOf(options.strategy);
    if (strategy.vectors != retrieval::VectorKind::Heads || strategy.fused) {
        fail(ErrorKind::InvalidInput, "raw vectors can be ranked by mrag, mrag-decay and mrag-distance, not by {}",
             options.strategy);
    }
    kernels::ThreadPool pool(options.embedder.threads);
    const auto heads = static_cast<std::size_t>(file.tensor("query").shape[0]);
    const retrieval::RawSearch search = retrieval::searchRaw(documents, vectors, heads, options.depth, pool);
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
            {"without", {{"heads", without.heads}, {"from", without.before + 1}, {"to", without.after + 1}}}};
}

void printHit(const nlohmann::json& hit, std::size_t place) {
    fmt::print("{:>4}  {:<10.6g} {}\n", place, hit["value"].get<double>(), hit["title"].get<std::string>());
    if (hit.contains("without") && !hit["without"]["heads"].empty()) {
        fmt::print("      {} heads vote for it; without heads {} it falls from {} to {}\n", hit["votes"].size(),
                   hit["without"]["heads"].dump(), hit["without"]["from"].dump(), hit["without"]["to"].dump());
    }
}

void queryCollection(const QueryOptions& options) {
    if (options.data.empty() || options.collection.empty() || options.text.empty()) {
        fail(ErrorKind::InvalidInput, "name --data, --collection and --text, or a file with --vectors");
    }
    retrieval::Collections collections(options.data);
    kernels::ThreadPool pool(options.embedder.threads);
    const auto embedder = embedderOfCollection(collections.info(options.collection), options.embedder, pool);
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
    const retrieval::SearchReply reply = collections.search(options.collection, request, *embedder, pool);
    const retrieval::StrategyResult& result = reply.results.front();
    if (result.kind == retrieval::ResultKind::Unavailable) {
        fail(ErrorKind::InvalidInput, "{}: {}", options.strategy, result.reason);
    }
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
    for (std::size_t i = 0; i < hits.size(); ++i) {
        printHit(hits[i], i + 1);
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
