// SPDX-License-Identifier: Apache-2.0
// A refused request: HTTP status plus the OpenAI error object {"message", "type", "param", "code"}.
#pragma once

#include "core/base/error.h"

#include <nlohmann/json_fwd.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace fulgurite::node {

class ApiError : public std::runtime_error {
  public:
    ApiError(int status, std::string message, std::string param = {}, std::string code = {})
        : std::runtime_error(message), status_(status), param_(std::move(param)), code_(std::move(code)) {}

    int status() const { return status_; }
    const std::string& param() const { return param_; } // path of the field, or empty
    const std::string& code() const { return code_; }   // a word for programs, or empty
    // Worth trying again, after so many seconds.
    bool retry() const { return status_ == 503 || retry_seconds_ > 0; }
    double retrySeconds() const { return retry_seconds_ > 0 ? retry_seconds_ : 1; }
    ApiError& retryAfter(double seconds) {
        retry_seconds_ = seconds;
        return *this;
    }

    // {"error": {...}}, as a body or as the data of a stream's error event.
    nlohmann::json body() const;

  private:
    int status_;
    std::string param_;
    std::string code_;
    double retry_seconds_ = 0; // 0: not said
};

// 400 for a field: the usual refusal.
[[noreturn]] void refuse(const std::string& param, const std::string& message);

// Any exception as an ApiError: our own as they are, library errors by their kind, the rest as status 500.
ApiError toApiError(const Error& error);
ApiError toApiError(std::exception_ptr error);

} // namespace fulgurite::node
