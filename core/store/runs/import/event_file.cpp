// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/event_file.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/store/runs/import/crc32c.h"
#include "core/store/runs/import/event_tensor.h"
#include "core/store/runs/import/log_row.h"
#include "core/store/runs/import/wire.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

constexpr std::size_t length_bytes = 8;
constexpr std::size_t header_bytes = length_bytes + 4;
constexpr std::size_t trailer_bytes = 4;
constexpr std::uint64_t most_to_skip = std::uint64_t{1} << 62; // more than any file has
constexpr std::size_t most_tags_remembered = 1'000'000;

template <class T>
T littleEndian(std::string_view bytes) {
    T value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

bool validHeader(std::string_view bytes) {
    return maskedCrc32c(bytes.substr(0, length_bytes)) ==
           littleEndian<std::uint32_t>(bytes.substr(length_bytes, 4));
}

} // namespace

struct EventFileParser::Value {
    std::string_view tag;
    std::optional<double> simple;
    std::string_view old_histogram;
    std::string_view tensor;
    std::string_view metadata; // the plugin's data
    std::string_view plugin;
};

std::size_t EventFileParser::parse(std::string_view bytes, bool end, LogSink& sink) {
    (void)end; // half a record is one that is still being written
    std::size_t at = 0;
    for (;;) {
        if (to_skip_ > 0) {
            const auto skipped = std::min<std::uint64_t>(to_skip_, bytes.size() - at);
            at += static_cast<std::size_t>(skipped);
            to_skip_ -= skipped;
        }
        if (lost_)
            at = resynchronise(bytes, at);
        if (bytes.size() - at < header_bytes)
            return at;
        if (!validHeader(bytes.substr(at, header_bytes))) {
            sink.skipped("a record's header is damaged; what follows was searched for the next one");
            lost_ = true;
            ++at;
            continue;
        }
        const auto length = littleEndian<std::uint64_t>(bytes.substr(at, length_bytes));
        if (length > longest_log_record) {
            sink.skipped(fmt::format("a record of {} MiB", length >> 20));
            to_skip_ = header_bytes + std::min(length, most_to_skip) + trailer_bytes;
            continue;
        }
        const std::size_t whole = header_bytes + static_cast<std::size_t>(length) + trailer_bytes;
        if (bytes.size() - at < whole)
            return at;
        const std::string_view payload = bytes.substr(at + header_bytes, static_cast<std::size_t>(length));
        if (maskedCrc32c(payload) == littleEndian<std::uint32_t>(bytes.substr(at + whole - trailer_bytes)))
            event(payload, sink);
        else
            sink.skipped("a record fails its checksum");
        at += whole;
    }
}

// Where the next valid header stands, or where looking goes on when more bytes are there.
std::size_t EventFileParser::resynchronise(std::string_view bytes, std::size_t at) {
    for (; bytes.size() - at >= header_bytes; ++at) {
        if (validHeader(bytes.substr(at, header_bytes)) &&
            littleEndian<std::uint64_t>(bytes.substr(at, length_bytes)) <= longest_log_record) {
            lost_ = false;
            break;
        }
    }
    return at;
}

// Event: 1 wall time, 2 step, 5 summary.
void EventFileParser::event(std::string_view payload, LogSink& sink) {
    double wall = 0;
    std::int64_t step = 0;
    std::string_view values;
    WireReader reader(payload);
    while (const auto field = reader.next()) {
        if (field->number == 1 && field->type == WireType::Fixed64)
            wall = field->real64();
        else if (field->number == 2 && field->type == WireType::Varint)
            step = static_cast<std::int64_t>(field->integer);
        else if (field->number == 5 && field->type == WireType::Bytes)
            values = field->bytes;
    }
    if (reader.broken() || step < -run_step_limit || step > run_step_limit) {
        sink.skipped("a record is no event");
        return;
    }
    wall_us_ = readLogTime(wall);
    if (!values.empty())
        summary(values, step, sink);
}

void EventFileParser::summary(std::string_view bytes, std::int64_t step, LogSink& sink) {
    WireReader reader(bytes);
    while (const auto field = reader.next()) {
        if (field->number == 1 && field->type == WireType::Bytes)
            value(field->bytes, step, sink);
    }
    if (reader.broken())
        sink.skipped("a summary is damaged");
}

