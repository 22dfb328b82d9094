// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/stage_encoder.h"

#include "core/base/elapsed.h"
#include "core/base/sha256.h"
#include "core/cascade/pixel_share.h"
#include "core/store/clock.h"

#include <algorithm>
#include <unordered_set>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kBatch = 32;
constexpr std::size_t kLeastBatch = 4;
// About as many operations in a batch: between two of them others have their turn, and a stop is heard.
constexpr double kBatchFlops = 2e11;

std::size_t batchOf(const EncoderInfo& info) {
    const double fitting = kBatchFlops / std::max(info.image_flops, 1.0);
    return std::clamp(static_cast<std::size_t>(std::min(fitting, 1e6)), kLeastBatch, kBatch);
}

// False when the file is not there any more, has other bytes than at the last scan, or cannot be decoded.
bool loadPixels(const clip::ClipModel& model, const PictureSource& source, float* pixels) {
    try {
        const auto bytes = image::readImageFile(source.path);
        if (sha256(bytes) != source.hash) {
            return false;
        }
        const PixelShare share(image::inspectImage(bytes, source.path));
        model.preprocess(image::decodeImage(bytes, source.path, image::Rotation::Orientation), pixels);
        return true;
    } catch (const std::exception&) { // or too little memory for it
        return false;
    }
}

} // namespace

StageEncoder::StageEncoder(const EncoderInfo& info, std::shared_ptr<const clip::ClipModel> model,
                           LibraryStore& store, std::mutex& store_mutex, const std::filesystem::path& data,
                           kernels::ThreadPool& pool)
    : info_(info), model_(std::move(model)), store_(store), store_mutex_(store_mutex), runtime_(pool) {
    const std::lock_guard lock(store_mutex_);
    id_ = store_.encoder(model_->hash(), info.id, model_->width());
    store_.setEncoderFiles(info.folder.string(), stampOf(info.folder), id_);
    std::size_t committed = 0;
    for (const auto& [content, row] : store_.vectorRows(id_)) {
        const auto place = static_cast<std::size_t>(content);
        row_of_.resize(std::max(row_of_.size(), place + 1), -1);
        row_of_[place] = static_cast<std::int64_t>(row);
        committed = std::max(committed, row + 1);
    }
    file_.emplace(data / "vectors" / (model_->hash().substr(0, 32) + ".fvec"), model_->width(), committed);
}

std::int64_t StageEncoder::rowOf(ContentId content) const {
    const auto place = static_cast<std::size_t>(content);
    return place < row_of_.size() ? row_of_[place] : -1;
}

const float* StageEncoder::vector(ContentId content) const {
    const std::int64_t row = rowOf(content);
    return row < 0 ? nullptr : file_->row(static_cast<std::size_t>(row));
}

void StageEncoder::encode(std::span<const ContentId> contents, const float* pixels, const Account& account,
                          std::optional<double> read_seconds, EncodingReport& report) {
    if (contents.empty()) {
        return;
    }
    std::vector<float> vectors(contents.size() * model_->width());
    const auto start = Clock::now();
    model_->encodePixels(pixels, contents.size(), vectors.data(), runtime_);
    const double seconds = secondsSince(start);
    const double flops = info_.image_flops * static_cast<double>(contents.size());
    const auto bytes = static_cast<double>(vectors.size() * sizeof(float));
    const std::size_t first = file_->append(vectors);
    file_->sync();
    {
        const std::lock_guard lock(store_mutex_);
        Transaction transaction(store_.database());
        store_.addVectors(id_, contents, first);
        report.entries.push_back(store_.addEntry({.library = account.library,
                                                  .time = nowMilliseconds(),
                                                  .kind = account.kind,
                                                  .stage = account.stage,
                                                  .encoder = info_.id,
                                                  .items = static_cast<std::int64_t>(contents.size()),
                                                  .seconds = seconds,
                                                  .flops = flops,
                                                  .bytes = bytes,
                                                  .checkpoint = id_,
                                                  .wall = read_seconds ? *read_seconds + seconds : 0}));
        transaction.commit();
    }
    for (std::size_t i = 0; i < contents.size(); ++i) {
        const auto place = static_cast<std::size_t>(contents[i]);
        row_of_.resize(std::max(row_of_.size(), place + 1), -1);
        row_of_[place] = static_cast<std::int64_t>(first + i);
    }
    report.encoded += contents.size();
    report.seconds += seconds;
    report.wall_seconds += read_seconds.value_or(0) + seconds;
    report.flops += flops;
    report.bytes += bytes;
}

void StageEncoder::encodeBatch(std::span<const PictureSource> pictures, const Account& account,
                               EncodingReport& report) {
    const std::size_t pixel_count = model_->pixelCount();
    std::vector<float> pixels(pictures.size() * pixel_count);
    std::vector<char> loaded(pictures.size(), 0);
    const auto start = Clock::now();
    runtime_.pool.parallelFor(pictures.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t i = begin; i < end; ++i) {
            loaded[i] = loadPixels(*model_, pictures[i], &pixels[i * pixel_count]) ? 1 : 0;
        }
    });
    std::vector<ContentId> contents;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        if (loaded[i] != 0) {
            std::copy_n(&pixels[i * pixel_count], pixel_count, &pixels[contents.size() * pixel_count]);
            contents.push_back(pictures[i].content);
        }
    }
    encode(contents, pixels.data(), account, secondsSince(start), report);
    report.missing += pictures.size() - contents.size();
}

EncodingReport StageEncoder::ensure(std::span<const PictureSource> pictures, const Account& account,
                                    const std::function<bool()>& stop) {
    EncodingReport report;
    std::unordered_set<ContentId> seen;
    std::vector<PictureSource> wanted;
    for (const PictureSource& picture : pictures) {
        if (has(picture.content) || !seen.insert(picture.content).second) {
            ++report.cached;
        } else {
            wanted.push_back(picture);
        }
    }
    const std::size_t batch = batchOf(info_);
    for (std::size_t first = 0; first < wanted.size() && !(stop && stop()); first += batch) {
        // Others may have encoded some of them while they had their turn.
        std::vector<PictureSource> part(wanted.begin() + static_cast<std::ptrdiff_t>(first),
                                        wanted.begin() +
                                            static_cast<std::ptrdiff_t>(std::min(first + batch, wanted.size())));
        report.cached += std::erase_if(part, [this](const PictureSource& p) { return has(p.content); });
        encodeBatch(part, account, report);
    }
    return report;
}

std::vector<float> StageEncoder::encodeTexts(std::span<const std::string> texts, double* flops) {
    std::vector<TokenIds> ids;
    for (const std::string& text : texts) {
        ids.push_back(model_->tokenize(text));
        *flops += clip::textFlops(model_->config(), ids.back().size());
    }
    std::vector<float> out(texts.size() * model_->width());
    model_->encodeTexts(ids, out.data(), runtime_);
    return out;
}

std::vector<float> StageEncoder::encodePicture(const image::Image& picture, double* flops) {
    std::vector<float> pixels(model_->pixelCount());
    std::vector<float> out(model_->width());
    model_->preprocess(picture, pixels.data());
    model_->encodePixels(pixels.data(), 1, out.data(), runtime_);
    *flops += info_.image_flops;
    return out;
}

} // namespace fulgurite::cascade
