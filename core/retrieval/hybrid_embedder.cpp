// SPDX-License-Identifier: Apache-2.0
// The language model as an embedder: prefill in chunks, heads and the last stream taken out as they pass by.
#include "core/base/error.h"
#include "core/model/weights.h"
#include "core/probe/content_hash.h"
#include "core/retrieval/embedder.h"

#include <algorithm>

namespace fulgurite::retrieval {

namespace {

// Texts that may be under way together; a batch of short texts is as fast as one long one.
constexpr std::size_t kMostTexts = 64;

// Which rows of a pass belong to which text.
struct Slice {
    std::size_t text = 0;  // within the group
    std::size_t first = 0; // row of the pass
    std::size_t rows = 0;
    bool last = false; // the text ends with it
};

// Adds up what is read of each text: its last row, its first, or the sum of all.
class Pooler {
  public:
    Pooler(std::size_t texts, std::size_t width, Pooling pooling)
        : width_(width), pooling_(pooling), sums_(texts * width, 0.0) {}

    // values: [rows of the pass, width]. `begins`: the slice is the text's first.
    void take(const Slice& slice, bool begins, std::span<const float> values) {
        const float* rows = values.data() + slice.first * width_;
        double* sum = sums_.data() + slice.text * width_;
        if (pooling_ == Pooling::Mean) {
            for (std::size_t i = 0; i < slice.rows * width_; ++i) {
                sum[i % width_] += rows[i];
            }
        } else if (pooling_ == Pooling::Last && slice.last) {
            std::copy_n(rows + (slice.rows - 1) * width_, width_, sum);
        } else if (pooling_ == Pooling::Cls && begins) {
            std::copy_n(rows, width_, sum);
        }
    }

    std::vector<float> result(std::size_t text, std::size_t tokens) const {
        const double scale = pooling_ == Pooling::Mean ? static_cast<double>(tokens) : 1.0;
        std::vector<float> vector(width_);
        std::transform(sums_.begin() + static_cast<std::ptrdiff_t>(text * width_),
                       sums_.begin() + static_cast<std::ptrdiff_t>((text + 1) * width_), vector.begin(),
                       [=](double x) { return static_cast<float>(x / scale); });
        return vector;
    }

  private:
    std::size_t width_;
    Pooling pooling_;
    std::vector<double> sums_;
};

class EmbeddingTap final : public ForwardTap {
  public:
    EmbeddingTap(const HybridModel& model, const EmbedderInfo& info, std::size_t texts)
        : model_(model),
          info_(info),
          point_(info.place == HeadPlace::Projection ? TapPoint::HeadGated : TapPoint::HeadOutput),
          standard_(texts, info.width, info.pooling),
          heads_(info.layers.size(), Pooler(texts, info.heads * info.head_dim, info.pooling)) {}

    // The slices of the next pass; begins[i] says whether slice i is its text's first.
    void begin(std::vector<Slice> slices, std::vector<bool> begins, kernels::ThreadPool& pool) {
        slices_ = std::move(slices);
        begins_ = std::move(begins);
        pool_ = &pool;
    }

    bool wants(TapPoint point, int layer) const override {
        return (point == TapPoint::Hidden && layer == info_.layer_count) ||
               (point == point_ &&
                std::find(info_.layers.begin(), info_.layers.end(), layer) != info_.layers.end());
    }

    void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) override {
        if (point != TapPoint::Hidden) {
            const auto at = std::find(info_.layers.begin(), info_.layers.end(), layer) - info_.layers.begin();
            feed(heads_[static_cast<std::size_t>(at)], values);
            return;
        }
        normed_.resize(values.size());
        kernels::Queue queue(*pool_);
        model_.ops().norm({values.data(), model_.weights().final_norm.data(), normed_.data(), rows, info_.width,
                           model_.config().rms_norm_eps},
                          queue);
        feed(standard_, normed_);
    }

    void onRouting(int, std::span<const std::int32_t>, std::span<const float>, std::size_t) override {}

    TextVectors result(std::size_t text, std::size_t tokens) const {
        TextVectors vectors;
        vectors.standard = standard_.result(text, tokens);
        for (const Pooler& layer : heads_) {
            vectors.heads.push_back(layer.result(text, tokens));
        }
        vectors.used = tokens;
        return vectors;
    }

  private:
    void feed(Pooler& pooler, std::span<const float> values) const {
        for (std::size_t i = 0; i < slices_.size(); ++i) {
            pooler.take(slices_[i], begins_[i], values);
        }
    }

