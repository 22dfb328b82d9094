// SPDX-License-Identifier: Apache-2.0
// BERT-type encoders: embeddings, the blocks of core/model/encoder, pooling. As transformers' BertModel in float32.
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/config_reader.h"
#include "core/model/encoder/encoder.h"
#include "core/probe/content_hash.h"
#include "core/retrieval/embedder.h"
#include "core/retrieval/head_scores.h"
#include "core/text/wordpiece.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite::retrieval {

namespace {

// Rows of one forward pass: enough for full speed, little enough for any machine.
constexpr std::size_t kBatchTokens = 2048;

std::string fileIfThere(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored) ? readTextFile(path) : std::string();
}

// A JSON file that may be missing: an empty object then.
ConfigReader configIfThere(const std::filesystem::path& path) {
    const std::string text = fileIfThere(path);
    return ConfigReader::parse(text.empty() ? "{}" : text, path.string());
}

kernels::Activation activationOf(const ConfigReader& config) {
    const std::string name = config.text("hidden_act", "gelu");
    if (name != "gelu") {
        fail(ErrorKind::Unsupported, "{}: hidden_act is {}; encoders with gelu can be run", config.name(), name);
    }
    return kernels::Activation::Gelu;
}

struct BertWeights {
    explicit BertWeights(const std::filesystem::path& folder) : checkpoint(folder) {
        const std::filesystem::path path = folder / "config.json";
        const ConfigReader config = ConfigReader::parse(readTextFile(path), path.string());
        shape.layers = static_cast<int>(config.integer("num_hidden_layers", 1, 1000, 12));
        shape.width = static_cast<int>(config.integer("hidden_size", 1, 1 << 16, 768));
        shape.heads = static_cast<int>(config.integer("num_attention_heads", 1, shape.width, 12));
        shape.intermediate = static_cast<int>(config.integer("intermediate_size", 1, 1 << 20, 3072));
        shape.activation = activationOf(config);
        shape.norm_eps = static_cast<float>(config.number("layer_norm_eps", 1e-12));
        if (shape.width % shape.heads != 0) {
            fail(ErrorKind::InvalidInput, "{}: hidden_size {} is not a multiple of num_attention_heads {}",
                 path.string(), shape.width, shape.heads);
        }
        const std::string positions_kind = config.text("position_embedding_type", "absolute");
        if (positions_kind != "absolute") {
            fail(ErrorKind::Unsupported, "{}: position_embedding_type is {}; absolute can be run", path.string(),
                 positions_kind);
        }
        vocabulary = static_cast<std::size_t>(config.integer("vocab_size", 1, 1 << 30, 30522));
        most_tokens = static_cast<std::size_t>(config.integer("max_position_embeddings", 3, 1 << 24, 512));
        types = static_cast<std::size_t>(config.integer("type_vocab_size", 1, 1 << 16, 2));
        bind();
    }

    Checkpoint checkpoint;
    EncoderShape shape;
    std::size_t vocabulary = 0;
    std::size_t most_tokens = 0;
    std::size_t types = 0;
    kernels::WeightMatrix words;  // [vocabulary, width]
    std::vector<float> positions; // [most_tokens, width], the row of token type 0 added
    LayerNormWeights embedding_norm;
    std::vector<EncoderLayer> layers;

  private:
    void bind() {
        TensorBinder binder(checkpoint);
        const std::string prefix = binder.has("bert.embeddings.word_embeddings.weight") ? "bert." : "";
        const std::int64_t width = shape.width;
        const std::string at = prefix + "embeddings.";
        const TensorView word_table =
            binder.take({at + "word_embeddings.weight"}, {static_cast<std::int64_t>(vocabulary), width});
        const TensorView position_table =
            binder.take({at + "position_embeddings.weight"}, {static_cast<std::int64_t>(most_tokens), width});
        const TensorView type_table =
            binder.take({at + "token_type_embeddings.weight"}, {static_cast<std::int64_t>(types), width});
        embedding_norm = takeLayerNorm(binder, at + "LayerNorm", width);
        layers = takeEncoderLayers(binder, shape, prefix + "encoder.layer.", EncoderLayerNames::bert());
        for (const auto& [name, view] : checkpoint.tensors()) { // heads of pre-training and buffers are not needed
            if (!name.starts_with(prefix + "encoder.") && (!name.starts_with(at) || name == at + "position_ids")) {
                binder.ignore(name);
            }
        }
        binder.finish();
        words = {word_table.data, word_table.dtype, vocabulary, static_cast<std::size_t>(shape.width)};
        positions = toFloats(position_table);
        const std::vector<float> type_rows = toFloats(type_table);
        for (std::size_t i = 0; i < positions.size(); ++i) {
            positions[i] += type_rows[i % words.cols];
        }
    }
};

