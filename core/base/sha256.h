// SPDX-License-Identifier: Apache-2.0
// Names by content: SHA-256 (FIPS 180-4) as lower-case hexadecimal.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fulgurite {

// Of bytes that come in parts.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    void update(std::span<const std::byte> bytes);
    void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
    std::string finish(); // call once, last

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256(std::span<const std::byte> bytes);

} // namespace fulgurite
