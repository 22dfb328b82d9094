// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/scan.h"

#include "core/base/elapsed.h"
#include "core/base/sha256.h"
#include "core/cascade/image/resize.h"
#include "core/cascade/pixel_share.h"
#include "core/store/clock.h"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

namespace fulgurite::cascade {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kScanBatch = 32;
constexpr int kThumbnailSide = 192;
constexpr int kThumbnailQuality = 82;

struct FoundFile {
    std::string path;
    std::int64_t modified = 0;
    std::int64_t bytes = 0;
};

// One file after it was read; an empty hash and a reason where it could not be.
struct ReadFile {
    NewContent content;
    std::vector<float> pixels; // of the first encoder
    std::string reason;
};

// The picture files under a library's folders, and what could not be gone through.
struct Listing {
    std::vector<FoundFile> files;
    std::vector<std::string> closed; // folders whose files are not known to be gone, though they were not found
    std::string obstacle;
};

void addObstacle(Listing& listing, const std::string& folder, const std::string& what) {
    constexpr std::size_t kTold = 3;
    listing.closed.push_back(folder);
    if (listing.closed.size() <= kTold) {
        listing.obstacle += fmt::format("{}{}: {}", listing.obstacle.empty() ? "" : "; ", folder, what);
    } else if (listing.closed.size() == kTold + 1) {
        listing.obstacle += "; and more folders";
    }
}

bool isUnder(const std::string& path, const std::string& folder) {
    return path.size() > folder.size() && path.compare(0, folder.size(), folder) == 0 &&
           (folder.back() == '/' || path[folder.size()] == '/');
}

// Links to folders are not followed. `had_images`: an earlier scan found some below this folder.
void listFolder(const std::string& folder, bool had_images, Listing& listing) {
    std::error_code code;
    if (!fs::is_directory(folder, code)) {
        return addObstacle(listing, folder, "the folder is not there; its images stay as they are");
    }
    if (had_images && fs::is_empty(folder, code) && !code) {
        // A mount point without its drive looks like this.
        return addObstacle(
            listing, folder,
            "the folder is empty; its images stay as they are, in case its drive is not mounted. Take "
            "the folder out of the library to forget them");
    }
    fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, code);
    for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
        struct stat status {};
        std::error_code ignored;
        if (it->is_directory(ignored) && !it->is_symlink(ignored) &&
            ::access(it->path().c_str(), R_OK | X_OK) != 0) {
            addObstacle(listing, it->path().string(), "this user may not look into it");
        } else if (image::hasImageName(it->path()) && ::stat(it->path().c_str(), &status) == 0 &&
                   S_ISREG(status.st_mode)) {
            listing.files.push_back({it->path().string(),
                                     std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
                                     std::int64_t{status.st_size}});
        }
    }
    if (code || (::access(folder.c_str(), R_OK | X_OK) != 0)) {
        addObstacle(listing, folder,
                    fmt::format("could not be gone through to its end ({}); what was not found stays as it was",
                                code ? code.message() : "this user may not look into it"));
    }
}

// `model`: whose pixels are made of the picture; null: none.
ReadFile readFile(const std::string& path, const clip::ClipModel* model) {
    ReadFile file;
    try {
        const auto bytes = image::readImageFile(path);
        const PixelShare share(image::inspectImage(bytes, path));
        const image::Image upright = image::decodeImage(bytes, path, image::Rotation::Orientation);
        const image::PixelSize size = image::fittedSize(upright.width, upright.height, kThumbnailSide);
        file.content.thumbnail = image::encodeJpeg(
            image::resizeImage(upright, size.width, size.height, image::ResizeFilter::Bilinear), kThumbnailQuality);
        if (model != nullptr) {
            file.pixels.resize(model->pixelCount());
            model->preprocess(upright, file.pixels.data());
        }
        file.content.width = upright.width;
        file.content.height = upright.height;
        file.content.hash = sha256(bytes);
    } catch (const std::bad_alloc&) {
        file.reason = fmt::format("{}: there was not enough memory for it", path);
    } catch (const std::exception& error) {
        file.reason = error.what();
        if (file.reason.rfind(path, 0) != 0) {
            file.reason = path + ": " + file.reason;
        }
    }
    return file;
}

