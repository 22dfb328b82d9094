// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/safetensors.h"

#include "core/base/error.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

namespace fulgurite {

static_assert(std::endian::native == std::endian::little, "checkpoints are little-endian and used in place");

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
// The limit of the reference implementation.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
// Deep nesting can only be hostile: a header has three levels.
constexpr int kMaxDepth = 8;

std::optional<DType> dtypeFromName(std::string_view name) {
    for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::F64, DType::I8, DType::U8, DType::I16,
                             DType::I32, DType::I64, DType::Bool}) {
        if (nameOf(type) == name) {
            return type;
        }
    }
    return std::nullopt;
}

Json parseHeaderJson(std::string_view text, const std::string& name) {
    bool too_deep = false;
    const auto guard = [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > kMaxDepth;
        if (too_deep) {
            throw Error(ErrorKind::Corrupt, name + ": header is nested too deeply");
        }
        return true;
    };
    try {
        return Json::parse(text, guard);
    } catch (const Json::exception& error) {
        fail(ErrorKind::Corrupt, "{}: header is not valid JSON: {}", name, error.what());
    }
}

std::uint64_t unsignedField(const Json& value, const std::string& where) {
    if (!value.is_number_unsigned()) {
        fail(ErrorKind::Corrupt, "{}: expected a non-negative integer", where);
    }
    return value.get<std::uint64_t>();
}

SafetensorsEntry parseEntry(const Json& value, const std::string& where, std::uint64_t data_bytes) {
    if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets") || value.size() != 3) {
        fail(ErrorKind::Corrupt, "{}: expected an object with dtype, shape and data_offsets", where);
    }
    const Json& dtype = value["dtype"];
    const auto known = dtype.is_string() ? dtypeFromName(dtype.get_ref<const std::string&>()) : std::nullopt;
    if (!known) {
        fail(ErrorKind::Corrupt, "{}: unknown dtype {}", where,
             dtype.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    SafetensorsEntry entry;
    entry.dtype = *known;
    if (!value["shape"].is_array() || !value["data_offsets"].is_array() || value["data_offsets"].size() != 2) {
        fail(ErrorKind::Corrupt, "{}: shape must be a list and data_offsets a pair", where);
    }
    for (const Json& dim : value["shape"]) {
        const std::uint64_t size = unsignedField(dim, where + ": shape");
        if (size > static_cast<std::uint64_t>(INT64_MAX)) {
            fail(ErrorKind::Corrupt, "{}: shape: dimension {} is out of range", where, size);
        }
        entry.shape.push_back(static_cast<std::int64_t>(size));
    }
    entry.begin = unsignedField(value["data_offsets"][0], where + ": data_offsets");
    entry.end = unsignedField(value["data_offsets"][1], where + ": data_offsets");
    if (entry.begin > entry.end || entry.end > data_bytes) {
        fail(ErrorKind::Corrupt,
             "{}: data_offsets [{}, {}] lie outside the {} bytes of data in the file; it is truncated or damaged, "
             "fetch "
             "it again",
             where, entry.begin, entry.end, data_bytes);
    }
    std::uint64_t bytes = 0;
    if (!byteCount(entry.shape, entry.dtype, bytes) || bytes != entry.end - entry.begin) {
        fail(ErrorKind::Corrupt, "{}: {} of shape {} does not fill the {} bytes of its data_offsets", where,
             nameOf(entry.dtype), toString(entry.shape), entry.end - entry.begin);
    }
    return entry;
}

// The format allows neither overlaps nor holes.
void checkCoverage(const SafetensorsHeader& header, std::uint64_t data_bytes, const std::string& name) {
    std::vector<std::pair<const SafetensorsEntry*, const std::string*>> order;
    for (const auto& [tensor, entry] : header.entries) {
        order.emplace_back(&entry, &tensor);
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
        return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
    });
    std::uint64_t expected = 0;
    const std::string* previous = nullptr;
    for (const auto& [entry, tensor] : order) {
        if (entry->begin < expected) {
            fail(ErrorKind::Corrupt, "{}: tensor \"{}\" overlaps \"{}\"", name, *tensor, *previous);
        }
        if (entry->begin > expected) {
            fail(ErrorKind::Corrupt, "{}: {} unused bytes before tensor \"{}\"", name, entry->begin - expected,
                 *tensor);
        }
        expected = entry->end;
        previous = tensor;
    }
    if (expected != data_bytes) { // less: no entry ends behind the data
        fail(ErrorKind::Corrupt,
             "{}: the header describes {} bytes of data, the file has {}; it is damaged or has something appended",
             name, expected, data_bytes);
    }
}

} // namespace

SafetensorsHeader SafetensorsHeader::parse(std::span<const std::byte> file, const std::string& name) {
    if (file.size() < kLengthBytes) {
        fail(ErrorKind::Corrupt, "{}: {} bytes is too short for a safetensors file", name, file.size());
    }
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), sizeof(length));
    if (length > kMaxHeaderBytes || length > file.size() - kLengthBytes) {
        fail(ErrorKind::Corrupt,
             "{}: header length {} does not fit the file of {} bytes; this is no safetensors file, or it is "
             "truncated",
             name, length, file.size());
    }
    SafetensorsHeader header;
    header.data_offset = kLengthBytes + length;
    const std::uint64_t data_bytes = file.size() - header.data_offset;
    const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
    const Json json = parseHeaderJson(text, name);
    if (!json.is_object()) {
        fail(ErrorKind::Corrupt, "{}: header is not a JSON object", name);
    }
    for (const auto& [tensor, value] : json.items()) {
        if (tensor != "__metadata__") {
            header.entries.emplace(tensor, parseEntry(value, name + ": tensor \"" + tensor + "\"", data_bytes));
            continue;
        }
        if (!value.is_object()) {
            fail(ErrorKind::Corrupt, "{}: __metadata__ is not an object", name);
        }
        for (const auto& [key, text_value] : value.items()) {
            if (!text_value.is_string()) {
                fail(ErrorKind::Corrupt, "{}: __metadata__.{} is not a string", name, key);
            }
            header.metadata.emplace(key, text_value.get<std::string>());
        }
    }
    checkCoverage(header, data_bytes, name);
    return header;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path), header_(SafetensorsHeader::parse(file_.bytes(), path.string())) {}

TensorView SafetensorsFile::tensor(std::string_view name) const {
    const auto found = header_.entries.find(name);
    if (found == header_.entries.end()) {
        fail(ErrorKind::NotFound, "{}: no tensor \"{}\"", file_.path().string(), name);
    }
    const SafetensorsEntry& entry = found->second;
    return {entry.dtype, entry.shape, file_.bytes().data() + header_.data_offset + entry.begin};
}

} // namespace fulgurite
