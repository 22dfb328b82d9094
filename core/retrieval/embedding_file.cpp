// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/embedding_file.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/retrieval/collection_index.h"

#include <nlohmann/json.hpp>

namespace fulgurite::retrieval {

namespace {

using nlohmann::json;

json headsJson(std::span<const float> vectors, std::size_t heads) {
    json lists = json::array();
    const std::size_t width = vectors.size() / heads;
    for (std::size_t head = 0; head < heads; ++head) {
        const auto part = vectors.subspan(head * width, width);
        lists.push_back(std::vector<float>(part.begin(), part.end()));
    }
    return lists;
}

json embeddingsJson(const EmbedderInfo& info, const TextVectors& vectors) {
    json layers = json::object();
    for (std::size_t i = 0; i < info.layers.size(); ++i) {
        layers[std::to_string(info.layers[i])] = {{"attention_heads", headsJson(vectors.heads[i], info.heads)}};
    }
    return {{"standard", vectors.standard}, {"layers", std::move(layers)}};
}

// A row of the collection as it was embedded: unit vectors times their lengths.
TextVectors vectorsOf(const CollectionIndex& index, const IndexSegment& segment, std::size_t row) {
    const EmbedderInfo& info = index.info().embedder;
    const auto whole = [&](const std::string& name) {
        const Space& space = index.space(name);
        UnitVectors unit = segment.file->read(space, row);
        for (std::size_t i = 0; i < unit.units.size(); ++i) {
            unit.units[i] *= unit.norms[i / space.width];
        }
        return std::move(unit.units);
    };
    TextVectors vectors;
    vectors.standard = whole("standard");
    for (const int layer : info.layers) {
        vectors.heads.push_back(whole(headSpace(layer)));
    }
    return vectors;
}

// Entries of one list, written as they come: a file of many gigabytes is never in memory.
class ListWriter {
  public:
    explicit ListWriter(AtomicFile& file) : file_(file) {}
    void add(const json& entry) {
        file_.write(first_ ? "\n" : ",\n");
        file_.write(dumpJson(entry));
        first_ = false;
    }

  private:
    AtomicFile& file_;
    bool first_ = true;
};

void writeArticles(Collections& collections, const CollectionIndex& index, AtomicFile& file) {
    struct Place {
        const IndexSegment* segment = nullptr;
        std::size_t row = 0;
    };
    std::vector<Place> places(index.documents());
    for (const IndexSegment& segment : index.segments()) {
        for (std::size_t row = 0; row < segment.documents.size(); ++row) {
            if (segment.documents[row] >= 0) {
                places[static_cast<std::size_t>(segment.documents[row])] = {&segment, row};
            }
        }
    }
    ListWriter list(file);
    for (std::size_t number = 0; number < places.size(); ++number) {
        const StoredDocument document = collections.document(index.info().id, number);
        list.add({{"article", {{"title", document.title}, {"text", document.text}, {"label", document.label}}},
                  {"embeddings", embeddingsJson(index.info().embedder,
                                                vectorsOf(index, *places[number].segment, places[number].row))}});
    }
}

void writeQueries(const std::vector<StoredQuery>& queries, Embedder& embedder, AtomicFile& file) {
    ListWriter list(file);
    for (const StoredQuery& query : queries) {
        std::vector<std::string> texts{query.text};
        texts.insert(texts.end(), query.prompts.begin(), query.prompts.end());
        const std::vector<TextVectors> vectors = embedder.embed(texts);
        json entry{{"query", {{"topics", query.items}, {"text", query.text}}},
                   {"embeddings", embeddingsJson(embedder.info(), vectors.front())}};
        if (!query.prompts.empty()) {
            entry["query"]["fusion"] = query.prompts;
            entry["fusion_embeddings"] = json::array();
            for (std::size_t i = 1; i < vectors.size(); ++i) {
                entry["fusion_embeddings"].push_back(embeddingsJson(embedder.info(), vectors[i]));
            }
        }
        list.add(entry);
    }
}

} // namespace

void writeEmbeddingFile(Collections& collections, const std::string& collection, const std::string& query_set,
                        Embedder& embedder, const std::filesystem::path& path) {
    const auto index = collections.index(collection);
    const CollectionInfo& info = index->info();
    if (info.chunks != info.documents) {
        fail(ErrorKind::InvalidInput,
             "collection '{}' has {} chunks for {} documents; an embedding file has one vector for each document",
             info.plan.name, info.chunks, info.documents);
    }
    std::vector<StoredQuery> queries;
    if (!query_set.empty()) {
        queries = collections.queries(collection, query_set);
    }
    AtomicFile file(path);
    file.write("{\"articles\": [");
    writeArticles(collections, *index, file);
    file.write("\n], \"queries\": [");
    writeQueries(queries, embedder, file);
    file.write("\n]}\n");
    file.commit();
}

} // namespace fulgurite::retrieval
