// SPDX-License-Identifier: Apache-2.0
// The runs of a node as copies in a runs file of this machine, which keep up with it: so that they stand beside the
// runs of this machine, and stay when the node is gone.
#pragma once

#include "core/client/runs_client.h"
#include "core/store/runs/run_writer.h"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace fulgurite::client {

// What marks a run as a copy: RunRecord::source_uri of the copy is this, the node's id, and the run's own
// source_uri on the node.
inline constexpr std::string_view kMirrored = "fulgurite://";
std::string mirroredUri(const std::string& node, const std::string& uri);

// One thread at a time, but for cancel(). Blocks while it asks the node.
class RunMirror {
  public:
    // `node` and `name`: of the node; the copies have the name as their source.
    RunMirror(std::unique_ptr<RunsClient> client, std::filesystem::path file, std::string node, std::string name);
    ~RunMirror();

    struct Pass {
        std::int64_t points = 0; // that came
        bool live = false;       // some run is being written
        bool more = false;       // there is more to be had at once
    };
    // Brings the copies up to date. Runs that are this machine's own, or copies on the node, are left alone. Throws
    // Error: what the node or the file says.
    Pass update();
    // A run that is not to be copied (again).
    void leaveOut(const std::string& uuid) { left_out_.insert(uuid); }
    // From any thread: update() comes back with Error{Cancelled}, now and from now on.
    void cancel();

  private:
    struct Copy;

    template <class T, class Ask>
    T answerOf(const Ask& ask);
    bool begin(const RunRecord& run, Copy& copy);
    void copyRun(const RunRecord& run, Copy& copy, Pass& pass);
    using SeriesMap = std::map<SeriesId, RunWriter::Series>; // the node's id, and the copy's
    SeriesMap copyPoints(const RunRecord& run, Copy& copy, Pass& pass);
    void copyMarks(const RunRecord& run, Copy& copy);
    void copySamples(const RunRecord& run, Copy& copy);
    void copyHistograms(const RunRecord& run, const SeriesMap& here, Copy& copy);

    std::unique_ptr<RunsClient> client_;
    std::filesystem::path file_;
    std::string node_;
    std::string name_;
    std::set<std::string> left_out_;
    std::map<std::string, std::unique_ptr<Copy>> copies_; // by uuid
    std::mutex mutex_;                                    // of the next two
    std::shared_ptr<HttpCall> call_;
    bool cancelled_ = false;
};

} // namespace fulgurite::client