// What the folder's sentence-transformers files say; the published default otherwise.
Pooling poolingOfFolder(const std::filesystem::path& folder) {
    const ConfigReader config = configIfThere(folder / "1_Pooling" / "config.json");
    if (config.boolean("pooling_mode_cls_token", false)) {
        return Pooling::Cls;
    }
    for (const char* other : {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                              "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"}) {
        if (config.boolean(other, false) && !config.boolean("pooling_mode_mean_tokens", false)) {
            fail(ErrorKind::Unsupported, "{}: {} is not supported; choose cls or mean pooling", config.name(),
                 other);
        }
    }
    return Pooling::Mean;
}

std::size_t limitOfFolder(const std::filesystem::path& folder, std::size_t most) {
    const ConfigReader sentence = configIfThere(folder / "sentence_bert_config.json");
    const ConfigReader tokenizer = configIfThere(folder / "tokenizer_config.json");
    const auto huge = static_cast<std::int64_t>(most);
    // A tokenizer without a limit says so with a number of thirty digits, which is not an integer here.
    const double said = tokenizer.number("model_max_length", static_cast<double>(most));
    const auto by_tokenizer =
        said >= 3 && said < static_cast<double>(most) ? static_cast<std::int64_t>(said) : huge;
    return static_cast<std::size_t>(std::min(sentence.integer("max_seq_length", 3, 1 << 24, by_tokenizer), huge));
}

// Keeps the contexts of the chosen layers for one batch.
class ContextKeeper final : public EncoderTap {
  public:
    ContextKeeper(const std::vector<int>& layers) : layers_(layers), contexts_(layers.size()) {}

    bool wants(int layer) const override {
        return std::find(layers_.begin(), layers_.end(), layer) != layers_.end();
    }
    void onContext(int layer, std::span<const float> context) override {
        const auto at = std::find(layers_.begin(), layers_.end(), layer) - layers_.begin();
        contexts_[static_cast<std::size_t>(at)].assign(context.begin(), context.end());
    }
    const std::vector<std::vector<float>>& contexts() const { return contexts_; }

  private:
    const std::vector<int>& layers_;
    std::vector<std::vector<float>> contexts_; // by position in layers_: [rows, width]
};

// rows: [tokens, width].
std::vector<float> pooled(std::span<const float> rows, std::size_t width, Pooling pooling) {
    if (pooling == Pooling::Cls) {
        return {rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(width)};
    }
    if (pooling == Pooling::Last) {
        return {rows.end() - static_cast<std::ptrdiff_t>(width), rows.end()};
    }
    std::vector<double> sums(width, 0.0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        sums[i % width] += rows[i];
    }
    const double tokens = static_cast<double>(rows.size() / width);
    std::vector<float> mean(width);
    std::transform(sums.begin(), sums.end(), mean.begin(),
                   [=](double sum) { return static_cast<float>(sum / tokens); });
    return mean;
}

// To length 1; zero stays zero, as in torch.nn.functional.normalize.
void normalise(std::vector<float>& vector) {
    const double length = std::max(std::sqrt(dot(vector, vector)), 1e-12);
    for (float& x : vector) {
        x = static_cast<float>(x / length);
    }
}

class BertEmbedder final : public Embedder {
  public:
    BertEmbedder(const std::filesystem::path& folder, const EmbedderOptions& options, kernels::ThreadPool& pool)
        : weights_(folder), tokenizer_(WordPiece::load(folder)), pool_(pool) {
        if (tokenizer_->size() > weights_.vocabulary) {
            fail(ErrorKind::Corrupt, "{}: the tokenizer has {} tokens, the model {}: they do not belong together",
                 folder.string(), tokenizer_->size(), weights_.vocabulary);
        }
        const EncoderShape& shape = weights_.shape;
        info_.kind = "bert";
        info_.name = folder.lexically_normal().filename().string();
        info_.layer_count = shape.layers;
        info_.layers = chosenLayers(options, shape.layers);
        info_.width = static_cast<std::size_t>(shape.width);
        info_.heads = static_cast<std::size_t>(shape.heads);
        info_.head_dim = static_cast<std::size_t>(shape.headDim());
        info_.place = options.place;
        info_.pooling = options.pooling ? *options.pooling : poolingOfFolder(folder);
        info_.max_tokens = limit(folder, options);
        info_.normalised = true;
        const std::string tokenizer = fileIfThere(folder / "tokenizer.json") + fileIfThere(folder / "vocab.txt");
        info_.fingerprint = probe::sha256(probe::modelHash(weights_.checkpoint) + probe::sha256(tokenizer) +
                                          nameOf(info_.pooling) + std::to_string(info_.max_tokens));
    }

