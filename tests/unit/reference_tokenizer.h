// SPDX-License-Identifier: Apache-2.0
// A tokenizer that is slow and plain: it interprets the split pattern of the file by backtracking and merges by
// trying every pair. The tests compare the real one with it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulgurite::test {

class ReferenceTokenizer {
  public:
    explicit ReferenceTokenizer(const std::string& json_text);

    std::vector<std::int32_t> encode(const std::string& text) const; // added tokens parsed
    // How the pattern splits `text`.
    std::vector<std::string> split(const std::string& text) const;

  private:
    void encodePlain(const std::string& text, std::vector<std::int32_t>& ids) const;
    void encodePiece(const std::string& piece, std::vector<std::int32_t>& ids) const;

    std::u32string pattern_;
    std::map<std::string, std::int32_t> vocabulary_;
    std::map<std::pair<std::string, std::string>, std::size_t> ranks_;
    std::map<std::string, std::int32_t> added_;
};

} // namespace fulgurite::test
