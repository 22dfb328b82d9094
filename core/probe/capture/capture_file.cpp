// SPDX-License-Identifier: Apache-2.0
// Opening a capture: everything but the values is checked here, once. The views are in capture_views.cpp.
#include "core/probe/capture/capture_file.h"

#include "core/base/error.h"
#include "core/probe/capture/layout_detail.h"

#include <charconv>

namespace fulgurite::capture {

namespace {

std::string metadataOf(const SafetensorsHeader& header, const char* key, const std::string& name) {
    const auto found = header.metadata.find(key);
    if (found == header.metadata.end()) {
        fail(ErrorKind::Corrupt, "{}: metadata \"{}\" is missing: this is no capture, choose a {} file", name, key,
             kCaptureSuffix);
    }
    return found->second;
}

void checkVersion(const SafetensorsHeader& header, const std::string& name) {
    if (const std::string format = metadataOf(header, "format", name); format != kCaptureFormat) {
        fail(ErrorKind::Corrupt,
             "{}: metadata \"format\" is \"{}\", not \"{}\": this is no capture, choose a {} file", name, format,
             kCaptureFormat, kCaptureSuffix);
    }
    const std::string text = metadataOf(header, "version", name);
    int version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc() || end != text.data() + text.size() || version < 1) {
        fail(ErrorKind::Corrupt, "{}: metadata \"version\" is \"{}\", not a version number; take the capture again",
             name, text);
    }
    if (version > kCaptureVersion) {
        fail(ErrorKind::Unsupported,
             "{}: a capture of version {}, this program reads up to {}: open it with a newer Fulgurite", name,
             version, kCaptureVersion);
    }
}

} // namespace

CaptureFile::CaptureFile(std::optional<MappedFile> file, std::span<const std::byte> bytes, std::string name)
    : file_(std::move(file)),
      guard_(file_ && !bytes.empty() ? std::make_unique<MappingGuard>(bytes.data(), bytes.size()) : nullptr),
      bytes_(bytes),
      name_(std::move(name)),
      header_(SafetensorsHeader::parse(bytes_, name_)) {
    checkVersion(header_, name_);
    info_ = captureInfoFromJson(metadataOf(header_, "capture", name_), name_ + ": capture", contents_);
    if (std::to_string(info_.version) != header_.metadata.find("version")->second) {
        fail(ErrorKind::Corrupt, "{}: capture: version is {}, that of the file is {}; take the capture again",
             name_, info_.version, header_.metadata.find("version")->second);
    }
    info_.bytes = bytes_.size();
    checkArrays();
    checkTokens();
    decay_ = decayMap(info_.config);
}

std::shared_ptr<const CaptureFile> CaptureFile::open(const std::filesystem::path& path, const std::string& name) {
    MappedFile file(path);
    const auto bytes = file.bytes(); // stays where it is when the mapping is moved
    const std::shared_ptr<const CaptureFile> capture(
        new CaptureFile(std::move(file), bytes, name.empty() ? path.string() : name));
    capture->requireIntact();
    return capture;
}

void CaptureFile::requireIntact() const {
    if (!intact()) {
        fail(ErrorKind::Corrupt,
             "{}: the file was cut, or its disk failed, while it was open; take the capture again", name_);
    }
}

std::shared_ptr<const CaptureFile> CaptureFile::view(std::span<const std::byte> bytes, const std::string& name) {
    return std::shared_ptr<const CaptureFile>(new CaptureFile(std::nullopt, bytes, name));
}

void CaptureFile::checkArrays() {
    const auto vocabulary = header_.entries.find(kVocabulary);
    const std::uint64_t texts =
        vocabulary == header_.entries.end() ? 0 : vocabulary->second.end - vocabulary->second.begin;
    for (const CaptureArray& expected : captureArrays(info_, contents_, texts)) {
        const auto found = header_.entries.find(expected.name);
        if (found == header_.entries.end()) {
            fail(ErrorKind::Corrupt, "{}: array \"{}\" is missing; take the capture again", name_, expected.name);
        }
        const SafetensorsEntry& entry = found->second;
        if (entry.dtype != expected.dtype || entry.shape != expected.shape) {
            fail(ErrorKind::Corrupt, "{}: array \"{}\" is {} {}, expected {} {}; take the capture again", name_,
                 expected.name, fulgurite::nameOf(entry.dtype), toString(entry.shape),
                 fulgurite::nameOf(expected.dtype), toString(expected.shape));
        }
        if ((header_.data_offset + entry.begin) % sizeOf(entry.dtype) != 0) {
            fail(ErrorKind::Corrupt, "{}: array \"{}\" does not lie aligned; take the capture again", name_,
                 expected.name);
        }
    }
}

void CaptureFile::checkTokens() const {
    std::int32_t last = 0;
    for (const std::int32_t end : values<std::int32_t>(kVocabularyEnds)) {
        if (end < last) {
            fail(ErrorKind::Corrupt, "{}: \"{}\" does not rise; take the capture again", name_, kVocabularyEnds);
        }
        last = end;
    }
    if (static_cast<std::size_t>(last) != values<char>(kVocabulary).size()) {
        fail(ErrorKind::Corrupt, "{}: \"{}\" ends at {} of {} bytes; take the capture again", name_,
             kVocabularyEnds, last, values<char>(kVocabulary).size());
    }
    const std::span<const TokenId> ids = tokenIds();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] < 0 || ids[i] >= info_.config.vocab_size) {
            fail(ErrorKind::Corrupt, "{}: token {} is {}, outside the vocabulary of {}; take the capture again",
                 name_, i, ids[i], info_.config.vocab_size);
        }
    }
}

template <class T>
std::span<const T> CaptureFile::values(std::string_view array) const {
    const SafetensorsEntry& entry = header_.entries.find(array)->second;
    const std::byte* data = bytes_.data() + header_.data_offset + entry.begin;
    return {reinterpret_cast<const T*>(data), (entry.end - entry.begin) / sizeof(T)};
}

template std::span<const float> CaptureFile::values(std::string_view) const;
template std::span<const std::int32_t> CaptureFile::values(std::string_view) const;
template std::span<const std::int16_t> CaptureFile::values(std::string_view) const;
template std::span<const std::uint8_t> CaptureFile::values(std::string_view) const;
template std::span<const char> CaptureFile::values(std::string_view) const;

std::span<const TokenId> CaptureFile::tokenIds() const {
    return values<TokenId>(kTokens);
}

std::string_view CaptureFile::textOf(TokenId id) const {
    if (id < 0 || id >= info_.config.vocab_size) {
        return {};
    }
    const auto ends = values<std::int32_t>(kVocabularyEnds);
    const auto texts = values<char>(kVocabulary);
    const auto begin = static_cast<std::size_t>(id == 0 ? 0 : ends[static_cast<std::size_t>(id) - 1]);
    return {texts.data() + begin, static_cast<std::size_t>(ends[static_cast<std::size_t>(id)]) - begin};
}

} // namespace fulgurite::capture
