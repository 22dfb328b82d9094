// SPDX-License-Identifier: Apache-2.0
#include "core/node/query_reader.h"

#include "core/node/api_error.h"

#include <charconv>
#include <fmt/format.h>

namespace fulgurite::node {

namespace {

nlohmann::json valueOf(std::string_view text) {
    if (text == "true" || text == "false") {
        return text == "true";
    }
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && !text.empty()) {
        return number;
    }
    return text;
}

nlohmann::json parse(std::string_view query) {
    nlohmann::json values = nlohmann::json::object();
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        const std::string key(pair.substr(0, equals));
        if (key.empty() || values.contains(key)) {
            refuse(key, key.empty() ? "the query has a parameter without a name" : "is given twice");
        }
        // Names and numbers need no percent-encoding, and nothing else is asked for.
        values[key] = equals == std::string_view::npos ? nlohmann::json(true) : valueOf(pair.substr(equals + 1));
    }
    return values;
}

} // namespace

QueryReader::QueryReader(std::string_view query) : values_(parse(query)), reader_(values_, "") {}

std::int64_t QueryReader::required(std::string_view key, std::int64_t low, std::int64_t high) {
    const auto value = reader_.integer(key, low, high);
    if (!value) {
        refuse(std::string(key), "is missing");
    }
    return *value;
}

} // namespace fulgurite::node
