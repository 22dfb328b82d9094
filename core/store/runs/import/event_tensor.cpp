// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/event_tensor.h"

#include "core/base/json.h"
#include "core/store/runs/import/wire.h"

#include <algorithm>

namespace fulgurite {

namespace {

constexpr std::size_t most_values = std::size_t{1} << 20;
// A record of a few bytes can claim any shape: what it repeats is bounded by what a histogram may have.
constexpr std::size_t most_repeated = 3 * most_histogram_buckets;

enum class TensorType : std::uint8_t { Float = 1, Double = 2, Int32 = 3, Int64 = 9 };

template <class T>
void appendPacked(std::string_view bytes, std::vector<double>& values) {
    const std::size_t count = std::min(bytes.size() / sizeof(T), most_values);
    for (std::size_t i = 0; i < count; ++i) {
        T value{};
        std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof value);
        values.push_back(static_cast<double>(value));
    }
}

void appendContent(std::uint64_t type, std::string_view bytes, std::vector<double>& values) {
    switch (static_cast<TensorType>(type)) {
    case TensorType::Float:
        return appendPacked<float>(bytes, values);
    case TensorType::Double:
        return appendPacked<double>(bytes, values);
    case TensorType::Int32:
        return appendPacked<std::int32_t>(bytes, values);
    case TensorType::Int64:
        return appendPacked<std::int64_t>(bytes, values);
    }
}

// Shape: repeated 2 {1 size}.
std::vector<std::int64_t> shapeOf(std::string_view bytes) {
    std::vector<std::int64_t> shape;
    WireReader reader(bytes);
    while (const auto field = reader.next()) {
        if (field->number != 2 || field->type != WireType::Bytes || shape.size() == 8)
            continue;
        std::int64_t size = 0;
        WireReader dimension(field->bytes);
        while (const auto item = dimension.next()) {
            if (item->number == 1 && item->type == WireType::Varint)
                size = static_cast<std::int64_t>(item->integer);
        }
        shape.push_back(size);
    }
    return shape;
}

// The values of a field that may be packed or stand alone.
void appendField(const WireField& field, std::vector<double>& values) {
    if (values.size() >= most_values)
        return;
    switch (field.number) {
    case 5: // float
        field.type == WireType::Bytes ? appendPacked<float>(field.bytes, values)
                                      : values.push_back(static_cast<double>(field.real32()));
        break;
    case 6: // double
        field.type == WireType::Bytes ? appendPacked<double>(field.bytes, values)
                                      : values.push_back(field.real64());
        break;
    case 7:  // int32
    case 10: // int64
        if (field.type == WireType::Varint)
            values.push_back(static_cast<double>(static_cast<std::int64_t>(field.integer)));
        break;
    default:
        break;
    }
}

// If one value stands for a whole tensor it is repeated.
void fill(EventTensor& tensor) {
    std::size_t wanted = 1;
    for (const std::int64_t size : tensor.shape) {
        if (size < 0 || static_cast<std::uint64_t>(size) > most_repeated)
            return;
        wanted *= static_cast<std::size_t>(size);
        if (wanted > most_repeated)
            return;
    }
    if (!tensor.values.empty() && tensor.values.size() < wanted)
        tensor.values.resize(wanted, tensor.values.back());
}

nlohmann::json valueOf(std::string_view bytes) {
    nlohmann::json result;
    WireReader reader(bytes);
    while (const auto field = reader.next()) {
        if (field->number == 2 && field->type == WireType::Fixed64)
            result = field->real64();
        else if (field->number == 3 && field->type == WireType::Bytes)
            result = std::string(field->bytes);
        else if (field->number == 4 && field->type == WireType::Varint)
            result = field->integer != 0;
    }
    return result;
}

} // namespace

EventTensor readEventTensor(std::string_view bytes) {
    EventTensor tensor;
    std::uint64_t type = 0;
    std::string_view content;
    WireReader reader(bytes);
    while (const auto field = reader.next()) {
        if (field->number == 1 && field->type == WireType::Varint)
            type = field->integer;
        else if (field->number == 2 && field->type == WireType::Bytes)
            tensor.shape = shapeOf(field->bytes);
        else if (field->number == 4 && field->type == WireType::Bytes)
            content = field->bytes;
        else
            appendField(*field, tensor.values);
    }
    tensor.numeric = type == 1 || type == 2 || type == 3 || type == 9;
    if (tensor.numeric && !content.empty()) {
        tensor.values.clear();
        appendContent(type, content, tensor.values);
    }
    fill(tensor);
    return tensor;
}

std::vector<HistogramBucket> histogramOf(const EventTensor& tensor) {
    std::vector<HistogramBucket> result;
    for (std::size_t i = 0; i + 3 <= tensor.values.size(); i += 3)
        result.push_back({tensor.values[i], tensor.values[i + 1], tensor.values[i + 2]});
    return result;
}

// HistogramProto: 1 min, 2 max, 6 right ends, 7 counts; the first bucket begins at min, the last ends at max.
std::vector<HistogramBucket> readOldHistogram(std::string_view bytes) {
    double minimum = 0;
    double maximum = 0;
    std::vector<double> ends;
    std::vector<double> counts;
    WireReader reader(bytes);
    while (const auto field = reader.next()) {
        if (field->number == 1 && field->type == WireType::Fixed64)
            minimum = field->real64();
        else if (field->number == 2 && field->type == WireType::Fixed64)
            maximum = field->real64();
        else if ((field->number == 6 || field->number == 7) && field->type == WireType::Bytes)
            appendPacked<double>(field->bytes, field->number == 6 ? ends : counts);
    }
    std::vector<HistogramBucket> result;
    double left = minimum;
    for (std::size_t i = 0; i < std::min(ends.size(), counts.size()); ++i) {
        const double right = std::min(ends[i], maximum);
        if (counts[i] > 0)
            result.push_back({std::max(left, minimum), right, counts[i]});
        left = ends[i];
    }
    return result;
}

// HParamsPluginData: 3 session_start_info {1 map {1 key, 2 value}}.
std::string readHyperParameters(std::string_view plugin_content) {
    nlohmann::json result = nlohmann::json::object();
    WireReader content(plugin_content);
    while (const auto info = content.next()) {
        if (info->number != 3 || info->type != WireType::Bytes)
            continue;
        WireReader session(info->bytes);
        while (const auto entry = session.next()) {
            if (entry->number != 1 || entry->type != WireType::Bytes)
                continue;
            std::string key;
            nlohmann::json value;
            WireReader pair(entry->bytes);
            while (const auto part = pair.next()) {
                if (part->number == 1 && part->type == WireType::Bytes)
                    key = part->bytes;
                else if (part->number == 2 && part->type == WireType::Bytes)
                    value = valueOf(part->bytes);
            }
            result[key] = std::move(value);
        }
    }
    return result.empty() ? "" : dumpJson(result);
}

} // namespace fulgurite