// Summary.Value: 1 tag, 2 simple value, 5 histogram, 8 tensor, 9 metadata {1 plugin {1 name, 2 content}}.
void EventFileParser::value(std::string_view bytes, std::int64_t step, LogSink& sink) {
    Value value;
    WireReader reader(bytes);
    while (const auto field = reader.next()) {
        if (field->number == 1 && field->type == WireType::Bytes)
            value.tag = field->bytes;
        else if (field->number == 2 && field->type == WireType::Fixed32)
            value.simple = static_cast<double>(field->real32());
        else if (field->number == 5 && field->type == WireType::Bytes)
            value.old_histogram = field->bytes;
        else if (field->number == 8 && field->type == WireType::Bytes)
            value.tensor = field->bytes;
        else if (field->number == 9 && field->type == WireType::Bytes) {
            WireReader metadata(field->bytes);
            while (const auto part = metadata.next()) {
                if (part->number != 1 || part->type != WireType::Bytes)
                    continue;
                WireReader plugin(part->bytes);
                while (const auto item = plugin.next()) {
                    if (item->number == 1 && item->type == WireType::Bytes)
                        value.plugin = item->bytes;
                    else if (item->number == 2 && item->type == WireType::Bytes)
                        value.metadata = item->bytes;
                }
            }
        }
    }
    if (reader.broken() || value.tag.empty())
        sink.skipped("a value of a summary is damaged or has no name");
    else
        put(value, step, sink);
}

// Once for a step, and only for steps that something is told about: texts and pictures may come at any.
void EventFileParser::mark(std::int64_t step, LogSink& sink) {
    if (marked_ == step)
        return;
    marked_ = step;
    if (!wall_us_)
        return;
    StepMark mark;
    mark.step = step;
    mark.wall_us = wall_us_;
    sink.mark(mark);
}

void EventFileParser::putScalar(std::string_view tag, std::int64_t step, double value, LogSink& sink) {
    mark(step, sink);
    sink.value(tag, step, value);
}

void EventFileParser::putHistogram(std::string_view tag, std::int64_t step, std::vector<HistogramBucket> buckets,
                                   LogSink& sink) {
    mark(step, sink);
    sink.histogram(tag, step, std::move(buckets));
}

const std::string& EventFileParser::pluginOf(const Value& value) {
    static const std::string none;
    const auto found = plugins_.find(value.tag);
    if (value.plugin.empty())
        return found == plugins_.end() ? none : found->second;
    if (found != plugins_.end())
        return found->second = value.plugin;
    if (plugins_.size() >= most_tags_remembered)
        return none;
    return plugins_.emplace(value.tag, value.plugin).first->second;
}

void EventFileParser::put(const Value& value, std::int64_t step, LogSink& sink) {
    if (value.simple) {
        putScalar(value.tag, step, *value.simple, sink);
    } else if (!value.old_histogram.empty()) {
        putHistogram(value.tag, step, readOldHistogram(value.old_histogram), sink);
    } else if (value.tag == "_hparams_/session_start_info") {
        if (const std::string json = readHyperParameters(value.metadata); !json.empty())
            sink.config(json);
    } else if (!value.tensor.empty()) {
        const std::string& plugin = pluginOf(value);
        const EventTensor tensor = readEventTensor(value.tensor);
        if (plugin == "histograms")
            putHistogram(value.tag, step, histogramOf(tensor), sink);
        else if ((plugin.empty() || plugin == "scalars") && tensor.numeric && tensor.values.size() == 1)
            putScalar(value.tag, step, tensor.values[0], sink);
    }
}

std::string EventFileParser::state() const {
    nlohmann::json plugins = nlohmann::json::object();
    for (const auto& [tag, plugin] : plugins_)
        plugins[tag] = plugin;
    const nlohmann::json state{{"skip", to_skip_}, {"lost", lost_}, {"plugins", std::move(plugins)}};
    return dumpJson(state);
}

void EventFileParser::restore(const std::string& json) {
    const auto parsed = parseJson(json, "state of an import");
    const JsonField state(parsed, "state of an import", ErrorKind::Corrupt);
    to_skip_ = state["skip"].count();
    lost_ = state["lost"].boolean();
    for (const auto& [tag, plugin] : state["plugins"].value().items())
        plugins_[tag] = JsonField(plugin, "state of an import", ErrorKind::Corrupt).string();
}

} // namespace fulgurite
