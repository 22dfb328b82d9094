// SPDX-License-Identifier: Apache-2.0
// JSON in and out of the node: bounded on the way in, always valid UTF-8 on the way out.
#pragma once

#include "core/base/json.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace fulgurite::node {

struct JsonLimits {
    std::size_t depth = 64;
    std::size_t values = 4'000'000;
};

// Parses a request body that must be one JSON object. Throws ApiError 400 with the place of the mistake. Depth and
// number of values are counted before anything is built, so a small body cannot become a large tree.
nlohmann::json parseBody(std::string_view body, const JsonLimits& limits = {});

bool isUtf8(std::string_view bytes);
// Number of Unicode characters in valid UTF-8.
std::size_t characterCount(std::string_view text);
// [104, 105]: the bytes as numbers.
nlohmann::json byteList(std::string_view bytes);
// A logarithm as JSON can carry it: minus infinity becomes -9999.
double finiteLog(float logprob);

} // namespace fulgurite::node
