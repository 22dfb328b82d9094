// SPDX-License-Identifier: Apache-2.0
// What an engine keeps about image libraries, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::cascade {

using LibraryId = std::int64_t;
using ImageId = std::int64_t;   // of a file in a library
using ContentId = std::int64_t; // of a picture by its bytes; several files may have it
using EncoderId = std::int64_t; // of an encoder by its hash

struct Library {
    LibraryId id = 0;
    std::string name;
    std::vector<std::string> folders;
    std::int64_t created = 0; // milliseconds since 1970
    std::size_t images = 0;
    std::size_t unreadable = 0;
    std::size_t queries = 0;
};

struct ImageEntry {
    ImageId id = 0;
    ContentId content = 0;
    std::string path;
    std::int64_t modified = 0; // nanoseconds since 1970, as the file system says
    std::int64_t bytes = 0;
    int width = 0;
    int height = 0;
};

struct Unreadable {
    std::string path;
    std::string reason;
};

// What was encoded or searched, at one stage.
struct LedgerEntry {
    enum class Kind : std::uint8_t {
        Ingest,     // every image of a library by the first encoder
        Query,      // the images that a query's stage met for the first time
        Text,       // the query itself
        Search,     // products with the vectors
        Evaluation, // encodings for an evaluation: no part of a lifetime
    };

    std::int64_t id = 0;
    LibraryId library = 0;
    std::int64_t query = 0; // 0: no query
    std::int64_t time = 0;  // milliseconds since 1970
    Kind kind = Kind::Query;
    int stage = 0;
    std::string encoder;
    std::int64_t items = 0;  // encoded; of a search, vectors compared
    std::int64_t cached = 0; // were there already
    double seconds = 0;
    double flops = 0;
    double bytes = 0;         // of vectors: written by an encoding, read by a search
    std::string text = {};    // of the query
    EncoderId checkpoint = 0; // the encoder by its hash; 0: entered when only its name was
    double wall = 0;          // of an encoding, with reading and decoding; 0: not measured
};

// Sums of a library's ledger for one encoder: two checkpoints of one name are two.
struct EncoderTotals {
    std::string encoder;
    EncoderId checkpoint = 0;
    std::int64_t encoded = 0; // by ingest and queries
    double seconds = 0;
    double flops = 0;
    double bytes = 0;
};

// After each query: everything that ingest and queries have encoded so far.
struct LedgerPoint {
    std::int64_t query = 0; // counted from 1 in the library
    double seconds = 0;
    double flops = 0;
    std::vector<double> touched; // encoded so far by each dearer encoder, as a share of the pictures
};

} // namespace fulgurite::cascade
