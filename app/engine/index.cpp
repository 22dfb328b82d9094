// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine index`: collections of documents in a data folder.
#include "app/engine/collection_command.h"
#include "app/engine/command.h"
#include "app/engine/embedder_options.h"
#include "core/base/error.h"
#include "core/base/system_memory.h"
#include "core/retrieval/embedding_file.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct IndexOptions {
    std::string data;
    std::string name;
    std::vector<std::filesystem::path> paths;
    EmbedderChoice embedder;
    std::string type = "f32";
    std::size_t chunk_tokens = 0;
    bool remove = false;
    std::string export_to;
    std::string export_queries;
};

void list(retrieval::Collections& collections) {
    for (const retrieval::CollectionInfo& info : collections.list()) {
        fmt::print("{}: {} documents, {} chunks ({} cut), {}, {} heads of {}, layers {}, {} {}\n", info.plan.name,
                   info.documents, info.chunks, info.truncated, info.embedder.name, info.embedder.heads,
                   info.embedder.head_dim, fmt::join(info.embedder.layers, ","), readableBytes(info.vector_bytes),
                   nameOf(info.plan.type));
        for (const retrieval::QuerySetInfo& set : info.query_sets) {
            fmt::print("  queries {}: {}\n", set.name, set.queries);
        }
    }
}

bool exists(retrieval::Collections& collections, const std::string& name) {
    for (const retrieval::CollectionInfo& info : collections.list()) {
        if (info.plan.name == name) {
            return true;
        }
    }
    return false;
}

void index(const IndexOptions& options) {
    retrieval::Collections collections(options.data);
    if (options.name.empty()) {
        list(collections);
        return;
    }
    if (options.remove) {
        collections.remove(options.name);
        return;
    }
    kernels::ThreadPool pool(options.embedder.threads);
    std::unique_ptr<retrieval::Embedder> embedder;
    if (exists(collections, options.name)) {
        embedder = embedderOfCollection(collections.info(options.name), options.embedder, pool);
    } else {
        embedder = openEmbedder(findModel(options.embedder.model), embedderOptions(options.embedder), pool);
        collections.create({.name = options.name,
                            .embedder = options.embedder.model.empty()
                                            ? "model"
                                            : std::filesystem::absolute(options.embedder.model).string(),
                            .type = retrieval::vectorTypeOf(options.type),
                            .chunk_tokens = options.chunk_tokens},
                           embedder->info());
    }
    if (!options.export_to.empty()) {
        writeEmbeddingFile(collections, options.name, options.export_queries, *embedder, options.export_to);
        return;
    }
    const retrieval::IngestProgress done =
        collections.ingest(options.name, options.paths, *embedder, [](const retrieval::IngestProgress& progress) {
            fmt::print(stderr, "\r{} of {} documents, {} embedded", progress.done, progress.total,
                       progress.embedded);
        });
    fmt::print(stderr, "\n");
    for (const std::string& skipped : done.skipped) {
        fmt::print(stderr, "left out: {}\n", skipped);
    }
    const retrieval::CollectionInfo info = collections.info(options.name);
    fmt::print("{} documents, {} embedded now, {} removed, {} of {} chunks longer than {} tokens and cut, {}\n",
               info.documents, done.embedded, done.removed, info.truncated, info.chunks, info.embedder.max_tokens,
               readableBytes(info.vector_bytes));
}

} // namespace

void addIndex(CLI::App& app) {
    auto options = std::make_shared<IndexOptions>();
    CLI::App* command =
        app.add_subcommand("index", "Bring a collection of documents up to date with files and folders");
    command->add_option("--data", options->data, "Data folder")->required();
    command->add_option("--collection", options->name,
                        "Its name; made when there is none (without it: list them all)");
    command->add_option("paths", options->paths,
                        "Text, Markdown, HTML, PDF, JSON, JSONL, CSV files, or folders of them");
    command->add_option("--vectors", options->type, "f32, f16 or int8, of a new collection")
        ->check(CLI::IsMember({"f32", "f16", "int8"}))
        ->capture_default_str();
    command
        ->add_option("--chunk", options->chunk_tokens,
                     "Cut documents of a new collection into chunks of at most so many tokens; 0 embeds each "
                     "document's beginning")
        ->capture_default_str();
    command->add_flag("--remove", options->remove, "Remove the collection");
    command->add_option("--export", options->export_to,
                        "Write the collection as an embedding file of the MRAG project instead");
    command->add_option("--export-queries", options->export_queries, "Query set to write with it");
    addEmbedderOptions(*command, options->embedder);
    command->footer(
        "Documents that have not changed are not embedded again; an interrupted run goes on where it was.\n\n"
        "Example:\n  fulgurite-engine index --data DIR --collection manuals --model MiniLM docs/ notes.jsonl");
    command->callback([options] { index(*options); });
}

} // namespace fulgurite::app
