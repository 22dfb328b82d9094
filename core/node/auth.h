// SPDX-License-Identifier: Apache-2.0
// Bearer tokens: where they come from, and which caller a request's belongs to.
#pragma once

#include "core/node/access.h"
#include "core/node/token_list.h"

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

struct TokenFile {
    std::string token; // the first line, or
    TokenList list;    // what a file of JSON says
    bool is_list = false;
    bool readable_by_others = false; // group or world may read the file: worth a warning
};

// Throws Error{NotFound | Io | InvalidInput} when there is none, it is no list that can be read, or a first line
// that is shorter than 16 characters.
TokenFile readTokenFile(const std::filesystem::path& path);

// Thread-safe.
class AccessControl {
  public:
    // An empty token lets everybody in, as a caller who may do everything.
    explicit AccessControl(std::string_view token);
    explicit AccessControl(const TokenFile& file);

    // False: no token is asked for.
    bool required() const;
    // The caller of that Authorization field; null for nobody. The time taken depends on no token.
    std::shared_ptr<const Caller> identify(std::string_view authorization) const;
    // From now on these tokens count. What a name has used stays.
    void replace(const TokenFile& file);
    // Those of a list, each name once; empty for one plain token.
    std::vector<std::shared_ptr<const Caller>> callers() const;

  private:
    using Digest = std::array<unsigned char, 32>;
    struct Known {
        Digest digest;
        std::int64_t expires = 0;
        std::shared_ptr<const Caller> caller;
    };
    std::shared_ptr<CallerUse> useOf(const std::string& name);
    void setPlain(std::string_view token);
    void setList(const TokenList& list);

    mutable std::mutex mutex_;
    bool required_ = true;
    std::shared_ptr<const Caller> everybody_; // without tokens
    std::vector<Known> known_;
    std::map<std::string, std::shared_ptr<CallerUse>> uses_;
};

} // namespace fulgurite::node
