// SPDX-License-Identifier: Apache-2.0
// Bytes of the blobs in our databases: numbers are unsigned LEB128, reals IEEE 754 little-endian, a text is its
// length and its bytes.
#pragma once

#include "core/base/error.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

class ByteWriter {
  public:
    void number(std::uint64_t value) {
        while (value >= 0x80) {
            bytes_.push_back(static_cast<std::byte>(value | 0x80));
            value >>= 7;
        }
        bytes_.push_back(static_cast<std::byte>(value));
    }
    void real(float value) { fixed(std::bit_cast<std::uint32_t>(value)); }
    void real(double value) { fixed(std::bit_cast<std::uint64_t>(value)); }
    void text(std::string_view value) {
        number(value.size());
        const auto* data = reinterpret_cast<const std::byte*>(value.data());
        bytes_.insert(bytes_.end(), data, data + value.size());
    }
    std::vector<std::byte> take() { return std::move(bytes_); }

  private:
    template <class Bits>
    void fixed(Bits bits) {
        for (std::size_t i = 0; i < sizeof(Bits); ++i)
            bytes_.push_back(static_cast<std::byte>(bits >> (8 * i)));
    }

    std::vector<std::byte> bytes_;
};

// Throws Error{Corrupt} that begins with `where`, which must outlive the reader.
class ByteReader {
  public:
    ByteReader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<std::uint64_t>(take(1)[0]);
            value |= (byte & 0x7f) << shift;
            if (byte < 0x80)
                return value;
        }
        broken("a number is too long");
    }
    int count() {
        const std::uint64_t value = number();
        if (value > 0x7fffffff)
            broken("a count is too large");
        return static_cast<int>(value);
    }
    float real() { return std::bit_cast<float>(fixed<std::uint32_t>()); }
    double real64() { return std::bit_cast<double>(fixed<std::uint64_t>()); }
    std::string text() {
        const auto raw = take(number());
        return {reinterpret_cast<const char*>(raw.data()), raw.size()};
    }
    void version(std::uint64_t known) {
        if (const std::uint64_t found = number(); found != known)
            broken(fmt::format("format {} is unknown", found));
    }
    // Items of at least one byte each: bounds what a forged count can make us allocate.
    std::size_t items() {
        const std::uint64_t value = number();
        if (value > bytes_.size() - at_)
            broken("a count is larger than the data");
        return static_cast<std::size_t>(value);
    }
    void end() const {
        if (at_ != bytes_.size())
            broken("bytes are left over");
    }
    [[noreturn]] void broken(const std::string& what) const {
        fail(ErrorKind::Corrupt, "{}: damaged data at byte {}: {}", where_, at_, what);
    }

  private:
    template <class Bits>
    Bits fixed() {
        const auto raw = take(sizeof(Bits));
        Bits bits = 0;
        for (std::size_t i = 0; i < sizeof(Bits); ++i)
            bits |= static_cast<Bits>(raw[i]) << (8 * i);
        return bits;
    }
    std::span<const std::byte> take(std::uint64_t size) {
        if (size > bytes_.size() - at_)
            broken("it ends too early");
        const auto result = bytes_.subspan(at_, static_cast<std::size_t>(size));
        at_ += static_cast<std::size_t>(size);
        return result;
    }

    std::span<const std::byte> bytes_;
    const std::string& where_;
    std::size_t at_ = 0;
};

} // namespace fulgurite
