// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/encoders and /fulgurite/v1/libraries.
#include "core/node/cascade_json.h"
#include "core/node/cascade_service.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/query_reader.h"
#include "core/node/thing_guard.h"
#include "core/node/work_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

namespace fulgurite::node {

namespace {

using nlohmann::json;

constexpr std::int64_t kMostImages = std::int64_t{1} << 40;
constexpr std::int64_t kMostResults = 1'000'000;
constexpr std::int64_t kMostListed = 1000;
constexpr std::int64_t kMostThumbnail = 2048;
constexpr std::int64_t kMostQueries = 10'000'000;
constexpr std::size_t kLedgerEntries = 200;
constexpr std::array<std::size_t, 6> kFrontCuts{5, 10, 20, 50, 100, 200};
constexpr std::string_view kPrefix = "/fulgurite/v1/libraries/";

CascadeService& serviceOf(const EndpointContext& context) {
    if (context.services.cascade == nullptr) {
        throw ApiError(400,
                       "this engine keeps no image libraries: it was started without --data DIR, or they could not "
                       "be opened; its log says why",
                       {}, "unsupported");
    }
    return *context.services.cascade;
}

HttpReply jsonReply(const json& value) {
    HttpReply reply;
    reply.body = dumpJson(value);
    return reply;
}

// "12/images/7/thumbnail" behind the prefix.
struct Target {
    cascade::LibraryId library = 0;
    std::vector<std::string> rest;
};

std::int64_t numberOf(std::string_view text, const std::string& what) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size() || number < 1) {
        throw ApiError(404, fmt::format("there is no {} '{}'", what, text.substr(0, 64)));
    }
    return number;
}

Target targetOf(const HttpRequest& request) {
    Target target;
    std::string_view rest = std::string_view(request.head.path).substr(kPrefix.size());
    const std::size_t slash = rest.find('/');
    target.library = numberOf(rest.substr(0, slash), "library");
    while (slash != std::string_view::npos && !rest.empty()) {
        const std::size_t at = rest.find('/');
        target.rest.emplace_back(rest.substr(0, at));
        rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
    }
    if (!target.rest.empty()) {
        target.rest.erase(target.rest.begin()); // the library's number
    }
    return target;
}

[[noreturn]] void noSuchPath(const HttpRequest& request) {
    throw ApiError(404, fmt::format("there is no '{}' here", request.head.path.substr(0, 128)));
}

HttpReply allLibraries(cascade::LibraryService& service, const Ledger& ledger, const Caller& caller) {
    json list = json::array();
    for (const cascade::Library& library : service.libraries()) {
        if (ledger.mayRead(Kind::Library, std::to_string(library.id), caller)) {
            list.push_back(withShownName(caller, libraryJson(service, library)));
        }
    }
    return jsonReply({{"libraries", std::move(list)}});
}

HttpReply imagesOf(cascade::LibraryService& service, cascade::LibraryId id, QueryReader& query) {
    const auto from = static_cast<std::size_t>(query.integer("from", 0, kMostImages).value_or(0));
    const auto count = static_cast<std::size_t>(query.integer("count", 0, kMostListed).value_or(200));
    query.finish();
    json list = json::array();
    for (const cascade::ImageEntry& image : service.images(id, from, count)) {
        list.push_back(imageJson(image));
    }
    return jsonReply({{"total", service.library(id).images}, {"images", std::move(list)}});
}

HttpReply thumbnailOf(cascade::LibraryService& service, cascade::LibraryId id, cascade::ImageId image,
                      QueryReader& query) {
    const auto size = query.integer("size", 8, kMostThumbnail).value_or(192);
    query.finish();
    HttpReply reply;
    reply.content_type = "image/jpeg";
    reply.body = service.thumbnail(id, image, static_cast<int>(size));
    return reply;
}

HttpReply unreadableOf(cascade::LibraryService& service, cascade::LibraryId id) {
    json list = json::array();
    for (const cascade::Unreadable& file : service.unreadable(id)) {
        list.push_back({{"path", file.path}, {"reason", file.reason}});
    }
    return jsonReply({{"files", std::move(list)}});
}

