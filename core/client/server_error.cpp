// SPDX-License-Identifier: Apache-2.0
// What servers of all kinds say when they refuse, as one message. Ours and OpenAI's say {"error": {"message"}};
// vLLM and SGLang {"message"} at the top; FastAPI {"detail"}, a text or a list with the place of each fault;
// proxies a page of HTML.
#include "core/client/engine_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace fulgurite::client {

namespace {

using nlohmann::json;

constexpr std::size_t longest_excerpt = 200;

std::string textOf(const json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_string() ? object[key].get<std::string>()
                                                                                 : std::string();
}

void join(std::string& list, const char* between, const std::string& item) {
    if (!list.empty())
        list += between;
    list += item;
}

// FastAPI: [{"loc": ["body", "messages"], "msg": "Field required"}].
std::string detailText(const json& detail) {
    if (detail.is_string())
        return detail.get<std::string>();
    std::string result;
    if (!detail.is_array())
        return result;
    for (const json& each : detail) {
        std::string place;
        if (each.is_object() && each.contains("loc") && each["loc"].is_array())
            for (const json& step : each["loc"])
                join(place, ".", step.is_string() ? step.get<std::string>() : step.dump());
        const std::string message = textOf(each, "msg");
        if (!message.empty())
            join(result, "; ", place.empty() ? message : fmt::format("{}: {}", place, message));
    }
    return result;
}

std::string messageOf(const json& document) {
    if (!document.is_object())
        return {};
    if (document.contains("error")) {
        const json& error = document["error"];
        if (error.is_string())
            return error.get<std::string>();
        if (const std::string message = textOf(error, "message"); !message.empty())
            return message;
    }
    if (document.contains("detail"))
        if (const std::string detail = detailText(document["detail"]); !detail.empty())
            return detail;
    return textOf(document, "message");
}

// The beginning of an answer that is not JSON, on one line; nothing of a page.
std::string excerpt(std::string_view body) {
    std::string line(body.substr(0, longest_excerpt));
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos || line[begin] == '<' || line[begin] == '{')
        return {};
    return line.substr(begin, line.find_last_not_of(' ') + 1 - begin);
}

// Codes of what ends an answer though nothing is wrong with the request (docs/protocol.md): it can go on later.
bool passes(const std::string& code) {
    return code == "shutting_down" || code == "slow_client" || code == "time_limit" || code == "model_loading" ||
           code == "overloaded" || code == "busy" || code == "unavailable";
}

ErrorKind kindOf(int status, const std::string& type, const std::string& code, const std::string& message) {
    if (status == 0 && passes(code))
        return ErrorKind::Unavailable;
    if (status == 400 && code == "unsupported")
        return ErrorKind::Unsupported;
    if (status == 507 || type.find("memory") != std::string::npos ||
        message.find("out of memory") != std::string::npos)
        return ErrorKind::OutOfMemory;
    if (status == 401 || status == 403)
        return ErrorKind::Io;
    if (status == 404 || status == 405)
        return ErrorKind::NotFound;
    if (status == 503 || status == 429 || status == 502 || status == 504)
        return ErrorKind::Unavailable;
    return status >= 500 || status == 0 ? ErrorKind::Internal : ErrorKind::InvalidInput;
}

// What a person can do, for refusals that say too little themselves.
std::string plainWords(int status) {
    switch (status) {
    case 0:
        return "the server reported an error";
    case 401:
        return "the token was not accepted. Enter the one that this server was started with.";
    case 403:
        return "the token does not allow this. Ask for one with more rights.";
    case 404:
        return "the server does not know this address. Is it the server's root, without /v1?";
    case 405:
        return "the server does not offer this";
    case 413:
        return "the request is larger than the server takes";
    case 429:
        return "the server is busy. Try again in a moment.";
    case 502:
    case 504:
        return "the proxy before the server does not reach it";
    case 503:
        return "the server is not ready. Try again in a moment.";
    default:
        return fmt::format("the server answered with status {}", status);
    }
}

} // namespace

Refusal refusalOf(int status, const std::map<std::string, std::string>& headers) {
    Refusal refusal{status, 0};
    // In seconds; the other form, a date, says little between clocks that differ.
    if (const auto after = headers.find("retry-after"); after != headers.end())
        std::from_chars(after->second.data(), after->second.data() + after->second.size(), refusal.retry_seconds);
    refusal.retry_seconds = std::max(0.0, refusal.retry_seconds);
    return refusal;
}

Error readError(int status, std::string_view body, const std::string& where) {
    const json document = json::parse(body, nullptr, false);
    const json& told = document.is_object() && document.contains("error") ? document["error"] : document;
    std::string message = document.is_discarded() ? excerpt(body) : messageOf(document);
    const ErrorKind kind = kindOf(status, textOf(told, "type"), textOf(told, "code"), message);
    // "Not Found" and "Unauthorized" are the status again.
    if (message.empty() || message == "Not Found" || message == "Unauthorized" || message == "Method Not Allowed")
        message = plainWords(status);
    return {kind, fmt::format("{}: {}", where, message)};
}

} // namespace fulgurite::client
