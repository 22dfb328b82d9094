// SPDX-License-Identifier: Apache-2.0
// A workspace with collections of short texts, embedded by their letters, for the tests of ingest and of search.
#pragma once

#include "core/retrieval/collection_index.h"
#include "core/retrieval/collections.h"
#include "tests/support/golden_models.h"
#include "tests/unit/letter_embedder.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fulgurite::retrieval {
inline void writeFile(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string line(const std::string& title, const std::string& label, const std::string& text) {
    return "{\"title\": \"" + title + "\", \"label\": \"" + label + "\", \"text\": \"" + text + "\"}\n";
}

class CollectionsTest : public testing::Test {
  protected:
    CollectionsTest() { open(); }

    void open() {
        collections_.reset();
        collections_ = std::make_unique<Collections>(folder_ / "data");
    }
    Collections& collections() { return *collections_; }

    CollectionInfo create(const std::string& name = "letters", VectorType type = VectorType::F32,
                          std::size_t chunk_tokens = 0) {
        return collections().create({.name = name, .type = type, .chunk_tokens = chunk_tokens}, embedder_.info());
    }

    IngestProgress ingest(const std::filesystem::path& path, const std::string& name = "letters") {
        return collections().ingest(name, std::span(&path, 1), embedder_);
    }

    std::vector<std::string> titles(const std::string& name = "letters") {
        return collections().documents(name, 0, 1000).titles;
    }

    // Head scores as a collection made of the same documents at once has them.
    void expectScoresAreCurrent(const std::string& name = "letters") {
        const auto index = collections().index(name);
        for (const Space& space : index->spaces()) {
            HeadScoreSums sums(space.heads, space.width);
            std::size_t rows = 0;
            for (const IndexSegment& segment : index->segments()) {
                for (std::size_t row = 0; row < segment.documents.size(); ++row) {
                    if (segment.documents[row] >= 0) {
                        const UnitVectors vectors = segment.file->read(space, row);
                        sums.addUnit(vectors.units, vectors.norms);
                        ++rows;
                    }
                }
            }
            EXPECT_EQ(rows, index->info().chunks);
            for (std::size_t head = 0; head < space.heads; ++head) {
                EXPECT_NEAR(index->scores(space)[head].score, sums.scores()[head].score, 1e-9)
                    << space.name << head;
            }
        }
    }

    test::TemporaryFolder folder_;
    test::LetterEmbedder embedder_;
    std::unique_ptr<Collections> collections_;
    kernels::ThreadPool pool_{2};
};

} // namespace fulgurite::retrieval
