// SPDX-License-Identifier: Apache-2.0
#include "core/node/thing_guard.h"

#include "core/node/job_service.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/runs_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;

// What changes nothing although it has a body.
constexpr std::array<std::string_view, 5> kReadingOrders{"search", "projection", "query", "simulate", "evaluate"};
constexpr std::size_t kShownId = 64;

bool onlyReads(const HttpRequest& request, std::string_view order) {
    return request.head.method == "GET" || request.head.method == "HEAD" ||
           std::find(kReadingOrders.begin(), kReadingOrders.end(), order) != kReadingOrders.end();
}

[[noreturn]] void refuseUnknown(Kind kind, std::string_view id) {
    throw ApiError(404, fmt::format("there is no {} '{}'", nameOf(kind), id.substr(0, kShownId)));
}

bool isInside(const fs::path& folder, const fs::path& path) {
    const auto [end, ignored] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
    return end == folder.end() || (end->empty() && std::next(end) == folder.end());
}

bool runAllowed(const EndpointContext& context, const HttpRequest& request, const RunRecord& run, bool change) {
    const Caller& caller = callerOf(request);
    const std::string owner = ownerOfRun(context, run);
    return caller.has(Scope::Admin) || (!owner.empty() && owner == caller.owner) ||
           (!change && context.ledger.shared(Kind::Run, run.uuid));
}

// Nothing for one that does not exist.
std::optional<RunRecord> findRun(const EndpointContext& context, const std::string& id) {
    try {
        return context.services.runs->reader().run(context.services.runs->find(id));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound) {
            throw;
        }
        return std::nullopt;
    }
}

} // namespace

const Caller& callerOf(const HttpRequest& request) {
    return *request.head.record->who;
}

NameableFiles::NameableFiles(const EndpointContext& context, const HttpRequest& request)
    : all_(callerOf(request).has(Scope::Admin)), folders_(context.services.shared_folders) {}

void NameableFiles::require(const std::string& path) const {
    if (all_) {
        return;
    }
    std::error_code code;
    const fs::path whole = fs::weakly_canonical(path, code);
    const bool inside = !code && whole.is_absolute() &&
                        std::any_of(folders_.begin(), folders_.end(),
                                    [&](const fs::path& folder) { return isInside(folder, whole); });
    if (!inside) {
        throw ApiError(403,
                       fmt::format("'{}' lies in no folder of the node that this token may read; the administrator "
                                   "shares folders with: serve --share-folder DIR",
                                   path.substr(0, 256)),
                       {}, "folder_not_shared");
    }
}

std::int64_t jobOfRun(const EndpointContext& context, const RunRecord& run) {
    if (context.services.jobs == nullptr) {
        return 0;
    }
    const std::string prefix = (context.services.jobs->folder() / "").string();
    if (run.source_uri.compare(0, prefix.size(), prefix) != 0) {
        return 0;
    }
    JobId job = 0;
    std::from_chars(run.source_uri.data() + prefix.size(), run.source_uri.data() + run.source_uri.size(), job);
    return job;
}

std::string ownerOfRun(const EndpointContext& context, const RunRecord& run) {
    if (context.ledger.has(Kind::Run, run.uuid)) {
        return context.ledger.ownerOf(Kind::Run, run.uuid);
    }
    const JobId job = jobOfRun(context, run);
    return job == 0 ? std::string() : context.ledger.ownerOf(Kind::Job, std::to_string(job));
}

std::string keptName(const Caller& caller, const std::string& name) {
    return caller.owner.empty() || name.empty() ? name : caller.owner + "/" + name;
}

nlohmann::json withShownName(const Caller& caller, nlohmann::json entry) {
    const std::string prefix = caller.owner + "/";
    const std::string name = entry.at("name").get<std::string>();
    if (!caller.owner.empty() && name.compare(0, prefix.size(), prefix) == 0) {
        entry["name"] = name.substr(prefix.size());
    }
    return entry;
}

bool maySee(const EndpointContext& context, const HttpRequest& request, Kind kind, const std::string& id) {
    return context.ledger.mayRead(kind, id, callerOf(request));
}

bool maySeeRun(const EndpointContext& context, const HttpRequest& request, const RunRecord& run) {
    return runAllowed(context, request, run, false);
}

bool mayChangeRun(const EndpointContext& context, const HttpRequest& request, const RunRecord& run) {
    return runAllowed(context, request, run, true);
}

void guardThing(const EndpointContext& context, const HttpRequest& request, Kind kind, std::string_view rest) {
    if (kind == Kind::None || callerOf(request).has(Scope::Admin)) {
        return;
    }
    const std::string id(rest.substr(0, rest.find('/')));
    const bool reads = onlyReads(request, id.size() < rest.size() ? rest.substr(id.size() + 1) : "");
    bool visible = false;
    bool allowed = false;
    if (kind == Kind::Run) {
        if (context.services.runs == nullptr) {
            return; // the endpoint says so
        }
        const std::optional<RunRecord> run = findRun(context, id);
        visible = run && runAllowed(context, request, *run, false);
        allowed = visible && (reads || runAllowed(context, request, *run, true));
    } else {
        visible = context.ledger.mayRead(kind, id, callerOf(request));
        allowed = reads ? visible : context.ledger.mayChange(kind, id, callerOf(request));
    }
    if (!visible) {
        refuseUnknown(kind, id);
    }
    if (!allowed) {
        throw ApiError(
            403, fmt::format("this {} is shared with you for reading; only its owner changes it", nameOf(kind)), {},
            "shared_for_reading");
    }
}

Answer shareThing(const EndpointContext& context, const HttpRequest& request) {
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const std::string name = reader.string("kind").value_or("");
    std::string id = reader.string("id").value_or("");
    const bool shared = reader.boolean("shared").value_or(true);
    reader.finish();
    const Kind kind = kindOf(name);
    if (kind == Kind::None || kind == Kind::State) {
        refuse("kind", "must be \"capture\", \"run\", \"job\", \"library\" or \"collection\"");
    }
    bool visible = false;
    bool owned = false;
    if (kind == Kind::Run && context.services.runs != nullptr) {
        if (const std::optional<RunRecord> run = findRun(context, id)) {
            visible = runAllowed(context, request, *run, false);
            owned = runAllowed(context, request, *run, true);
            id = run->uuid;
            if (owned) {
                context.ledger.assign(kind, id, ownerOfRun(context, *run));
            }
        }
    } else {
        visible = context.ledger.mayRead(kind, id, callerOf(request));
        owned = context.ledger.mayChange(kind, id, callerOf(request));
    }
    if (!visible) {
        refuseUnknown(kind, id);
    }
    if (!owned) {
        throw ApiError(403, "only its owner shares it", "id", "shared_for_reading");
    }
    context.ledger.share(kind, id, shared);
    HttpReply reply;
    reply.body = dumpJson({{"kind", name}, {"id", id}, {"shared", shared}});
    return reply;
}

} // namespace fulgurite::node
