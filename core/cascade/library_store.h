// SPDX-License-Identifier: Apache-2.0
// `images.fulgurite` in an engine's data folder: libraries, their files, what is known about each picture,
// thumbnails, and the ledger. docs/formats/images.md describes the tables. One thread at a time.
#pragma once

#include "core/cascade/library_types.h"
#include "core/store/database.h"

#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fulgurite::cascade {

// What a scan needs to know about a file that it has seen before.
struct KnownFile {
    ImageId image = 0; // 0: it could not be read
    std::int64_t modified = 0;
    std::int64_t bytes = 0;
};

// A picture that was just read.
struct NewContent {
    std::string hash; // SHA-256 of the file
    int width = 0;
    int height = 0;
    std::string thumbnail; // JPEG
};

class LibraryStore {
  public:
    // Opens or creates the file in `folder`, which is created too.
    explicit LibraryStore(const std::filesystem::path& folder);

    Database& database() { return database_; }

    // All throw Error{NotFound} for a library or image that does not exist.
    std::vector<Library> libraries();
    Library library(LibraryId id);
    LibraryId create(const std::string& name, const std::vector<std::string>& folders); // name must be new
    void rename(LibraryId id, const std::string& name);
    void setFolders(LibraryId id, const std::vector<std::string>& folders);
    void remove(LibraryId id); // contents that no library has any more keep their vectors

    std::unordered_map<std::string, KnownFile> knownFiles(LibraryId id);
    std::optional<ContentId> findContent(const std::string& hash);
    ContentId addContent(const NewContent& content);
    std::string contentHash(ContentId content);
    // A file that had this content when the library was scanned; empty when there is none.
    std::string pathOf(LibraryId id, ContentId content);
    void setImage(LibraryId id, const std::string& path, ContentId content, std::int64_t modified,
                  std::int64_t bytes);
    void setUnreadable(LibraryId id, const std::string& path, const std::string& reason, std::int64_t modified,
                       std::int64_t bytes);
    void forget(LibraryId id, const std::string& path);

    // By path. `count` entries from `from` on.
    std::vector<ImageEntry> images(LibraryId id, std::size_t from, std::size_t count);
    ImageEntry image(LibraryId id, ImageId image);
    std::vector<Unreadable> unreadable(LibraryId id);
    std::string thumbnail(LibraryId id, ImageId image); // JPEG
    // All (image, content) of a library, by path.
    std::vector<std::pair<ImageId, ContentId>> contents(LibraryId id);
    std::size_t pictureCount(LibraryId id); // files with the same bytes count once

    EncoderId encoder(const std::string& hash, const std::string& name, std::size_t width);
    // Which checkpoint a folder held when its files were last hashed; nothing once they have another stamp.
    void setEncoderFiles(const std::string& folder, const std::string& stamp, EncoderId encoder);
    std::optional<EncoderId> encoderOfFiles(const std::string& folder, const std::string& stamp);
    // Which row of the encoder's file each content has.
    std::vector<std::pair<ContentId, std::size_t>> vectorRows(EncoderId encoder);
    void addVectors(EncoderId encoder, std::span<const ContentId> contents, std::size_t first_row);

    std::int64_t addQuery(LibraryId id, const std::string& text); // its number in the library, from 1
    std::int64_t addEntry(const LedgerEntry& entry);              // returns its id
    // Makes one entry of those that a piece of work wrote batch by batch.
    void mergeEntries(std::span<const std::int64_t> ids, std::int64_t query, std::int64_t cached);
    std::vector<LedgerEntry> entries(LibraryId id, std::size_t newest);
    std::vector<EncoderTotals> totals(LibraryId id); // Ingest and Query entries
    double vectorBytes(LibraryId id);                // written by these
    // Entries that encode images, in the order of time, for the curve of a library.
    std::vector<LedgerEntry> encodings(LibraryId id);
    // Seconds for one image over all entries of that encoder, in its vision tower and with reading and decoding;
    // nothing before the first.
    std::optional<double> measuredSeconds(EncoderId encoder);
    std::optional<double> measuredWall(EncoderId encoder);

  private:
    void requireLibrary(LibraryId id);
    std::vector<std::string> folders(LibraryId id);

    Database database_;
};

} // namespace fulgurite::cascade
