// SPDX-License-Identifier: Apache-2.0
// CaptureInfo as JSON: in the metadata of a capture file and on the wire.
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/probe/capture/capture_layout.h"
#include "core/probe/capture/held_heads.h"
#include "core/probe/capture/view_codec.h"

#include <algorithm>

namespace fulgurite::capture {

namespace {

constexpr std::size_t kMaxDepth = 8; // the configuration has three levels
constexpr std::int64_t kMaxTokens = std::int64_t{1} << 40;
constexpr std::int64_t kMaxCandidates = 1 << 16;
// What the views of a capture allocate by the shape of the model alone.
constexpr std::int64_t kMaxExpertCells = 1 << 22;

std::string text(const JsonField& view, const char* key) {
    return view.has(key) ? view.at(key).string() : std::string();
}

bool flag(const JsonField& view, const char* key) {
    return view.has(key) && view.at(key).boolean();
}

// Whole numbers that rise, each in [0, limit).
template <class T>
std::vector<T> rising(const JsonField& list, std::int64_t limit) {
    std::vector<T> numbers;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::int64_t least = numbers.empty() ? 0 : static_cast<std::int64_t>(numbers.back()) + 1;
        numbers.push_back(static_cast<T>(list.at(i).integer(least, limit - 1)));
    }
    return numbers;
}

CaptureContents contentsOf(const JsonField& view) {
    CaptureContents contents;
    contents.every_output = flag(view, "every_output");
    contents.logprobs = flag(view, "logprobs");
    contents.lens_candidates = static_cast<int>(view.at("lens_candidates").integer(0, kMaxCandidates));
    contents.figures.clear();
    const JsonField figures = view.at("figures");
    for (std::size_t i = 0; i < figures.size(); ++i) {
        const std::string& name = figures.at(i).string();
        const auto known = figureFields();
        if (std::none_of(known.begin(), known.end(), [&](const FigureField& f) { return f.name == name; }) ||
            std::find(contents.figures.begin(), contents.figures.end(), name) != contents.figures.end()) {
            fail(ErrorKind::Corrupt, "{}: \"{}\" is unknown or named twice", figures.at(i).path(), name);
        }
        contents.figures.push_back(name);
    }
    return contents;
}

ModelConfig configOf(const JsonField& view) {
    try {
        ModelConfig config = ModelConfig::parse(view.value().dump(), view.path());
        if (std::int64_t{config.num_experts} * config.layerCount() > kMaxExpertCells) {
            fail(ErrorKind::Corrupt, "{}: {} layers of {} experts are no model's", view.path(), config.layerCount(),
                 config.num_experts);
        }
        return config;
    } catch (const Error& error) {
        throw Error(ErrorKind::Corrupt, error.what());
    } catch (const nlohmann::json::exception& error) { // text that is no UTF-8
        fail(ErrorKind::Corrupt, "{}: {}", view.path(), error.what());
    }
}

void readSpans(CaptureInfo& info, const JsonField& view) {
    const auto tokens = static_cast<std::int64_t>(info.tokens);
    info.positions = rising<std::size_t>(view.at("positions"), tokens);
    info.attention_layers = rising<int>(view.at("attention_layers"), info.config.layerCount());
    if (view.has("attention_heads")) {
        const JsonField list = view.at("attention_heads");
        for (std::size_t i = 0; i < list.size(); ++i) {
            const JsonField entry = list.at(i);
            const auto layer = static_cast<int>(entry.at("layer").integer(0, info.config.layerCount() - 1));
            std::vector<int> heads = rising<int>(entry.at("heads"), info.config.num_heads);
            if (heldHeads(info, layer).empty() || heads.empty() ||
                !info.attention_heads.emplace(layer, std::move(heads)).second) {
                entry.refuse("must name heads of a layer of attention_layers, each layer once");
            }
        }
    }
    if (view.has("fact")) {
        const JsonField fact = view.at("fact");
        const std::int64_t first = fact.at(std::size_t{0}).integer(0, tokens - 1);
        info.fact.emplace(static_cast<std::size_t>(first),
                          static_cast<std::size_t>(fact.at(std::size_t{1}).integer(first + 1, tokens)));
    }
}

} // namespace

std::string captureInfoToJson(const CaptureInfo& info, const CaptureContents& contents) {
    nlohmann::ordered_json json;
    json["version"] = info.version;
    json["created"] = info.created;
    json["engine"] = info.engine;
    json["model"] = info.model;
    json["model_hash"] = info.model_hash;
    json["tokens_hash"] = info.tokens_hash;
    json["settings"] = info.settings;
    json["config"] = nlohmann::ordered_json::parse(info.config.toJson());
    json["tokens"] = info.tokens;
    json["positions"] = info.positions;
    json["attention_layers"] = info.attention_layers;
    for (const auto& [layer, heads] : info.attention_heads) {
        json["attention_heads"].push_back({{"layer", layer}, {"heads", heads}});
    }
    json["routing"] = info.routing;
    json["heads"] = info.heads;
    json["lens"] = info.lens;
    json["fact"] = nullptr;
    if (info.fact) {
        json["fact"] = {info.fact->first, info.fact->second};
    }
    json["bytes"] = info.bytes;
    json["contents"] = {{"every_output", contents.every_output},
                        {"logprobs", contents.logprobs},
                        {"figures", contents.figures},
                        {"lens_candidates", contents.lens_candidates}};
    // Names and settings come from elsewhere: bytes that are no UTF-8 become U+FFFD instead of an exception.
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

CaptureInfo captureInfoFromJson(std::string_view json_text, const std::string& name, CaptureContents& contents) {
    const nlohmann::json json = parseJson(json_text, name, kMaxDepth);
    const JsonField view(json, name, ErrorKind::Corrupt);
    CaptureInfo info;
    info.version = static_cast<int>(view.at("version").integer(0, INT32_MAX));
    info.created = text(view, "created");
    info.engine = text(view, "engine");
    info.model = text(view, "model");
    info.model_hash = text(view, "model_hash");
    info.tokens_hash = text(view, "tokens_hash");
    info.settings = text(view, "settings");
    info.config = configOf(view.at("config"));
    info.tokens = static_cast<std::size_t>(view.at("tokens").integer(1, kMaxTokens));
    readSpans(info, view);
    info.routing = flag(view, "routing");
    info.heads = flag(view, "heads");
    info.lens = flag(view, "lens");
    info.bytes = view.has("bytes") ? static_cast<std::uint64_t>(view.at("bytes").integer(0, INT64_MAX)) : 0;
    contents = contentsOf(view.at("contents"));
    return info;
}

std::string encode(const CaptureInfo& info) {
    return captureInfoToJson(info, {});
}

CaptureInfo decodeInfo(std::string_view json, const std::string& name) {
    CaptureContents contents;
    return captureInfoFromJson(json, name, contents);
}

} // namespace fulgurite::capture
