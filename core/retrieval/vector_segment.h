// SPDX-License-Identifier: Apache-2.0
// The vectors of a batch of texts in one file, space by space: written once, mapped, named by content.
//
// A space is what is searched in by one query vector per head: "standard" (one head), "split" (the standard vector
// cut into as many pieces as there are heads, where its width divides) and "heads.L" for each stored layer L. A
// file holds for each space NAME unit vectors NAME [heads, rows, width] as F32, F16 or I8, their lengths NAME.norms
// F32 [heads, rows] and, for I8, NAME.scales F32 [heads, rows]. Zero vectors stay zero. Head by head, so that a
// scan of one head reads one stretch.
#pragma once

#include "core/checkpoint/safetensors.h"
#include "core/retrieval/collection_types.h"
#include "kernels/vector_scan.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

struct Space {
    std::string name;
    std::size_t heads = 0;
    std::size_t width = 0; // of one head's vector
    std::size_t floats() const { return heads * width; }
};

std::string headSpace(int layer); // "heads.7"
// "split" is left out where the standard vector's width is not a multiple of the number of heads.
std::vector<Space> spacesOf(const EmbedderInfo& embedder);

// One text's vectors in a space: unit vectors [heads, width] and their lengths [heads].
struct UnitVectors {
    std::vector<float> units;
    std::vector<float> norms;
};
UnitVectors unitVectors(const Space& space, const EmbedderInfo& embedder, const TextVectors& vectors);

class SegmentBuilder {
  public:
    SegmentBuilder(std::vector<Space> spaces, VectorType type);

    std::size_t rows() const { return rows_; }
    // One for each space, in the order given.
    void add(std::span<const UnitVectors> vectors);
    // Writes FOLDER/HASH.safetensors and returns its name; a file that is there already is left.
    std::string write(const std::filesystem::path& folder) const;

  private:
    std::vector<Space> spaces_;
    VectorType type_;
    std::size_t rows_ = 0;
    std::vector<std::vector<float>> units_; // per space [rows, heads, width]
    std::vector<std::vector<float>> norms_; // per space [rows, heads]
};

// Mapped; safe to read from several threads.
class SegmentFile {
  public:
    // Throws Error{NotFound | Corrupt}.
    SegmentFile(const std::filesystem::path& path, std::span<const Space> spaces, std::size_t rows);

    std::size_t rows() const { return rows_; }
    // The unit vectors of one head.
    kernels::VectorRows head(const Space& space, std::size_t head) const;
    // As float32, and as far as the stored type keeps them.
    UnitVectors read(const Space& space, std::size_t row) const;

  private:
    struct Mapped {
        TensorView units;
        const float* norms = nullptr;
        const float* scales = nullptr;
    };
    const Mapped& mapped(const Space& space) const;

    SafetensorsFile file_;
    std::size_t rows_;
    std::map<std::string, Mapped, std::less<>> spaces_;
};

} // namespace fulgurite::retrieval
