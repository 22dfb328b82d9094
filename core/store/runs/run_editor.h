// SPDX-License-Identifier: Apache-2.0
// What a person changes about a run: its words, its tags, its status, and whether it is there at all. Each call is
// one short transaction, possible while others write. One thread at a time.
#pragma once

#include "core/store/runs/run_types.h"
#include "core/store/runs/runs_file.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite {

class RunEditor {
  public:
    explicit RunEditor(const std::filesystem::path& file) : database_(openRunsFile(file)) {}

    // Each throws Error{NotFound} for a run that does not exist.
    void setName(RunId run, const std::string& name);
    void setProject(RunId run, const std::string& project);
    void setNotes(RunId run, const std::string& notes);
    void setConfig(RunId run, const std::string& json);
    void setTags(RunId run, const std::vector<std::string>& tags);
    // For a run that no writer holds, for instance one that was cut. Throws Error{Unavailable} otherwise.
    void setStatus(RunId run, RunStatus status);
    // With all that belongs to it. Throws Error{Unavailable} while a writer holds it.
    void remove(RunId run);

  private:
    void setText(RunId run, const char* column, const std::string& text);
    void touch(RunId run);

    std::unique_ptr<Database> database_;
};

} // namespace fulgurite
