// SPDX-License-Identifier: Apache-2.0
#include "core/base/json.h"

#include "core/base/error.h"

namespace fulgurite {
namespace {

std::string withoutPrefix(std::string message) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::size_t end = message.find("] ");
    return end == std::string::npos ? message : message.substr(end + 2);
}

} // namespace

// The parser itself is not recursive, but most of what one does with the result is.
void requireJsonDepth(std::string_view text, const std::string& name, std::size_t max_depth) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            i += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth) {
                fail(ErrorKind::Corrupt, "{}: nested deeper than {} levels at byte {}", name, max_depth, i);
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
}

nlohmann::json parseJson(std::string_view text, const std::string& name, std::size_t max_depth) {
    requireJsonDepth(text, name, max_depth);
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        fail(ErrorKind::Corrupt, "{}: not valid JSON: {}", name, withoutPrefix(error.what()));
    }
}

std::string dumpJson(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace fulgurite
