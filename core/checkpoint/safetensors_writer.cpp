// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

namespace fulgurite {

std::string safetensorsHeader(const std::vector<std::pair<std::string, SafetensorsEntry>>& entries,
                              const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    if (!metadata.empty()) {
        json["__metadata__"] = metadata;
    }
    for (const auto& [name, entry] : entries) {
        json[name] = {
            {"dtype", nameOf(entry.dtype)}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
    }
    std::string text = json.dump();
    text.resize((text.size() + 7) / 8 * 8, ' '); // as the reference writer does
    const std::uint64_t length = text.size();
    std::string header(sizeof(length), '\0');
    std::memcpy(header.data(), &length, sizeof(length));
    return header + text;
}

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path) : path_(std::move(path)) {}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::declare(const std::string& name, DType dtype, const Shape& shape) {
    std::uint64_t bytes = 0;
    if (output_ || !byteCount(shape, dtype, bytes)) {
        fail(ErrorKind::Internal, "{}: tensor \"{}\" declared too late or with an impossible shape", path_.string(),
             name);
    }
    declared_.emplace_back(name, SafetensorsEntry{dtype, shape, declared_bytes_, declared_bytes_ + bytes});
    declared_bytes_ += bytes;
}

void SafetensorsWriter::setMetadata(const std::string& key, const std::string& value) {
    metadata_[key] = value;
}

void SafetensorsWriter::writeHeader() {
    output_ = std::make_unique<AtomicFile>(path_);
    output_->write(safetensorsHeader(declared_, metadata_));
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
    if (!output_) {
        writeHeader();
    }
    written_bytes_ += bytes.size();
    output_->write(bytes);
}

void SafetensorsWriter::finish() {
    if (!output_) {
        writeHeader();
    }
    if (written_bytes_ != declared_bytes_) {
        fail(ErrorKind::Internal, "{}: {} bytes declared, {} written", path_.string(), declared_bytes_,
             written_bytes_);
    }
    output_->commit();
}

} // namespace fulgurite
