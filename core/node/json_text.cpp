// SPDX-License-Identifier: Apache-2.0
// Bounded JSON parsing and UTF-8 helpers.
#include "core/node/json_text.h"

#include "core/node/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fulgurite::node {

namespace {

// Length of the UTF-8 character at the start of `bytes`, 0 when there is none (RFC 3629: no surrogates, no overlong
// forms, nothing above U+10FFFF).
std::size_t characterLength(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const auto continues = [&](std::size_t i) { return i < bytes.size() && (at(i) & 0xC0) == 0x80; };
    const unsigned char lead = at(0);
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return continues(1) ? 2 : 0;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        const bool second = continues(1) && (lead != 0xE0 || at(1) >= 0xA0) && (lead != 0xED || at(1) <= 0x9F);
        return second && continues(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const bool second = continues(1) && (lead != 0xF0 || at(1) >= 0x90) && (lead != 0xF4 || at(1) <= 0x8F);
        return second && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

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
        throw ApiError(400, fmt::format("the body is not valid JSON: {}", toUtf8(error.what())));
    }
    if (!value.is_object()) {
        throw ApiError(400, fmt::format("the body must be a JSON object, not {}", value.type_name()));
    }
    return value;
}

std::string dumpJson(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool isUtf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = characterLength(bytes);
        if (length == 0) {
            return false;
        }
        bytes.remove_prefix(length);
    }
    return true;
}

std::size_t characterCount(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string toUtf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t length = characterLength(bytes);
        text += length > 0 ? bytes.substr(0, length) : std::string_view("\xEF\xBF\xBD");
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return text;
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
