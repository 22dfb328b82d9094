// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/stage_encoder.h"

#include "core/base/sha256.h"

#include <algorithm>
#include <chrono>
#include <unordered_set>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kBatch = 32;

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// False when the file is not there any more, has other bytes than at the last scan, or cannot be decoded.
bool loadPixels(const clip::ClipModel& model, const PictureSource& source, float* pixels) {
    try {
        const auto bytes = image::readImageFile(source.path);
        if (sha256(bytes) != source.hash) {
            return false;
        }
        model.preprocess(image::decodeImage(bytes, source.path), pixels);
        return true;
    } catch (const Error&) {
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

void StageEncoder::add(std::span<const ContentId> contents, std::span<const float> vectors) {
    const std::size_t first = file_->append(vectors);
    file_->sync();
    {
        const std::lock_guard lock(store_mutex_);
        Transaction transaction(store_.database());
        store_.addVectors(id_, contents, first);
        transaction.commit();
    }
    for (std::size_t i = 0; i < contents.size(); ++i) {
        const auto place = static_cast<std::size_t>(contents[i]);
        row_of_.resize(std::max(row_of_.size(), place + 1), -1);
        row_of_[place] = static_cast<std::int64_t>(first + i);
    }
}

std::size_t StageEncoder::encodeBatch(std::span<const PictureSource> pictures, EncodingReport& report) {
    const std::size_t pixel_count = model_->pixelCount();
    std::vector<float> pixels(pictures.size() * pixel_count);
    std::vector<char> loaded(pictures.size(), 0);
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
    std::vector<float> vectors(contents.size() * model_->width());
    const auto start = Clock::now();
    model_->encodePixels(pixels.data(), contents.size(), vectors.data(), runtime_);
    report.seconds += secondsSince(start);
    if (!contents.empty()) {
        add(contents, vectors);
    }
    report.missing += pictures.size() - contents.size();
    return contents.size();
}

EncodingReport StageEncoder::ensure(std::span<const PictureSource> pictures, const std::function<bool()>& stop) {
    EncodingReport report;
    std::vector<PictureSource> wanted;
    std::unordered_set<ContentId> seen;
    for (const PictureSource& picture : pictures) {
        if (has(picture.content) || !seen.insert(picture.content).second) {
            ++report.cached;
        } else {
            wanted.push_back(picture);
        }
    }
    const auto start = Clock::now();
    for (std::size_t first = 0; first < wanted.size() && !(stop && stop()); first += kBatch) {
        const auto part = std::span(wanted).subspan(first, std::min(kBatch, wanted.size() - first));
        report.encoded += encodeBatch(part, report);
    }
    report.wall_seconds = wanted.empty() ? 0 : secondsSince(start);
    report.flops = info_.image_flops * static_cast<double>(report.encoded);
    report.bytes = static_cast<double>(report.encoded * model_->width() * sizeof(float));
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

} // namespace fulgurite::cascade
