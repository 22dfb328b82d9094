// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/scan.h"

#include "core/base/sha256.h"
#include "core/cascade/image/resize.h"
#include "core/store/clock.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sys/stat.h>
#include <unordered_set>

namespace fulgurite::cascade {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 32;
constexpr int kThumbnailSide = 192;
constexpr int kThumbnailQuality = 82;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

struct FoundFile {
    std::string path;
    std::int64_t modified = 0;
    std::int64_t bytes = 0;
};

// One file after it was read; an empty hash and a reason where it could not be.
struct ReadFile {
    NewContent content;
    image::Image picture;
    std::string reason;
};

// The picture files under a folder, links to folders not followed. False when the folder itself is not there.
bool listFolder(const fs::path& folder, std::vector<FoundFile>& files) {
    std::error_code code;
    if (!fs::is_directory(folder, code)) {
        return false;
    }
    fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, code);
    for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
        struct stat status {};
        if (image::hasImageName(it->path()) && ::stat(it->path().c_str(), &status) == 0 &&
            S_ISREG(status.st_mode)) {
            files.push_back({it->path().string(),
                             std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
                             std::int64_t{status.st_size}});
        }
    }
    return true;
}

bool isUnder(const std::string& path, const std::string& folder) {
    return path.size() > folder.size() && path.compare(0, folder.size(), folder) == 0 &&
           (folder.back() == '/' || path[folder.size()] == '/');
}

ReadFile readFile(const std::string& path) {
    ReadFile file;
    try {
        const auto bytes = image::readImageFile(path);
        const image::ImageInfo info = image::inspectImage(bytes, path);
        file.picture = image::decodeImage(bytes, path);
        const image::Image turned =
            info.orientation == 1 ? image::Image() : image::decodeImage(bytes, path, image::Rotation::Orientation);
        const image::Image& upright = info.orientation == 1 ? file.picture : turned;
        const image::PixelSize size = image::fittedSize(upright.width, upright.height, kThumbnailSide);
        file.content.thumbnail = image::encodeJpeg(
            image::resizeImage(upright, size.width, size.height, image::ResizeFilter::Bilinear), kThumbnailQuality);
        file.content.width = info.width;
        file.content.height = info.height;
        file.content.hash = sha256(bytes);
    } catch (const std::exception& error) {
        file.reason = error.what();
    }
    return file;
}

class Scan {
  public:
    explicit Scan(const ScanContext& context) : context_(context) {}

    void run() {
        const std::vector<FoundFile> changed = findChanges();
        progress_.total = changed.size();
        context_.progress(progress_);
        for (std::size_t first = 0; first < changed.size(); first += kBatch) {
            if (context_.stop()) {
                return;
            }
            const auto start = Clock::now();
            const auto part = std::span(changed).subspan(first, std::min(kBatch, changed.size() - first));
            readBatch(part);
            progress_.done += part.size();
            progress_.seconds += secondsSince(start);
            context_.progress(progress_);
        }
        encodeRest();
    }

  private:
    // Forgets files that are gone and returns those that are to be read.
    std::vector<FoundFile> findChanges() {
        Library library;
        std::unordered_map<std::string, KnownFile> known;
        {
            const std::lock_guard lock(context_.store_mutex);
            library = context_.store.library(context_.library);
            known = context_.store.knownFiles(context_.library);
        }
        std::vector<FoundFile> files;
        std::vector<std::string> gone_folders;
        for (const std::string& folder : library.folders) {
            if (!listFolder(folder, files)) {
                progress_.folder_gone = folder;
                gone_folders.push_back(folder);
            }
        }
        std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
        std::unordered_set<std::string> present;
        std::vector<FoundFile> changed;
        for (FoundFile& file : files) {
            const auto before = known.find(file.path);
            const bool same = before != known.end() && before->second.modified == file.modified &&
                              before->second.bytes == file.bytes;
            if (present.insert(file.path).second && !same) {
                changed.push_back(std::move(file));
            }
        }
        std::erase_if(known, [&](const auto& entry) {
            const auto isKept = [&](const std::string& folder) { return isUnder(entry.first, folder); };
            return present.contains(entry.first) || std::any_of(gone_folders.begin(), gone_folders.end(), isKept);
        });
        forget(known);
        return changed;
    }

    void forget(const std::unordered_map<std::string, KnownFile>& gone) {
        if (gone.empty()) {
            return;
        }
        {
            const std::lock_guard lock(context_.store_mutex);
            Transaction transaction(context_.store.database());
            for (const auto& [path, file] : gone) {
                context_.store.forget(context_.library, path);
            }
            transaction.commit();
        }
        context_.changed();
    }

