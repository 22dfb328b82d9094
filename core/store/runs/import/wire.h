// SPDX-License-Identifier: Apache-2.0
// Protocol-buffer wire format, read field by field from bytes that may be anything.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace fulgurite {

enum class WireType : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

struct WireField {
    std::uint32_t number = 0;
    WireType type = WireType::Varint;
    std::uint64_t integer = 0; // of Varint, and the bits of the fixed ones
    std::string_view bytes;    // of Bytes

    double real64() const { return std::bit_cast<double>(integer); }
    float real32() const { return std::bit_cast<float>(static_cast<std::uint32_t>(integer)); }
};

class WireReader {
  public:
    explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

    // Nothing at the end, and at the first damage; broken() tells which.
    std::optional<WireField> next() {
        if (bytes_.empty() || broken_)
            return std::nullopt;
        WireField field;
        const auto key = varint();
        field.number = static_cast<std::uint32_t>(key >> 3);
        field.type = static_cast<WireType>(key & 7);
        switch (field.type) {
        case WireType::Varint:
            field.integer = varint();
            break;
        case WireType::Fixed64:
            field.integer = fixed<std::uint64_t>();
            break;
        case WireType::Fixed32:
            field.integer = fixed<std::uint32_t>();
            break;
        case WireType::Bytes:
            field.bytes = take(varint());
            break;
        default: // groups, which no such file uses
            broken_ = true;
        }
        if (broken_ || field.number == 0) {
            broken_ = true;
            return std::nullopt;
        }
        return field;
    }
    bool broken() const { return broken_; }

  private:
    std::string_view take(std::uint64_t size) {
        if (size > bytes_.size()) {
            broken_ = true;
            return {};
        }
        const std::string_view result = bytes_.substr(0, static_cast<std::size_t>(size));
        bytes_.remove_prefix(result.size());
        return result;
    }
    template <class Bits>
    Bits fixed() {
        const std::string_view raw = take(sizeof(Bits));
        Bits bits = 0;
        if (!broken_)
            std::memcpy(&bits, raw.data(), sizeof bits);
        return bits;
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const std::string_view raw = take(1);
            if (broken_)
                return 0;
            const auto byte = static_cast<unsigned char>(raw[0]);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80)
                return value;
        }
        broken_ = true;
        return 0;
    }

    std::string_view bytes_;
    bool broken_ = false;
};

} // namespace fulgurite
