// SPDX-License-Identifier: Apache-2.0
// The bearer token: where it comes from and how a request's is compared.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace fulgurite::node {

struct TokenFile {
    std::string token;
    bool readable_by_others = false; // group or world may read the file: worth a warning
};

// The first line of the file. Throws Error{NotFound | Io | InvalidInput} when there is none or it is shorter than
// 16 characters.
TokenFile readTokenFile(const std::filesystem::path& path);

class BearerToken {
  public:
    // An empty token lets everybody in.
    explicit BearerToken(std::string_view token);

    bool required() const { return required_; }
    // `authorization` is the value of the Authorization field. The time taken depends on neither token.
    bool matches(std::string_view authorization) const;

  private:
    std::array<unsigned char, 32> digest_{};
    bool required_;
};

} // namespace fulgurite::node
