// SPDX-License-Identifier: Apache-2.0
// The safetensors container: an 8-byte little-endian header length, a JSON header, then the arrays.
// Reading maps the file and trusts nothing in it: see docs/formats/safetensors.md for every rule that is checked.
#pragma once

#include "core/base/atomic_file.h"
#include "core/base/mapped_file.h"
#include "core/tensor/tensor.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// Where an array lies in the data section, [begin, end) bytes.
struct SafetensorsEntry {
    DType dtype = DType::F32;
    Shape shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

struct SafetensorsHeader {
    std::map<std::string, SafetensorsEntry, std::less<>> entries;
    std::map<std::string, std::string> metadata;
    std::uint64_t data_offset = 0; // of the data section in the file

    // `file`: the whole file. Throws Error{Corrupt} that names `name`, the tensor and the broken rule.
    static SafetensorsHeader parse(std::span<const std::byte> file, const std::string& name);
};

// A mapped file; views stay valid as long as it lives.
class SafetensorsFile {
  public:
    explicit SafetensorsFile(const std::filesystem::path& path);

    const SafetensorsHeader& header() const { return header_; }
    const std::filesystem::path& path() const { return file_.path(); }
    bool contains(std::string_view name) const { return header_.entries.contains(name); }
    // Throws Error{NotFound} when there is no such tensor.
    TensorView tensor(std::string_view name) const;

  private:
    MappedFile file_;
    SafetensorsHeader header_;
};

// The beginning of a file up to its data: length and JSON, padded so that the arrays start aligned to 8 bytes. In
// the order of `entries`, whose offsets count from the start of the data.
std::string safetensorsHeader(const std::vector<std::pair<std::string, SafetensorsEntry>>& entries,
                              const std::map<std::string, std::string>& metadata);

// Writes arrays one after another without holding them all: declare all first, then append the bytes of each in the
// order of declaration, then finish. The file has a temporary name until finish(); an abandoned writer leaves
// nothing.
class SafetensorsWriter {
  public:
    explicit SafetensorsWriter(std::filesystem::path path);
    ~SafetensorsWriter();
    SafetensorsWriter(const SafetensorsWriter&) = delete;
    SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

    void declare(const std::string& name, DType dtype, const Shape& shape);
    void setMetadata(const std::string& key, const std::string& value);
    // Any split of the bytes is fine. Throws Error{Io} with the cause, for example a full disk.
    void append(std::span<const std::byte> bytes);
    void finish();

  private:
    void writeHeader();

    std::filesystem::path path_;
    std::vector<std::pair<std::string, SafetensorsEntry>> declared_;
    std::map<std::string, std::string> metadata_;
    std::uint64_t declared_bytes_ = 0;
    std::uint64_t written_bytes_ = 0;
    std::unique_ptr<AtomicFile> output_;
};

} // namespace fulgurite