    const HybridModel& model_;
    const EmbedderInfo& info_;
    TapPoint point_;
    Pooler standard_;
    std::vector<Pooler> heads_;
    std::vector<Slice> slices_;
    std::vector<bool> begins_;
    kernels::ThreadPool* pool_ = nullptr;
    std::vector<float> normed_;
};

class HybridEmbedder final : public Embedder {
  public:
    HybridEmbedder(std::shared_ptr<const HybridModel> model, std::shared_ptr<const Tokenizer> tokenizer,
                   std::string name, const EmbedderOptions& options, probe::ModelTurn turn)
        : model_(std::move(model)), tokenizer_(std::move(tokenizer)), turn_(std::move(turn)) {
        const ModelConfig& config = model_->config();
        info_.kind = "hybrid";
        info_.name = std::move(name);
        info_.layer_count = config.layerCount();
        info_.layers = chosenLayers(options, config.layerCount());
        info_.width = static_cast<std::size_t>(config.hidden_size);
        info_.heads = static_cast<std::size_t>(config.num_heads);
        info_.head_dim = static_cast<std::size_t>(config.head_dim);
        info_.place = options.place;
        info_.pooling = options.pooling.value_or(Pooling::Last);
        const std::size_t positions =
            config.max_positions > 0 ? static_cast<std::size_t>(config.max_positions) : SIZE_MAX;
        info_.max_tokens = options.max_tokens == 0 ? positions : std::min(positions, options.max_tokens);
        info_.fingerprint = probe::sha256(probe::modelHash(*model_->weights().checkpoint) + nameOf(info_.place) +
                                          nameOf(info_.pooling) + std::to_string(info_.max_tokens));
    }

    const EmbedderInfo& info() const override { return info_; }

    std::size_t countTokens(std::string_view text) const override {
        return tokenizer_->encode(text, SpecialTokens::AsText).size();
    }

    std::vector<TextVectors> embed(std::span<const std::string> texts, const std::stop_token& stop) override {
        std::vector<TextVectors> results;
        for (std::size_t begin = 0; begin < texts.size(); begin += kMostTexts) {
            runGroup(texts.subspan(begin, std::min(kMostTexts, texts.size() - begin)), stop, results);
        }
        return results;
    }

  private:
    void runGroup(std::span<const std::string> texts, const std::stop_token& stop,
                  std::vector<TextVectors>& results) {
        std::vector<TokenIds> ids;
        std::vector<std::size_t> totals;
        std::size_t left = 0;
        for (const std::string& text : texts) {
            ids.push_back(tokenizer_->encode(text, SpecialTokens::AsText));
            if (ids.back().empty()) {
                fail(ErrorKind::InvalidInput, "text {} has no token to embed", results.size() + ids.size());
            }
            totals.push_back(ids.back().size());
            ids.back().resize(std::min(ids.back().size(), info_.max_tokens));
            left += ids.back().size();
        }
        EmbeddingTap tap(*model_, info_, texts.size());
        std::vector<std::optional<SequenceState>> states(texts.size());
        std::vector<std::size_t> done(texts.size(), 0);
        while (left > 0) {
            if (stop.stop_requested()) {
                fail(ErrorKind::Cancelled, "embedding was stopped after {} texts", results.size());
            }
            turn_([&](kernels::ThreadPool& pool, std::size_t budget) {
                left -= step(ids, states, done, std::max<std::size_t>(budget, 1), pool, tap);
            });
        }
        for (std::size_t i = 0; i < texts.size(); ++i) {
            results.push_back(tap.result(i, ids[i].size()));
            results.back().tokens = totals[i];
        }
    }

    // The next `budget` tokens, text after text; returns how many there were.
    std::size_t step(const std::vector<TokenIds>& ids, std::vector<std::optional<SequenceState>>& states,
                     std::vector<std::size_t>& done, std::size_t budget, kernels::ThreadPool& pool,
                     EmbeddingTap& tap) {
        std::vector<SequenceChunk> batch;
        std::vector<Slice> slices;
        std::vector<bool> begins;
        std::vector<std::size_t> ended;
        std::size_t rows = 0;
        for (std::size_t i = 0; i < ids.size() && rows < budget; ++i) {
            const std::size_t count = std::min(ids[i].size() - done[i], budget - rows);
            if (count == 0) {
                continue;
            }
            if (!states[i]) {
                states[i].emplace(model_->newState());
            }
            batch.push_back({&*states[i], std::span(ids[i]).subspan(done[i], count), LogitsWanted::None});
            begins.push_back(done[i] == 0);
            done[i] += count;
            slices.push_back({i, rows, count, done[i] == ids[i].size()});
            if (slices.back().last) {
                ended.push_back(i);
            }
            rows += count;
        }
        tap.begin(std::move(slices), std::move(begins), pool);
        std::vector<float> logits;
        model_->forward(batch, pool, workspace_, logits, &tap);
        for (const std::size_t i : ended) {
            states[i].reset();
        }
        return rows;
    }

    std::shared_ptr<const HybridModel> model_;
    std::shared_ptr<const Tokenizer> tokenizer_;
    probe::ModelTurn turn_;
    EmbedderInfo info_;
    Workspace workspace_;
};

} // namespace

std::unique_ptr<Embedder> hybridEmbedder(std::shared_ptr<const HybridModel> model,
                                         std::shared_ptr<const Tokenizer> tokenizer, std::string name,
                                         const EmbedderOptions& options, probe::ModelTurn turn) {
    return std::make_unique<HybridEmbedder>(std::move(model), std::move(tokenizer), std::move(name), options,
                                            std::move(turn));
}

} // namespace fulgurite::retrieval