    const EmbedderInfo& info() const override { return info_; }

    std::size_t countTokens(std::string_view text) const override {
        return tokenizer_->encode(text, SIZE_MAX).total;
    }

    std::vector<TextVectors> embed(std::span<const std::string> texts, const std::stop_token& stop) override {
        std::vector<WordPiece::Encoding> encodings;
        encodings.reserve(texts.size());
        for (const std::string& text : texts) {
            encodings.push_back(tokenizer_->encode(text, info_.max_tokens));
            if (encodings.back().ids.empty()) {
                fail(ErrorKind::InvalidInput, "text {} has no token to embed", encodings.size());
            }
        }
        // Neighbours of one length, so that batches are full; padding does not exist.
        std::vector<std::size_t> order(texts.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return encodings[a].ids.size() < encodings[b].ids.size();
        });
        std::vector<TextVectors> results(texts.size());
        for (std::size_t begin = 0; begin < order.size();) {
            if (stop.stop_requested()) {
                fail(ErrorKind::Cancelled, "embedding was stopped after {} of {} texts", begin, texts.size());
            }
            std::size_t end = begin;
            std::size_t rows = 0;
            while (end < order.size() &&
                   (end == begin || rows + encodings[order[end]].ids.size() <= kBatchTokens)) {
                rows += encodings[order[end++]].ids.size();
            }
            runBatch(std::span(order).subspan(begin, end - begin), encodings, rows, results);
            begin = end;
        }
        return results;
    }

  private:
    std::size_t limit(const std::filesystem::path& folder, const EmbedderOptions& options) const {
        if (options.max_tokens == 0) {
            return limitOfFolder(folder, weights_.most_tokens);
        }
        if (options.max_tokens > weights_.most_tokens || options.max_tokens < 3) {
            fail(ErrorKind::InvalidInput, "{} tokens: this encoder takes 3 to {}", options.max_tokens,
                 weights_.most_tokens);
        }
        return options.max_tokens;
    }

    // hidden [rows, width]: words, positions and type 0, normalised.
    void embedTokens(std::span<const TokenId> ids, std::span<const std::size_t> lengths, float* hidden) {
        const EncoderOps ops = EncoderOps::best();
        kernels::Queue& queue = queueOf(workspace_, pool_);
        ops.common.embed({weights_.words, ids.data(), ids.size(), hidden}, queue);
        float* row = hidden;
        for (const std::size_t length : lengths) {
            const std::size_t count = length * info_.width;
            ops.common.residual({row, weights_.positions.data(), row, count, 1.0f, 1.0f}, queue);
            row += count;
        }
        const LayerNormWeights& norm = weights_.embedding_norm;
        ops.encoder.layer_norm({hidden, norm.weight.data(), norm.bias.data(), hidden, ids.size(), info_.width,
                                weights_.shape.norm_eps},
                               queue);
    }

    void runBatch(std::span<const std::size_t> members, const std::vector<WordPiece::Encoding>& encodings,
                  std::size_t rows, std::vector<TextVectors>& results) {
        TokenIds ids;
        std::vector<std::size_t> lengths;
        for (const std::size_t member : members) {
            ids.insert(ids.end(), encodings[member].ids.begin(), encodings[member].ids.end());
            lengths.push_back(encodings[member].ids.size());
        }
        hidden_.resize(rows * info_.width);
        embedTokens(ids, lengths, hidden_.data());
        ContextKeeper keeper(info_.layers);
        runEncoder(weights_.shape, weights_.layers, {lengths, hidden_.data()}, EncoderOps::best(), pool_,
                   workspace_, &keeper);
        std::size_t first = 0;
        for (std::size_t i = 0; i < members.size(); ++i) {
            const std::size_t count = lengths[i] * info_.width;
            const auto part = [&](const std::vector<float>& values) {
                return pooled(std::span(values).subspan(first, count), info_.width, info_.pooling);
            };
            TextVectors& result = results[members[i]];
            result.standard = part(hidden_);
            normalise(result.standard);
            for (const std::vector<float>& context : keeper.contexts()) {
                result.heads.push_back(part(context));
            }
            result.tokens = encodings[members[i]].total;
            result.used = lengths[i];
            first += count;
        }
    }

    BertWeights weights_;
    std::shared_ptr<const WordPiece> tokenizer_;
    kernels::ThreadPool& pool_;
    EmbedderInfo info_;
    EncoderWorkspace workspace_;
    std::vector<float> hidden_;
};

} // namespace

std::unique_ptr<Embedder> bertEmbedder(const std::filesystem::path& folder, const EmbedderOptions& options,
                                       kernels::ThreadPool& pool) {
    return std::make_unique<BertEmbedder>(folder, options, pool);
}

} // namespace fulgurite::retrieval
