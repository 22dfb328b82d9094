// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of TFRecord files.
#pragma once

#include <cstdint>
#include <string_view>

namespace fulgurite {

// Reflected polynomial 0x82F63B78, initial value and final exclusive-or 0xFFFFFFFF.
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t crc32cByTables(std::string_view bytes); // as on a processor without an instruction for it

// As the files store it, so that a checksum of checksums does not degenerate: rotated right by 15, plus 0xA282EAD8.
std::uint32_t maskedCrc32c(std::string_view bytes);

} // namespace fulgurite