HttpReply show(cascade::LibraryService& service, const HttpRequest& request) {
    const Target target = targetOf(request);
    const auto& rest = target.rest;
    QueryReader query(request.head.query);
    if (rest.size() >= 2 && rest[0] == "images") {
        const cascade::ImageId image = numberOf(rest[1], "image");
        if (rest.size() == 3 && rest[2] == "thumbnail") {
            return thumbnailOf(service, target.library, image, query);
        }
        if (rest.size() == 2) {
            query.finish();
            return jsonReply(imageJson(service.image(target.library, image)));
        }
    }
    if (rest.size() == 1 && rest[0] == "images") {
        return imagesOf(service, target.library, query);
    }
    query.finish();
    if (rest.empty()) {
        return jsonReply(withShownName(callerOf(request), libraryJson(service, service.library(target.library))));
    }
    if (rest.size() == 1 && rest[0] == "unreadable") {
        return unreadableOf(service, target.library);
    }
    if (rest.size() == 1 && rest[0] == "ledger") {
        return jsonReply(ledgerJson(service.ledger(target.library, kLedgerEntries)));
    }
    noSuchPath(request);
}

std::vector<std::string> nameableFolders(const json* value, const NameableFiles& files) {
    if (value == nullptr) {
        return {};
    }
    std::vector<std::string> folders = readFolders(*value, "folders");
    for (const std::string& folder : folders) {
        files.require(folder);
    }
    return folders;
}

HttpReply create(cascade::LibraryService& service, const HttpRequest& request, Ledger& ledger,
                 const NameableFiles& files) {
    const json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto name = reader.string("name");
    const json* folders = reader.array("folders");
    reader.finish();
    if (!name || name->empty()) {
        refuse("name", "is missing: what the library is called");
    }
    const auto id = service.create(keptName(callerOf(request), *name), nameableFolders(folders, files));
    ledger.claim(Kind::Library, std::to_string(id), callerOf(request));
    return jsonReply(withShownName(callerOf(request), libraryJson(service, service.library(id))));
}

HttpReply change(cascade::LibraryService& service, const HttpRequest& request, const NameableFiles& files) {
    const Target target = targetOf(request);
    if (!target.rest.empty()) {
        noSuchPath(request);
    }
    const json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto name = reader.string("name");
    const json* folders = reader.array("folders");
    reader.finish();
    std::optional<std::vector<std::string>> paths;
    if (folders != nullptr) {
        paths = nameableFolders(folders, files);
    }
    const Caller& caller = callerOf(request);
    service.change(target.library, name ? std::optional(keptName(caller, *name)) : std::nullopt, paths);
    return jsonReply(withShownName(caller, libraryJson(service, service.library(target.library))));
}

HttpReply scan(cascade::LibraryService& service, cascade::LibraryId id, const json& body, const Caller& caller) {
    constexpr std::array<std::pair<std::string_view, cascade::ScanAction>, 4> kActions{
        {{"start", cascade::ScanAction::Start},
         {"pause", cascade::ScanAction::Pause},
         {"resume", cascade::ScanAction::Resume},
         {"cancel", cascade::ScanAction::Cancel}}};
    ObjectReader reader(body, "");
    const std::string wanted = reader.string("action").value_or("");
    reader.finish();
    const auto found =
        std::find_if(kActions.begin(), kActions.end(), [&](const auto& each) { return each.first == wanted; });
    if (found == kActions.end()) {
        refuse("action", "must be 'start', 'pause', 'resume' or 'cancel'");
    }
    service.scan(id, found->second);
    return jsonReply(withShownName(caller, libraryJson(service, service.library(id))));
}

std::vector<cascade::QueryStage> stagesOf(ObjectReader& reader) {
    const json* stages = reader.array("stages");
    if (stages == nullptr) {
        refuse("stages", "is missing: the encoders from the cheapest to the dearest, with what each lets through");
    }
    return readStages(*stages, "stages");
}

