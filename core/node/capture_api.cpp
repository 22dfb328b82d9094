// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/inspect and /fulgurite/v1/captures.
#include "core/node/capture_job.h"
#include "core/node/capture_json.h"
#include "core/node/endpoints.h"
#include "core/node/file_reply.h"
#include "core/node/json_text.h"
#include "core/node/prompt_fields.h"
#include "core/node/query_reader.h"
#include "core/node/sampling_fields.h"
#include "core/node/thing_guard.h"

#include "core/base/system_memory.h"
#include "core/model/weights.h"
#include "core/probe/capture/costs.h"
#include "core/probe/capture/decay.h"
#include "core/probe/capture/view_codec.h"
#include "core/probe/cost_growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::int64_t kMaxCount = std::int64_t{1} << 40;
constexpr std::int64_t kMaxLayer = 1 << 20;
constexpr std::int64_t kMaxSide = 4096;     // cells of a map
constexpr std::int64_t kMaxRange = 1 << 20; // tokens in one answer
constexpr std::int64_t kDefaultSide = 512;
constexpr std::int64_t kDefaultThumbnail = 128;
constexpr std::int64_t kDefaultLastContext = 131072;

CaptureService& capturesOf(ModelService& model) {
    CaptureService* captures = model.captures();
    if (captures == nullptr) {
        throw ApiError(400, "this engine cannot be inspected", {}, "unsupported");
    }
    return *captures;
}

HttpReply jsonReply(std::string body) {
    HttpReply reply;
    reply.body = std::move(body);
    return reply;
}

HttpReply arrays(std::string safetensors) {
    HttpReply reply;
    reply.content_type = "application/octet-stream";
    reply.body = std::move(safetensors);
    return reply;
}

