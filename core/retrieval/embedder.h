// SPDX-License-Identifier: Apache-2.0
// Texts as vectors: one forward pass gives the standard vector and the vectors of every attention head.
//
// Besta et al. 2024 (Multi-Head RAG, arXiv 2406.05085): a head's vector is its attention output before the output
// projection merges the heads, of the last token of a causal model. For bidirectional encoders the same tensor is
// pooled as the standard vector is. Head vectors are never normalised: their length is part of the importance
// score.
#pragma once

#include "core/probe/capture_run.h"
#include "core/text/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::retrieval {

// Where a head is read. The two differ for lightning layers alone.
enum class HeadPlace : std::uint8_t {
    Projection, // what the output projection takes in, after norm and gate
    Core,       // what the attention core gives, before norm and gate
};

enum class Pooling : std::uint8_t {
    Last, // the last token: causal models
    Cls,  // the first token
    Mean, // over all tokens
};

const char* nameOf(HeadPlace place); // "projection", "core"
const char* nameOf(Pooling pooling); // "last", "cls", "mean"
// Throw Error{InvalidInput} that lists the names.
HeadPlace headPlaceOf(std::string_view name);
Pooling poolingOf(std::string_view name);

struct EmbedderOptions {
    std::vector<int> layers{}; // 0-based, each once; negative counts from the end; empty: the last one
    HeadPlace place = HeadPlace::Projection;
    std::optional<Pooling> pooling{}; // unset: the model's own
    std::size_t max_tokens = 0;       // longer texts are cut; 0: the model's own limit
};

struct EmbedderInfo {
    std::string kind; // "hybrid" or "bert"
    std::string name; // of the model's folder
    int layer_count = 0;
    std::vector<int> layers; // whose heads are kept, in the order asked for
    std::size_t width = 0;   // of the standard vector
    std::size_t heads = 0;
    std::size_t head_dim = 0;
    HeadPlace place = HeadPlace::Projection;
    Pooling pooling = Pooling::Last;
    std::size_t max_tokens = 0;
    bool normalised = false; // the standard vector has length 1
    // Tells apart whatever gives different vectors: model, tokenizer, place, pooling, limit. Not the choice of
    // layers.
    std::string fingerprint;
};

struct TextVectors {
    std::vector<float> standard;           // [width]
    std::vector<std::vector<float>> heads; // for each of EmbedderInfo::layers: [heads, head_dim]
    std::size_t tokens = 0;                // of the text, with those that the tokenizer adds
    std::size_t used = 0;                  // of them, that the model saw: fewer where the text was cut
};

// One thread at a time.
class Embedder {
  public:
    virtual ~Embedder() = default;
    virtual const EmbedderInfo& info() const = 0;
    // In the order of `texts`. A result does not depend on the other texts. Throws Error{InvalidInput} for text
    // that is not UTF-8 or has no token, Error{Cancelled} when `stop` is asked for.
    virtual std::vector<TextVectors> embed(std::span<const std::string> texts,
                                           const std::stop_token& stop = {}) = 0;
    virtual std::size_t countTokens(std::string_view text) const = 0;
};

// The embedder of a checkpoint folder, chosen by its config.json. `pool` must outlive it. Throws Error{NotFound |
// Corrupt | Unsupported | InvalidInput}.
std::unique_ptr<Embedder> openEmbedder(const std::filesystem::path& folder, const EmbedderOptions& options,
                                       kernels::ThreadPool& pool);

// Of a language model that is loaded already; every chunk of tokens is a turn at it.
std::unique_ptr<Embedder> hybridEmbedder(std::shared_ptr<const HybridModel> model,
                                         std::shared_ptr<const Tokenizer> tokenizer, std::string name,
                                         const EmbedderOptions& options, probe::ModelTurn turn);

// A BertModel checkpoint with a WordPiece tokenizer. Pooling and limit follow the folder's sentence-transformers
// files where it has them: mean and the positions of the model otherwise. Standard vectors have length 1.
std::unique_ptr<Embedder> bertEmbedder(const std::filesystem::path& folder, const EmbedderOptions& options,
                                       kernels::ThreadPool& pool);

// `options.layers` against a model of so many layers. Throws Error{InvalidInput}.
std::vector<int> chosenLayers(const EmbedderOptions& options, int layer_count);

} // namespace fulgurite::retrieval