class Scan {
  public:
    explicit Scan(const ScanContext& context) : context_(context) {}

    void run() {
        context_.with_encoder([this](StageEncoder* encoder) { model_ = encoder ? &encoder->model() : nullptr; });
        const auto begun = Clock::now();
        const std::vector<FoundFile> changed = findChanges();
        progress_.look_seconds = secondsSince(begun);
        progress_.total = changed.size();
        context_.progress(progress_);
        for (std::size_t first = 0; first < changed.size(); first += kScanBatch) {
            if (context_.stop()) {
                return;
            }
            const auto start = Clock::now();
            const auto part = std::span(changed).subspan(first, std::min(kScanBatch, changed.size() - first));
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
        Listing listing;
        for (const std::string& folder : library.folders) {
            const bool had_images = std::any_of(known.begin(), known.end(),
                                                [&](const auto& entry) { return isUnder(entry.first, folder); });
            listFolder(folder, had_images, listing);
        }
        progress_.obstacle = listing.obstacle;
        std::sort(listing.files.begin(), listing.files.end(),
                  [](const auto& a, const auto& b) { return a.path < b.path; });
        std::unordered_set<std::string> present;
        std::vector<FoundFile> changed;
        for (FoundFile& file : listing.files) {
            const auto before = known.find(file.path);
            const bool same = before != known.end() && before->second.modified == file.modified &&
                              before->second.bytes == file.bytes;
            if (present.insert(file.path).second && !same) {
                changed.push_back(std::move(file));
            }
        }
        std::erase_if(known, [&](const auto& entry) {
            const auto isKept = [&](const std::string& folder) { return isUnder(entry.first, folder); };
            return present.contains(entry.first) ||
                   std::any_of(listing.closed.begin(), listing.closed.end(), isKept);
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
                read[i] = readFile(files[i].path, model_);
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
            EncodingReport report;
            for (std::size_t i = 0; i < read.size(); ++i) {
                const bool twice = std::find(wanted.begin(), wanted.end(), contents[i]) != wanted.end();
                if (read[i].content.hash.empty() || twice || encoder->has(contents[i])) {
                    report.cached += read[i].content.hash.empty() ? 0 : 1;
                    continue;
                }
                wanted.push_back(contents[i]);
                pixels.insert(pixels.end(), read[i].pixels.begin(), read[i].pixels.end());
            }
            encoder->encode(wanted, pixels.data(), account(), std::nullopt, report);
            settle(*encoder, report);
        });
    }

    // Images that an earlier scan listed without an encoder, or with another first one, or lost to a kill. Between
    // batches the encoder is free for queries, and a pause holds nobody up.
    void encodeRest() {
        const std::vector<PictureSource> missing = picturesWithoutVector();
        progress_.total += missing.size();
        for (std::size_t first = 0; first < missing.size(); first += kScanBatch) {
            if (context_.stop()) {
                return;
            }
            const auto start = Clock::now();
            const auto part = std::span(missing).subspan(first, std::min(kScanBatch, missing.size() - first));
            context_.with_encoder(
                [&](StageEncoder* encoder) { settle(*encoder, encoder->ensure(part, account())); });
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

    Account account() const { return {context_.library, LedgerEntry::Kind::Ingest, 0}; }

    // Vectors that were there already are entered with those of the same batch, or alone.
    void settle(const StageEncoder& encoder, const EncodingReport& report) {
        if (report.cached == 0) {
            return;
        }
        const auto cached = static_cast<std::int64_t>(report.cached);
        const std::lock_guard lock(context_.store_mutex);
        Transaction transaction(context_.store.database());
        if (report.entries.empty()) {
            context_.store.addEntry({.library = context_.library,
                                     .time = nowMilliseconds(),
                                     .kind = LedgerEntry::Kind::Ingest,
                                     .encoder = encoder.info().id,
                                     .cached = cached,
                                     .checkpoint = encoder.id()});
        } else {
            context_.store.mergeEntries(report.entries, 0, cached);
        }
        transaction.commit();
    }

    const ScanContext& context_;
    const clip::ClipModel* model_ = nullptr; // of the first encoder
    ScanProgress progress_;
};

} // namespace

void scanLibrary(const ScanContext& context) {
    Scan(context).run();
}

} // namespace fulgurite::cascade
