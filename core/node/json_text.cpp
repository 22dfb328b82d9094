// SPDX-License-Identifier: Apache-2.0
// Bounded JSON parsing and UTF-8 helpers.
#include "core/node/json_text.h"

#include "core/base/utf8.h"
#include "core/node/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fulgurite::node {

namespace {

void checkSize(std::string_view body, const JsonLimits& limits) {
    std::size_t depth = 0;
    std::size_t values = 1;
    bool in_string = false;
    for (std::size_t i = 0; i < body.size(); ++i) {
        const char c = body[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            ++values;
            if (++depth > limits.depth) {
                throw ApiError(400, fmt::format("the JSON body is nested more than {} levels deep", limits.depth));
            }
        } else if (c == ']' || c == '}') {
            depth -= depth > 0 ? 1 : 0;
        } else if (c == ',') {
            ++values;
        }
        if (values > limits.values) {
            throw ApiError(400, fmt::format("the JSON body holds more than {} values", limits.values));
        }
    }
}

} // namespace

nlohmann::json parseBody(std::string_view body, const JsonLimits& limits) {
    checkSize(body, limits);
    nlohmann::json value;
    try {
        value = nlohmann::json::parse(body);
    } catch (const nlohmann::json::exception& error) {
        throw ApiError(400, fmt::format("the body is not valid JSON: {}", replaceInvalidUtf8(error.what())));
    }
    if (!value.is_object()) {
        throw ApiError(400, fmt::format("the body must be a JSON object, not {}", value.type_name()));
    }
    return value;
}

bool isUtf8(std::string_view bytes) {
    return validUtf8Prefix(bytes) == bytes.size();
}

std::size_t characterCount(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

nlohmann::json byteList(std::string_view bytes) {
    nlohmann::json list = nlohmann::json::array();
    for (const char c : bytes) {
        list.push_back(static_cast<unsigned char>(c));
    }
    return list;
}

double finiteLog(float logprob) {
    return std::isfinite(logprob) ? static_cast<double>(logprob) : -9999.0;
}

} // namespace fulgurite::node
