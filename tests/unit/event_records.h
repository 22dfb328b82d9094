// SPDX-License-Identifier: Apache-2.0
// Records of TensorBoard's event files, made by hand.
#pragma once

#include "core/store/runs/import/crc32c.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace fulgurite::test {

template <class T>
std::string bytesOf(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

inline std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) {
        bytes.push_back(static_cast<char>(value | 0x80));
    }
    bytes.push_back(static_cast<char>(value));
    return bytes;
}

inline std::string field(int number, std::string_view content) { // of bytes
    return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(content.size()) + std::string(content);
}

inline std::string framed(const std::string& payload) {
    const std::string length = bytesOf<std::uint64_t>(payload.size());
    return length + bytesOf(maskedCrc32c(length)) + payload + bytesOf(maskedCrc32c(payload));
}

// What every event file begins with.
inline std::string versionRecord() {
    return framed("\x09" + bytesOf(1'700'000'000.0) + field(3, "brain.Event:2"));
}

// An event of `step` with one Summary.Value, in its frame.
inline std::string eventRecord(std::int64_t step, std::string_view value) {
    const std::string payload = "\x09" + bytesOf(1'700'000'000.0 + static_cast<double>(step)) + "\x10" +
                                varint(static_cast<std::uint64_t>(step)) + field(5, field(1, value));
    return framed(payload);
}

inline std::string scalarRecord(std::string_view tag, std::int64_t step, float value) {
    return eventRecord(step, field(1, tag) + "\x15" + bytesOf(value));
}

// A tensor of the histograms' plugin that claims `rows` x 3 values and holds one.
inline std::string repeatedHistogramRecord(std::string_view tag, std::int64_t step, std::uint64_t rows) {
    const std::string shape = field(2, "\x08" + varint(rows)) + field(2, "\x08" + varint(3));
    const std::string tensor = "\x08\x02" + field(2, shape) + "\x31" + bytesOf(1.0);
    return eventRecord(step, field(1, tag) + field(8, tensor) + field(9, field(1, field(1, "histograms"))));
}

} // namespace fulgurite::test
