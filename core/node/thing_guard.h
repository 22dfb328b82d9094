// SPDX-License-Identifier: Apache-2.0
// The one place that decides whether a caller may see or change the thing that an address names. Endpoints behind
// it need not ask again; lists ask maySee() for each of their entries.
#pragma once

#include "core/node/endpoints.h"
#include "core/node/ledger.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {
struct RunRecord;
}

namespace fulgurite::node {

// Throws ApiError 404 for a thing that the caller must not see, in the words that one gets that does not exist, and
// 403 for a change to one that is shared. `rest`: the address behind the route's path, "ID/VIEW".
void guardThing(const EndpointContext& context, const HttpRequest& request, Kind kind, std::string_view rest);

// Which files of the node's machine a caller may name: a value, for work that outlives its request.
class NameableFiles {
  public:
    NameableFiles(const EndpointContext& context, const HttpRequest& request);
    // Throws ApiError 403 for one that the caller may not.
    void require(const std::string& path) const;

  private:
    bool all_;
    std::vector<std::filesystem::path> folders_;
};

// Names of libraries and collections are unique among those of one owner, and tell nobody what others have: others
// than the node's own callers keep theirs under "OWNER/NAME", which administrators see.
std::string keptName(const Caller& caller, const std::string& name);
// The entry of a thing, with its name as the caller knows it.
nlohmann::json withShownName(const Caller& caller, nlohmann::json entry);

bool maySee(const EndpointContext& context, const HttpRequest& request, Kind kind, const std::string& id);
// A run belongs to who began it, or who started the job that writes it.
bool maySeeRun(const EndpointContext& context, const HttpRequest& request, const RunRecord& run);
bool mayChangeRun(const EndpointContext& context, const HttpRequest& request, const RunRecord& run);
// The job whose folder holds the run; 0: none of this node.
std::int64_t jobOfRun(const EndpointContext& context, const RunRecord& run);
std::string ownerOfRun(const EndpointContext& context, const RunRecord& run); // empty: the node's own

} // namespace fulgurite::node
