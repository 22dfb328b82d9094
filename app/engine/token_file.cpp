// SPDX-License-Identifier: Apache-2.0
#include "app/engine/token_file.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"

namespace fulgurite::app {

TokenIds readTokenFile(const std::string& path) {
    const nlohmann::json json = parseJson(readTextFile(path), path);
    if (!json.is_array()) {
        fail(ErrorKind::InvalidInput, "{}: expected a JSON array of token ids", path);
    }
    TokenIds ids;
    for (const auto& value : json) {
        if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > INT32_MAX) {
            fail(ErrorKind::InvalidInput, "{}: element {} is not a token id", path, ids.size());
        }
        ids.push_back(value.get<TokenId>());
    }
    if (ids.empty()) {
        fail(ErrorKind::InvalidInput, "{}: no tokens", path);
    }
    return ids;
}

} // namespace fulgurite::app