std::size_t sizeOf(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// What goes wrong with a capture is the capture's fault, not the server's: it can be taken again. Its messages name
// the file, not where it lies.
template <class Work>
auto aboutCaptures(CaptureService& captures, Work work) {
    try {
        return work();
    } catch (const Error& error) {
        const std::string message = captures.store().withoutFolder(error.what());
        if (error.kind() == ErrorKind::Corrupt) {
            throw ApiError(409, message, "id", "capture_damaged");
        }
        throw toApiError(Error(error.kind(), message));
    }
}

// "ID/row" behind the prefix.
struct Target {
    std::string id;
    std::string view;
};

Target targetOf(const HttpRequest& request) {
    constexpr std::string_view kPrefix = "/fulgurite/v1/captures/";
    const std::string_view rest = std::string_view(request.head.path).substr(kPrefix.size());
    const std::size_t slash = rest.find('/');
    return {std::string(rest.substr(0, slash)),
            slash == std::string_view::npos ? std::string() : std::string(rest.substr(slash + 1))};
}

capture::HeadRef readHead(QueryReader& query) {
    const auto layer = static_cast<int>(query.required("layer", 0, kMaxLayer));
    return {layer, static_cast<int>(query.required("head", 0, kMaxLayer))};
}

HttpReply tokensView(const capture::CaptureFile& file, QueryReader& query) {
    const std::size_t all = file.info().tokens;
    const std::size_t first = sizeOf(query.integer("first", 0, kMaxCount).value_or(0));
    const std::size_t count = sizeOf(
        query.integer("count", 0, kMaxRange).value_or(static_cast<std::int64_t>(all - std::min(all, first))));
    query.finish();
    return arrays(capture::encode(file.tokens(first, count)));
}

HttpReply rowView(const capture::CaptureFile& file, QueryReader& query) {
    const capture::HeadRef head = readHead(query);
    const std::size_t position = sizeOf(query.required("position", 0, kMaxCount));
    query.finish();
    return arrays(capture::encode(file.row(head, position)));
}

HttpReply mapView(const capture::CaptureFile& file, QueryReader& query) {
    const capture::HeadRef head = readHead(query);
    const auto all = static_cast<std::int64_t>(file.info().tokens);
    capture::TileRequest tile;
    tile.first_row = sizeOf(query.integer("first_row", 0, kMaxCount).value_or(0));
    tile.rows = sizeOf(query.integer("rows", 1, kMaxCount).value_or(all));
    tile.first_col = sizeOf(query.integer("first_col", 0, kMaxCount).value_or(0));
    tile.cols = sizeOf(query.integer("cols", 1, kMaxCount).value_or(all));
    tile.max_cells_a_side = sizeOf(query.integer("side", 1, kMaxSide).value_or(kDefaultSide));
    tile.row_step = sizeOf(query.integer("row_step", 1, kMaxCount).value_or(1));
    tile.pool = sizeOf(query.integer("pool", 0, kMaxCount).value_or(0));
    query.finish();
    return arrays(capture::encode(file.tile(head, tile)));
}

HttpReply thumbnailsView(const capture::CaptureFile& file, QueryReader& query) {
    const auto layer = static_cast<int>(query.required("layer", 0, kMaxLayer));
    const std::size_t side = sizeOf(query.integer("side", 1, kMaxSide).value_or(kDefaultThumbnail));
    query.finish();
    return arrays(capture::encode(file.thumbnails(layer, side)));
}

HttpReply routingView(const capture::CaptureFile& file, QueryReader& query) {
    const std::size_t first = sizeOf(query.integer("first", 0, kMaxCount).value_or(0));
    const std::size_t count = sizeOf(query.required("count", 0, kMaxRange));
    query.finish();
    return arrays(capture::encode(file.routing(first, count)));
}

using View = HttpReply (*)(const capture::CaptureFile&, QueryReader&);

HttpReply headsView(const capture::CaptureFile& file, QueryReader& query) {
    const std::size_t position = sizeOf(query.required("position", 0, kMaxCount));
    query.finish();
    return arrays(capture::encode(file.heads(position)));
}

HttpReply lensView(const capture::CaptureFile& file, QueryReader& query) {
    const std::size_t position = sizeOf(query.required("position", 0, kMaxCount));
    query.finish();
    return arrays(capture::encode(file.lens(position)));
}

HttpReply summaryView(const capture::CaptureFile& file, QueryReader& query) {
    query.finish();
    return arrays(capture::encode(file.routingSummary()));
}

constexpr std::pair<std::string_view, View> kViews[] = {
    {"tokens", tokensView},           {"row", rowView},     {"map", mapView},
    {"thumbnails", thumbnailsView},   {"heads", headsView}, {"routing", routingView},
    {"routing/summary", summaryView}, {"lens", lensView},
};

CaptureOrder readOrder(ObjectReader& reader, const ModelService& service, const CaptureService& captures,
                       bool with_text) {
    CaptureOrder order;
    order.request = readCaptureRequest(reader.object("plan"));
    const auto sampled_from = reader.integer("sampled_from", 0, kMaxCount);
    const InterventionRecipe recipe = readIntervention(reader, captures.model().config());
    if (with_text) {
        PromptTokens text = readPromptTokens(reader, service);
        order.tokens = std::move(text.tokens);
        order.sampled_from = std::min(sampled_from ? sizeOf(*sampled_from) : text.prompt, order.tokens.size());
    }
    // "From the answer on" is where the answer begins that is replayed here.
    order.request.intervention = recipe.forPrompt(order.sampled_from);
    return order;
}

nlohmann::json numberOrNull(double value) {
    return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

nlohmann::json pointJson(const capture::CostPoint& point) {
    return {{"context", point.context},
            {"hybrid_flops", point.hybrid_flops},
            {"hybrid_bytes", point.hybrid_bytes},
            {"softmax_flops", point.softmax_flops},
            {"softmax_bytes", point.softmax_bytes},
            {"seconds", numberOrNull(point.seconds)}};
}

// Of the memory for states, of which the caller may have a part.
void requireRoomFor(const ModelService& model, const Caller& caller, std::size_t bytes, std::size_t tokens) {
    const double most = caller.limits.memory_share * static_cast<double>(model.status().memory_limit);
    if (static_cast<double>(bytes) > most) {
        throw ApiError(400,
                       fmt::format("keys, values and states of {} tokens take {}; this token may have {} of the memory "
                                   "for them",
                                   tokens, readableBytes(bytes), readableBytes(static_cast<std::size_t>(most))),
                       "last", "context_length_exceeded");
    }
}

} // namespace

Answer planOfCapture(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    CaptureService& captures = capturesOf(*model);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto count = reader.integer("count", 1, kMaxCount);
    const CaptureOrder order = readOrder(reader, *model, captures, !count);
    reader.finish();
    const std::size_t tokens = count ? sizeOf(*count) : order.tokens.size();
    return jsonReply(dumpJson(toJson(captures.estimate(order.request, tokens))));
}

Answer takeCapture(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    CaptureService& captures = capturesOf(*model);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    CaptureOrder order = readOrder(reader, *model, captures, true);
    reader.finish();
    order.owner = callerOf(request).owner;
    auto job =
        std::make_shared<CaptureJob>([&ledger = context.ledger, record = request.head.record, model](
                                         const std::string& id) { ledger.claim(Kind::Capture, id, *record->who); });
    try {
        captures.submit(std::move(order), job, job->stopToken());
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::OutOfMemory) {
            throw ApiError(400, error.what(), "plan", "capture_too_large");
        }
        throw;
    }
    return job;
}

