// SPDX-License-Identifier: Apache-2.0
// Brings a library up to its folders: reads what is new or changed, lists what cannot be read, forgets what is
// gone, and encodes every picture by the first encoder. Works in batches, each of which is kept when the process
// dies; what has the time and size that it had is not read again.
#pragma once

#include "core/cascade/stage_encoder.h"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace fulgurite::cascade {

struct ScanProgress {
    std::size_t done = 0;
    std::size_t total = 0;   // files that a scan has to read
    double seconds = 0;      // that it has worked
    double look_seconds = 0; // of it to go through the folders
    // Folders that could not be gone through to their end: their images stay, searchable by their vectors.
    std::string obstacle;
};

struct ScanContext {
    LibraryId library = 0;
    LibraryStore& store;
    std::mutex& store_mutex;
    // Runs `work` with the first encoder, alone with it. Null encoder when there is none: pictures are listed only.
    std::function<void(const std::function<void(StageEncoder*)>& work)> with_encoder;
    kernels::ThreadPool& pool;  // that pictures are read on
    std::function<bool()> stop; // asked between batches; may wait, for a pause
    std::function<void(const ScanProgress&)> progress;
    std::function<void()> changed; // the library's images are others than before; called without the store's lock
};

// Throws Error for what ends a scan: a full disk, a damaged database.
void scanLibrary(const ScanContext& context);

} // namespace fulgurite::cascade