HttpReply query(cascade::LibraryService& service, cascade::LibraryId id, const json& body,
                const std::stop_token& stop) {
    ObjectReader reader(body, "");
    const json* terms = reader.array("terms");
    if (terms == nullptr) {
        refuse("terms", "is missing: what to look for");
    }
    cascade::QueryRequest request;
    request.terms = readTerms(*terms, "terms");
    request.stages = stagesOf(reader);
    const auto limit = static_cast<std::size_t>(reader.integer("limit", 1, kMostResults).value_or(60));
    const auto fell = static_cast<std::size_t>(reader.integer("fell", 0, kMostResults).value_or(40));
    const bool record = reader.boolean("record").value_or(true);
    request.prefix = reader.string("prefix").value_or("");
    reader.finish();
    request.fell = fell;
    request.depth = std::max(limit, request.stages.front().keep + fell);
    const cascade::QueryOutcome outcome =
        service.query(id, request, record, [&stop] { return stop.stop_requested(); });
    return jsonReply(queryJson(outcome, limit, fell));
}

HttpReply simulate(cascade::LibraryService& service, cascade::LibraryId id, const json& body,
                   const std::stop_token& stop) {
    ObjectReader reader(body, "");
    const auto stages = stagesOf(reader);
    if (stages.size() < 2) {
        refuse("stages", "must hold two stages at least: one alone encodes everything");
    }
    cascade::SimulationSettings settings;
    for (std::size_t i = 0; i + 1 < stages.size(); ++i) {
        settings.keep.push_back(stages[i].keep);
    }
    settings.queries = static_cast<std::size_t>(reader.integer("queries", 1, kMostQueries).value_or(10'000));
    settings.exponent = reader.number("exponent", 0.01, 10).value_or(1);
    settings.fraction = reader.number("fraction", 1e-6, 1).value_or(0.1);
    settings.seeds = static_cast<std::size_t>(reader.integer("seeds", 1, 1000).value_or(5));
    const std::string draw = reader.string("draw").value_or("zipf");
    reader.finish();
    if (draw == "zipf") {
        settings.draw = cascade::Draw::Zipf;
    } else if (draw == "fraction") {
        settings.draw = cascade::Draw::Fraction;
    } else if (draw == "random") {
        settings.draw = cascade::Draw::Random;
    } else {
        refuse("draw", "must be 'zipf', 'fraction' or 'random'");
    }
    const auto simulation =
        service.simulate(id, stages.front().encoder, settings, [&stop] { return stop.stop_requested(); });
    return jsonReply(simulationJson(simulation, settings.keep.front(), service.costsOf(stages)));
}

// The named file, or the captions.jsonl of the library's first folder that has one.
std::filesystem::path captionsOf(cascade::LibraryService& service, cascade::LibraryId id,
                                 const std::optional<std::string>& named) {
    if (named) {
        return *named;
    }
    for (const std::string& folder : service.library(id).folders) {
        std::filesystem::path file = std::filesystem::path(folder) / "captions.jsonl";
        std::error_code ignored;
        if (std::filesystem::is_regular_file(file, ignored)) {
            return file;
        }
    }
    throw ApiError(400,
                   "no folder of this library has a captions.jsonl: one line a caption, "
                   R"({"file":"name.jpg","caption":"words"})",
                   "captions");
}

// Every encoder alone, the first and last, the whole chain; then the cuts of the front.
std::vector<std::vector<cascade::QueryStage>> variantsOf(const std::vector<cascade::QueryStage>& stages,
                                                         std::size_t images, std::size_t& front_from) {
    std::vector<std::vector<cascade::QueryStage>> variants;
    for (const cascade::QueryStage& stage : stages) {
        variants.push_back({{stage.encoder, 0}});
    }
    if (stages.size() > 2) {
        variants.push_back({stages.front(), stages.back()});
    }
    if (stages.size() > 1) {
        variants.push_back(stages);
    }
    front_from = variants.size();
    for (const std::size_t cut : kFrontCuts) {
        if (stages.size() > 1 && cut <= images) {
            variants.push_back({{stages.front().encoder, cut}, stages.back()});
        }
    }
    return variants;
}

HttpReply evaluateLibrary(cascade::LibraryService& service, cascade::LibraryId id, const json& body,
                          const NameableFiles& files, const std::stop_token& stop) {
    ObjectReader reader(body, "");
    cascade::EvaluationSettings settings;
    const auto stages = stagesOf(reader);
    const auto captions = reader.string("captions");
    if (captions) {
        files.require(*captions);
    }
    settings.limit = static_cast<std::size_t>(reader.integer("limit", 1, kMostImages).value_or(2000));
    settings.prefix = reader.string("prefix").value_or("");
    settings.fraction = reader.number("fraction", 0, 1).value_or(0.1);
    reader.finish();
    std::size_t front_from = 0;
    settings.variants = variantsOf(stages, service.library(id).images, front_from);
    settings.captions = cascade::readCaptions(captionsOf(service, id, captions));
    cascade::EvaluationResult result;
    service.withSearch(
        id,
        [&](const cascade::SearchContext& search) {
            result = cascade::evaluate(settings, search, service.evaluationHooks(id));
        },
        [&stop] { return stop.stop_requested(); });
    return jsonReply(evaluationJson(result, front_from));
}

HttpReply act(cascade::LibraryService& service, const HttpRequest& request, const NameableFiles& files,
              const std::stop_token& stop) {
    const Target target = targetOf(request);
    const json body = parseBody(request.body);
    const std::string what = target.rest.size() == 1 ? target.rest[0] : std::string();
    if (what == "scan") {
        return scan(service, target.library, body, callerOf(request));
    }
    if (what == "query") {
        return query(service, target.library, body, stop);
    }
    if (what == "simulate") {
        return simulate(service, target.library, body, stop);
    }
    if (what == "evaluate") {
        return evaluateLibrary(service, target.library, body, files, stop);
    }
    noSuchPath(request);
}

} // namespace

Answer listEncoders(const EndpointContext& context, const HttpRequest& /*request*/) {
    CascadeService& service = serviceOf(context);
    return WorkReply::on(service.looking(), [&service](const std::stop_token&) {
        json list = json::array();
        for (const cascade::EncoderInfo& encoder : service.libraries().encoders().list()) {
            list.push_back(encoderJson(service.libraries(), encoder));
        }
        return jsonReply({{"encoders", std::move(list)}});
    });
}

Answer listLibraries(const EndpointContext& context, const HttpRequest& request) {
    CascadeService& service = serviceOf(context);
    return WorkReply::on(service.looking(),
                         [&service, request, ledger = context.services.ledger](const std::stop_token&) {
                             return allLibraries(service.libraries(), *ledger, callerOf(request));
                         });
}

Answer createLibrary(const EndpointContext& context, const HttpRequest& request) {
    CascadeService& service = serviceOf(context);
    return WorkReply::on(service.looking(), [&service, request, ledger = context.services.ledger,
                                             files = NameableFiles(context, request)](const std::stop_token&) {
        return create(service.libraries(), request, *ledger, files);
    });
}

Answer showLibrary(const EndpointContext& context, const HttpRequest& request) {
    CascadeService& service = serviceOf(context);
    return WorkReply::on(service.looking(), [&service, request](const std::stop_token&) {
        return show(service.libraries(), request);
    });
}

Answer changeLibrary(const EndpointContext& context, const HttpRequest& request) {
    CascadeService& service = serviceOf(context);
    return WorkReply::on(service.looking(),
                         [&service, request, files = NameableFiles(context, request)](const std::stop_token&) {
                             return change(service.libraries(), request, files);
                         });
}

Answer actOnLibrary(const EndpointContext& context, const HttpRequest& request) {
    CascadeService& service = serviceOf(context);
    // A pause must not wait behind the search that it is to make way for, nor a search behind an evaluation.
    const std::string_view path = request.head.path;
    TaskThread& thread = path.ends_with("/scan")                                      ? service.looking()
                         : path.ends_with("/evaluate") || path.ends_with("/simulate") ? service.studying()
                                                                                      : service.searching();
    return WorkReply::on(thread,
                         [&service, request, files = NameableFiles(context, request)](const std::stop_token& stop) {
                             return act(service.libraries(), request, files, stop);
                         });
}

Answer removeLibrary(const EndpointContext& context, const HttpRequest& request) {
    CascadeService& service = serviceOf(context);
    return WorkReply::on(service.looking(),
                         [&service, request, ledger = context.services.ledger](const std::stop_token&) {
                             const Target target = targetOf(request);
                             if (!target.rest.empty()) {
                                 noSuchPath(request);
                             }
                             service.libraries().remove(target.library);
                             ledger->forget(Kind::Library, std::to_string(target.library));
                             return jsonReply({{"removed", target.library}});
                         });
}

} // namespace fulgurite::node