    void readBatch(std::span<const FoundFile> files) {
        std::vector<ReadFile> read(files.size());
        context_.pool.parallelFor(files.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t) {
            for (std::size_t i = begin; i < end; ++i) {
                read[i] = readFile(files[i].path);
            }
        });
        std::vector<ContentId> contents(files.size());
        {
            const std::lock_guard lock(context_.store_mutex);
            Transaction transaction(context_.store.database());
            for (std::size_t i = 0; i < files.size(); ++i) {
                const FoundFile& file = files[i];
                if (read[i].content.hash.empty()) {
                    context_.store.setUnreadable(context_.library, file.path, read[i].reason, file.modified,
                                                 file.bytes);
                } else {
                    contents[i] = context_.store.addContent(read[i].content);
                    context_.store.setImage(context_.library, file.path, contents[i], file.modified, file.bytes);
                }
            }
            transaction.commit();
        }
        encodeBatch(read, contents);
        context_.changed();
    }

    void encodeBatch(std::span<const ReadFile> read, std::span<const ContentId> contents) {
        context_.with_encoder([&](StageEncoder* encoder) {
            if (encoder == nullptr) {
                return;
            }
            std::vector<float> pixels;
            std::vector<ContentId> wanted;
            std::size_t cached = 0;
            for (std::size_t i = 0; i < read.size(); ++i) {
                const bool twice = std::find(wanted.begin(), wanted.end(), contents[i]) != wanted.end();
                if (read[i].content.hash.empty() || twice || encoder->has(contents[i])) {
                    cached += read[i].content.hash.empty() ? 0 : 1;
                    continue;
                }
                wanted.push_back(contents[i]);
                pixels.resize(wanted.size() * encoder->model().pixelCount());
                encoder->model().preprocess(read[i].picture,
                                            &pixels[pixels.size() - encoder->model().pixelCount()]);
            }
            std::vector<float> vectors(wanted.size() * encoder->model().width());
            const auto start = Clock::now();
            encoder->encodePixels(pixels.data(), wanted.size(), vectors.data());
            const double seconds = secondsSince(start);
            if (!wanted.empty()) {
                encoder->add(wanted, vectors);
            }
            EncodingReport report;
            report.encoded = wanted.size();
            report.cached = cached;
            report.seconds = seconds;
            report.flops = encoder->info().image_flops * static_cast<double>(wanted.size());
            report.bytes = static_cast<double>(vectors.size() * sizeof(float));
            enter(*encoder, report);
        });
    }

    // Images that an earlier scan listed without an encoder, or with another first one, or lost to a kill. Between
    // batches the encoder is free for queries, and a pause holds nobody up.
    void encodeRest() {
        const std::vector<PictureSource> missing = picturesWithoutVector();
        progress_.total += missing.size();
        for (std::size_t first = 0; first < missing.size(); first += kBatch) {
            if (context_.stop()) {
                return;
            }
            const auto start = Clock::now();
            const auto part = std::span(missing).subspan(first, std::min(kBatch, missing.size() - first));
            context_.with_encoder([&](StageEncoder* encoder) { enter(*encoder, encoder->ensure(part)); });
            progress_.done += part.size();
            progress_.seconds += secondsSince(start);
            context_.progress(progress_);
        }
    }

    std::vector<PictureSource> picturesWithoutVector() {
        std::vector<PictureSource> missing;
        context_.with_encoder([&](StageEncoder* encoder) {
            const std::lock_guard lock(context_.store_mutex);
            std::unordered_set<ContentId> seen;
            for (const auto& [image, content] : context_.store.contents(context_.library)) {
                if (encoder != nullptr && !encoder->has(content) && seen.insert(content).second) {
                    missing.push_back({content, context_.store.pathOf(context_.library, content),
                                       context_.store.contentHash(content)});
                }
            }
        });
        return missing;
    }

    void enter(const StageEncoder& encoder, const EncodingReport& report) {
        if (report.encoded == 0) {
            return;
        }
        const std::lock_guard lock(context_.store_mutex);
        context_.store.addEntry({.library = context_.library,
                                 .time = nowMilliseconds(),
                                 .kind = LedgerEntry::Kind::Ingest,
                                 .stage = 0,
                                 .encoder = encoder.info().id,
                                 .items = static_cast<std::int64_t>(report.encoded),
                                 .cached = static_cast<std::int64_t>(report.cached),
                                 .seconds = report.seconds,
                                 .flops = report.flops,
                                 .bytes = report.bytes});
    }

    const ScanContext& context_;
    ScanProgress progress_;
};

} // namespace

void scanLibrary(const ScanContext& context) {
    Scan(context).run();
}

} // namespace fulgurite::cascade
