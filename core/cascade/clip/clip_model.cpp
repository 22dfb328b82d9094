// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/clip/clip_model.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/sha256.h"
#include "core/model/weight_views.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::clip {

namespace {

// Tokens that go through the layers together: enough for full matrix products, little enough for the caches.
constexpr std::size_t kBatchTokens = 800;

bool hasTower(const Checkpoint& checkpoint, std::string_view prefix) {
    const auto first = checkpoint.tensors().lower_bound(prefix);
    return first != checkpoint.tensors().end() && first->first.compare(0, prefix.size(), prefix) == 0;
}

Preprocess readPreprocess(const std::filesystem::path& folder, int side) {
    const std::filesystem::path file = folder / "preprocessor_config.json";
    if (!std::filesystem::exists(file)) {
        return Preprocess::forSize(side);
    }
    const Preprocess settings = Preprocess::parse(readTextFile(file, std::size_t{1} << 20), file.string(), side);
    settings.requireOutput(side, file.string());
    return settings;
}

// Vectors are kept for ever under this name, so all bytes count, and so do the settings that make pixels.
std::string hashOf(const Checkpoint& checkpoint) {
    Sha256 hash;
    hash.update(readTextFile(checkpoint.folder() / "config.json"));
    if (std::filesystem::exists(checkpoint.folder() / "preprocessor_config.json")) {
        hash.update(readTextFile(checkpoint.folder() / "preprocessor_config.json"));
    }
    for (const auto& [name, tensor] : checkpoint.tensors()) {
        hash.update(fmt::format("\n{} {} {}\n", name, nameOf(tensor.dtype), toString(tensor.shape)));
        hash.update({tensor.data, tensor.bytes()});
    }
    return hash.finish();
}

void normalise(float* rows, std::size_t count, std::size_t width) {
    for (std::size_t r = 0; r < count; ++r, rows += width) {
        double squares = 0;
        for (std::size_t i = 0; i < width; ++i) {
            squares += static_cast<double>(rows[i]) * rows[i];
        }
        const auto scale = static_cast<float>(squares > 0 ? 1.0 / std::sqrt(squares) : 0.0);
        std::transform(rows, rows + width, rows, [scale](float x) { return x * scale; });
    }
}

} // namespace

std::shared_ptr<const ClipModel> ClipModel::load(const std::filesystem::path& folder) {
    if (!std::filesystem::is_directory(folder)) {
        fail(ErrorKind::NotFound, "{}: no such model folder", folder.string());
    }
    return std::shared_ptr<const ClipModel>(new ClipModel(folder));
}

ClipModel::ClipModel(const std::filesystem::path& folder)
    : config_(ClipConfig::load(folder)),
      preprocess_(readPreprocess(folder, config_.vision.image_size)),
      checkpoint_(folder) {
    TensorBinder binder(checkpoint_);
    binder.ignore("logit_scale");
    const std::int64_t projection = config_.projection;
    if (hasTower(checkpoint_, "vision_model.")) {
        vision_.emplace(config_.vision, binder, "vision_model.");
        post_norm_ = takeLayerNorm(binder, "vision_model.post_layernorm", config_.vision.shape.width);
        image_projection_ =
            matrixOf(binder.take({"visual_projection.weight"}, {projection, config_.vision.shape.width}));
    }
    if (hasTower(checkpoint_, "text_model.")) {
        text_.emplace(config_.text, binder, "text_model.");
        text_projection_ =
            matrixOf(binder.take({"text_projection.weight"}, {projection, config_.text.shape.width}));
    }
    binder.finish();
    if (!vision_ && !text_) {
        fail(ErrorKind::Corrupt, "{}: no tensor of a CLIP model in it", folder.string());
    }
    if (text_) {
        tokenizer_.emplace(ClipTokenizer::load(folder));
        if (tokenizer_->size() > static_cast<std::size_t>(config_.text.vocabulary)) {
            fail(ErrorKind::Corrupt, "{}: the tokenizer has {} tokens, the model {}", folder.string(),
                 tokenizer_->size(), config_.text.vocabulary);
        }
    }
    hash_ = hashOf(checkpoint_);
}

std::size_t ClipModel::pixelCount() const {
    const auto side = static_cast<std::size_t>(config_.vision.image_size);
    return 3 * side * side;
}

void ClipModel::preprocess(const image::Image& picture, float* pixels) const {
    clip::preprocess(preprocess_, picture, config_.vision.image_size, pixels);
}

TokenIds ClipModel::tokenize(std::string_view text) const {
    if (!tokenizer_) {
        fail(ErrorKind::Unsupported, "{}: this model has no text tower", folder().string());
    }
    return tokenizer_->encode(text, static_cast<std::size_t>(config_.text.positions));
}

void ClipModel::project(const kernels::WeightMatrix& weight, const float* pooled, std::size_t rows, float* out,
                        ClipRuntime& runtime) const {
    const kernels::LinearTask task[] = {{pooled, weight.cols, rows, weight, out, weight.rows}};
    runtime.ops.common.linear(std::span(task), queueOf(runtime.workspace, runtime.pool));
    normalise(out, rows, weight.rows);
}

void ClipModel::encodePixels(const float* pixels, std::size_t count, float* out, ClipRuntime& runtime) const {
    if (!vision_) {
        fail(ErrorKind::Unsupported, "{}: this model has no vision tower", folder().string());
    }
    const auto tokens = static_cast<std::size_t>(config_.vision.tokens());
    const auto width_in = static_cast<std::size_t>(config_.vision.shape.width);
    const std::size_t batch = std::max<std::size_t>(1, kBatchTokens / tokens);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t images = std::min(batch, count - first);
        runtime.hidden.resize(std::max(runtime.hidden.size(), images * tokens * width_in));
        runtime.pooled.resize(std::max(runtime.pooled.size(), images * width_in));
        vision_->forward(pixels + first * pixelCount(), images, runtime.hidden.data(), runtime);
        for (std::size_t i = 0; i < images; ++i) {
            std::copy_n(&runtime.hidden[i * tokens * width_in], width_in, &runtime.pooled[i * width_in]);
        }
        runtime.ops.encoder.layer_norm({runtime.pooled.data(), post_norm_.weight.data(), post_norm_.bias.data(),
                                        runtime.pooled.data(), images, width_in, config_.vision.shape.norm_eps},
                                       queueOf(runtime.workspace, runtime.pool));
        project(image_projection_, runtime.pooled.data(), images, out + first * width(), runtime);
    }
}

void ClipModel::encodeTexts(std::span<const TokenIds> texts, float* out, ClipRuntime& runtime) const {
    if (!text_) {
        fail(ErrorKind::Unsupported, "{}: this model has no text tower", folder().string());
    }
    const auto width_in = static_cast<std::size_t>(config_.text.shape.width);
    const auto positions = static_cast<std::size_t>(config_.text.positions);
    const std::size_t batch = std::max<std::size_t>(1, kBatchTokens / positions);
    for (std::size_t first = 0; first < texts.size(); first += batch) {
        const auto part = texts.subspan(first, std::min(batch, texts.size() - first));
        runtime.pooled.resize(std::max(runtime.pooled.size(), part.size() * width_in));
        text_->forward(part, runtime.pooled.data(), runtime);
        project(text_projection_, runtime.pooled.data(), part.size(), out + first * width(), runtime);
    }
}

} // namespace fulgurite::clip
