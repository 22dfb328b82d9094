// SPDX-License-Identifier: Apache-2.0
// How each kind of failure looks to a client.
#include "core/node/api_error.h"

#include "core/generate/context_length_error.h"
#include "core/generate/overload.h"

#include <nlohmann/json.hpp>

namespace fulgurite::node {

namespace {

const char* typeOf(int status) {
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 429:
        return "rate_limit_error";
    default:
        return status < 500 ? "invalid_request_error" : "server_error";
    }
}

nlohmann::json orNull(const std::string& text) {
    return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

} // namespace

nlohmann::json ApiError::body() const {
    return {{"error",
             {{"message", what()},
              {"type", typeOf(status_)},
              {"param", orNull(param_)},
              {"code", orNull(code_)}}}};
}

void refuse(const std::string& param, const std::string& message) {
    throw ApiError(400, param.empty() ? message : "'" + param + "': " + message, param);
}

ApiError toApiError(const Error& error) {
    switch (error.kind()) {
    case ErrorKind::InvalidInput:
        return {400, error.what()};
    case ErrorKind::Unsupported:
        return {400, error.what(), {}, "unsupported"};
    case ErrorKind::OutOfMemory:
        // Not a 5xx: trying the same request again would not help.
        return {400, error.what(), {}, "context_length_exceeded"};
    case ErrorKind::NotFound:
        return {404, error.what()};
    case ErrorKind::Unavailable:
        return {503, error.what(), {}, "unavailable"};
    case ErrorKind::Cancelled:
        return {503, error.what(), {}, "cancelled"};
    case ErrorKind::Corrupt:
    case ErrorKind::Io:
    case ErrorKind::Internal:
        break;
    }
    return {500, error.what()};
}

ApiError toApiError(std::exception_ptr error) {
    try {
        std::rethrow_exception(error);
    } catch (const ApiError& api_error) {
        return api_error;
    } catch (const OverloadError& overload) {
        return ApiError(429, overload.what(), {}, "overloaded").retryAfter(overload.seconds());
    } catch (const ContextLengthError& too_long) {
        return {400, too_long.what(), {}, "context_length_exceeded"};
    } catch (const Error& library_error) {
        return toApiError(library_error);
    } catch (const std::bad_alloc&) {
        return {503,
                "not enough memory to answer this request; send a smaller one or try again later",
                {},
                "out_of_memory"};
    } catch (const std::exception& other) {
        return {500, other.what()};
    }
}

} // namespace fulgurite::node