Answer listCaptures(const EndpointContext& context, const HttpRequest& request) {
    QueryReader(request.head.query).finish();
    const std::shared_ptr<ModelService> model = context.host.get();
    const CaptureStore::Listing listing = capturesOf(*model).store().list();
    nlohmann::json captures = nlohmann::json::array();
    for (const auto& [id, info] : listing.captures) {
        if (maySee(context, request, Kind::Capture, id)) {
            captures.push_back(captureEntry(id, info));
        }
    }
    nlohmann::json broken = nlohmann::json::array();
    for (const auto& [id, message] : listing.broken) {
        if (maySee(context, request, Kind::Capture, id)) {
            broken.push_back({{"id", id}, {"message", message}});
        }
    }
    return jsonReply(dumpJson({{"captures", std::move(captures)}, {"broken", std::move(broken)}}));
}

Answer showCapture(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    CaptureService& captures = capturesOf(*model);
    CaptureStore& store = captures.store();
    const Target target = targetOf(request);
    QueryReader query(request.head.query);
    return aboutCaptures(captures, [&]() -> Answer {
        if (target.view == "file") {
            query.finish();
            return std::make_shared<FileReply>(store.pathOf(target.id),
                                               target.id + std::string(capture::kCaptureSuffix));
        }
        const auto file = store.open(target.id);
        if (target.view.empty()) {
            query.finish();
            return jsonReply(dumpJson(captureEntry(target.id, file->info())));
        }
        for (const auto& [name, view] : kViews) {
            if (name == target.view) {
                return view(*file, query);
            }
        }
        throw ApiError(404, fmt::format("a capture has no view '{}'", target.view.substr(0, 64)));
    });
}

Answer removeCapture(const EndpointContext& context, const HttpRequest& request) {
    const Target target = targetOf(request);
    if (!target.view.empty()) {
        throw ApiError(405, "only a whole capture can be removed");
    }
    const std::shared_ptr<ModelService> model = context.host.get();
    CaptureService& captures = capturesOf(*model);
    aboutCaptures(captures, [&] { captures.store().remove(target.id); });
    context.ledger.forget(Kind::Capture, target.id);
    return jsonReply(dumpJson({{"removed", target.id}}));
}

Answer decayOfModel(const EndpointContext& context, const HttpRequest& request) {
    QueryReader(request.head.query).finish();
    return jsonReply(capture::toJson(capture::decayMap(context.host.get()->facts().config)));
}

Answer costsOfModel(const EndpointContext& context, const HttpRequest& request) {
    QueryReader query(request.head.query);
    const auto last = sizeOf(query.integer("last", 1, kMaxCount).value_or(kDefaultLastContext));
    const bool measure = query.boolean("measure").value_or(false);
    const std::string shape = query.string("shape").value_or("model");
    query.finish();
    if (shape != "model" && shape != "m1") {
        refuse("shape", "must be \"model\" or \"m1\"");
    }
    const bool computed = shape == "m1";
    const std::shared_ptr<ModelService> model = context.host.get();
    CaptureService& captures = capturesOf(*model);
    if (measure && computed) {
        refuse("measure", "only the loaded model can be measured");
    }
    const ModelConfig config = computed ? capture::minimaxM1Shape() : captures.model().config();
    const capture::CostFormat format =
        computed ? capture::CostFormat() : probe::costFormatOf(captures.model().weights());
    std::vector<capture::CostPoint> points = capture::costCurve(config, format, capture::growingContexts(last));
    if (measure) {
        constexpr int kRepeats = 5;
        const Caller& caller = callerOf(request);
        const std::size_t bytes = captures.model().stateShape().bytesAt(last);
        requireRoomFor(*model, caller, bytes, last);
        // What answers were promised is not to be had.
        const auto held = captures.setAside(bytes, {caller.owner, caller.limits.memory_share});
        probe::measureDecode(captures.model(), points, kRepeats, captures.turn(), request.stop);
    }
    nlohmann::json list = nlohmann::json::array();
    for (const capture::CostPoint& point : points) {
        list.push_back(pointJson(point));
    }
    return jsonReply(dumpJson(
        {{"shape", shape},
         {"computed", computed},
         {"parameters", config.parameterCount()},
         {"bytes_of",
          {{"weight", format.weight}, {"router", format.router}, {"kv", format.kv}, {"state", format.state}}},
         {"points", std::move(list)}}));
}

} // namespace fulgurite::node
