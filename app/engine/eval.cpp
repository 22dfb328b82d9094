// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine eval`: strategies over queries whose documents are known; published result files.
#include "app/engine/collection_command.h"
#include "app/engine/command.h"
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/retrieval/evaluation.h"
#include "core/retrieval/results/result_figures.h"
#include "core/retrieval/results/result_file.h"

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

using retrieval::Metric;

struct EvalOptions {
    std::string data;
    std::string collection;
    std::string published;
    std::string out;
    std::string plots;
    retrieval::EvaluationRequest request;
    EmbedderChoice embedder;
    bool json = false;
};

// The published plots as pictures, and their numbers beside them.
void writePlots(const std::string& folder, const retrieval::ResultFile& file) {
    const std::vector<retrieval::Figure> figures = resultFigures(file);
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
        fail(ErrorKind::Io, "{}: the folder cannot be made: {}", folder, error.message());
    }
    for (const retrieval::Figure& figure : figures) {
        writeFileAtomically(std::filesystem::path(folder) / (figure.name + ".svg"), figureSvg(figure));
    }
    writeFileAtomically(std::filesystem::path(folder) / "figures.csv", figuresCsv(figures));
    fmt::print(stderr, "{} plots and figures.csv in {}\n", figures.size(), folder);
}

// Means of a published file: one line for each strategy, number of aspects and k.
void printPublished(const EvalOptions& options) {
    const retrieval::ResultFile file = retrieval::ResultFile::read(options.published);
    if (!options.plots.empty()) {
        writePlots(options.plots, file);
    }
    fmt::print("{:<16} {:>3} {:>3}  {:>7} {:>7} {:>7}\n", "strategy", "n", "k", "success", "categ.", "weighted");
    for (const std::string& strategy : file.strategies()) {
        for (const std::size_t n : file.items(strategy)) {
            const std::size_t k = std::min<std::size_t>(n + options.request.offset, 32);
            fmt::print("{:<16} {:>3} {:>3}  {:>7.3f} {:>7.3f} {:>7.3f}\n", strategy, n, k,
                       file.mean(strategy, n, k, Metric::SuccessRatio),
                       file.mean(strategy, n, k, Metric::CategorySuccessRatio),
                       file.mean(strategy, n, k, Metric::Weighted));
        }
    }
}

void printTable(const retrieval::EvaluationResult& result) {
    fmt::print("record {}: {}, {}\n", result.record, result.collection, result.embedder);
    if (result.left_out > 0) {
        fmt::print("{} queries say nothing or name something that no document is, and were left out\n",
                   result.left_out);
    }
    fmt::print("{:<16} {:>3} {:>3} {:>4}  {:<22} {:<22} {:<22} {}\n", "strategy", "n", "k", "q", "success ratio",
               "category ratio", "weighted", "gain over standard, p");
    for (const retrieval::EvaluationRow& row : result.rows) {
        const auto cell = [](const retrieval::Interval& i) {
            return fmt::format("{:.3f} [{:.3f}, {:.3f}]", i.mean, i.low, i.high);
        };
        const auto of = [&](Metric metric) { return row.metrics[static_cast<std::size_t>(metric)]; };
        const retrieval::Interval& gain = row.gains[static_cast<std::size_t>(Metric::Weighted)];
        fmt::print("{:<16} {:>3} {:>3} {:>4}  {:<22} {:<22} {:<22} {}\n", row.strategy, row.items, row.k,
                   row.queries, cell(of(Metric::SuccessRatio)), cell(of(Metric::CategorySuccessRatio)),
                   cell(of(Metric::Weighted)),
                   row.strategy == "standard" ? "" : fmt::format("{} {:.3f}", cell(gain), gain.p));
    }
    for (std::size_t head = 0; head < result.without_head.size(); ++head) {
        const retrieval::Interval& change = result.without_head[head];
        fmt::print("without head {:<3} weighted {:+.4f} [{:+.4f}, {:+.4f}]\n", head, change.mean, change.low,
                   change.high);
    }
}

void evaluateCollection(const EvalOptions& options) {
    if (options.data.empty() || options.collection.empty() || options.request.query_set.empty()) {
        fail(ErrorKind::InvalidInput, "name --data, --collection and --queries, or a result file with --published");
    }
    retrieval::Collections collections(options.data);
    kernels::ThreadPool pool(options.embedder.threads);
    const auto embedder = embedderOfCollection(collections.info(options.collection), options.embedder, pool);
    const retrieval::EvaluationResult result = evaluate(
        collections, options.collection, options.request, *embedder, pool,
        [](std::size_t done, std::size_t total) { fmt::print(stderr, "\r{} of {} queries", done, total); });
    fmt::print(stderr, "\n");
    const std::string matrices = retrieval::resultFileJson(result.matrices);
    collections.keepEvaluation(options.collection, result.record, evaluationJson(result), matrices);
    if (!options.out.empty()) {
        writeFileAtomically(options.out, matrices);
    }
    if (!options.plots.empty()) {
        writePlots(options.plots, retrieval::ResultFile::parse(matrices, "this evaluation"));
    }
    if (options.json) {
        fmt::print("{}\n", evaluationJson(result));
    } else {
        printTable(result);
    }
}

void evaluateCommand(const EvalOptions& options) {
    if (options.published.empty()) {
        evaluateCollection(options);
    } else {
        printPublished(options);
    }
}

} // namespace

void addEval(CLI::App& app) {
    auto options = std::make_shared<EvalOptions>();
    retrieval::EvaluationRequest& request = options->request;
    request.strategies = {"standard", "split", "mrag"};
    CLI::App* command = app.add_subcommand("eval", "Judge strategies by queries whose documents are known");
    command->add_option("--data", options->data, "Data folder");
    command->add_option("--collection", options->collection, "Collection, by name");
    command->add_option("--queries", request.query_set, "Query set, by name");
    command
        ->add_option("--strategies", request.strategies,
                     "standard, split, split-weighted, mrag, mrag-decay, "
                     "mrag-distance, fusion, fusion-mrag, bm25")
        ->delimiter(',')
        ->capture_default_str();
    command->add_option("--c", request.nearest, "Documents that each head votes for")->capture_default_str();
    command->add_option("--offset", request.offset, "Judged at k = n + this, at most 32")->capture_default_str();
    command->add_option("--resamples", request.resamples, "Of the bootstrap over queries")->capture_default_str();
    command->add_option("--seed", request.seed, "Of the bootstrap")->capture_default_str();
    command->add_flag("--heads", request.leave_heads_out, "Also leave out each head of mrag in turn");
    command->add_option("--out", options->out, "Write the matrices of all queries as a result file");
    command->add_option("--plots", options->plots,
                        "Folder for the plots of the MRAG project (SVG) and their numbers (CSV)");
    command->add_option("--published", options->published, "Print the means of a result file instead");
    command->add_flag("--json", options->json, "Print one JSON object");
    command->add_option("-m,--model", options->embedder.model, "The embedder's folder, when it has moved");
    command->add_option("--query-layer", request.layer, "A stored layer; -1 is the first of them")
        ->capture_default_str();
    command->add_option("--threads", options->embedder.threads, "Threads that compute; 0 is one per core")
        ->capture_default_str();
    command->footer(
        "n is the number of relevant items of a query. Intervals hold 95 percent of bootstrap means.\n\n"
        "Examples:\n"
        "  fulgurite-engine eval --data DIR --collection wiki --queries queries_v1 --strategies standard,mrag\n"
        "  fulgurite-engine eval --published wikipedia_v1_sfr.json --plots plots");
    command->callback([options] { evaluateCommand(*options); });
}

} // namespace fulgurite::app
