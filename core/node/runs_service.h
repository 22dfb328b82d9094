// SPDX-License-Identifier: Apache-2.0
// The runs file of a node: what it shows to clients, and what clients push into it. One thread at a time.
#pragma once

#include "core/store/runs/run_editor.h"
#include "core/store/runs/run_reader.h"
#include "core/store/runs/run_writer.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace fulgurite::node {

class RunsService {
  public:
    // Makes the file when there is none. Throws Error as openRunsFile does.
    explicit RunsService(const std::filesystem::path& file);

    const std::filesystem::path& file() const { return file_; }
    RunReader& reader() { return reader_; }
    RunEditor& editor() { return editor_; }

    // A number or a uuid. Throws Error{NotFound}.
    RunId find(const std::string& name);
    // Begins a run for a client, or with `go_on` goes on with the one of the same uuid.
    RunId begin(const NewRun& run, bool go_on);
    // The writer of a run that a client reports; it stays open until nobody reported for a while. Throws
    // Error{Unavailable} when another program writes the run.
    RunWriter& writer(RunId run);
    // Ends the writer, if there is one.
    void finish(RunId run, RunStatus status);
    void release(RunId run) { writers_.erase(run); }

  private:
    struct Pushed {
        std::unique_ptr<RunWriter> writer;
        std::chrono::steady_clock::time_point used;
    };
    void closeIdle();

    std::filesystem::path file_;
    RunEditor editor_; // first: it makes the file
    RunReader reader_;
    std::map<RunId, Pushed> writers_;
};

} // namespace fulgurite::node
