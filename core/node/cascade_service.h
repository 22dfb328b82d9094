// SPDX-License-Identifier: Apache-2.0
// The image libraries of a node: core/cascade behind three threads, so that a cold search of seconds holds up
// neither pictures nor prompts, and an evaluation of minutes no search. With nothing in its data folder it begins
// with the sample scenes, when they are installed.
#pragma once

#include "core/cascade/library_service.h"
#include "core/node/task_thread.h"

#include <filesystem>
#include <vector>

namespace fulgurite::node {

struct CascadeServiceOptions {
    std::filesystem::path data;                  // folder for what the engine keeps
    std::vector<std::filesystem::path> encoders; // CLIP folders
    std::filesystem::path samples;               // folder of images; empty: none
    std::size_t threads = 0;                     // 0: one for each core
};

class CascadeService {
  public:
    // Throws Error when the data folder's database cannot be used.
    explicit CascadeService(const CascadeServiceOptions& options);

    // The one with the sample scenes, when this start has made it; else 0.
    cascade::LibraryId sampleLibrary() const { return sample_library_; }
    cascade::LibraryService& libraries() { return libraries_; }
    TaskThread& searching() { return searching_; } // queries: one at a time
    TaskThread& studying() { return studying_; }   // evaluations, simulations: one at a time
    TaskThread& looking() { return looking_; }     // lists and pictures

  private:
    cascade::LibraryService libraries_;
    cascade::LibraryId sample_library_ = 0;
    TaskThread looking_; // before the libraries go, their threads do
    TaskThread searching_;
    TaskThread studying_;
};

} // namespace fulgurite::node
