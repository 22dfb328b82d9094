// SPDX-License-Identifier: Apache-2.0
// The prompt has more tokens than the model takes: apart from other wrong requests, because clients shorten it and ask again.
#pragma once

#include "core/base/error.h"

#include <string>

namespace fulgurite {

class ContextLengthError : public Error {
  public:
    explicit ContextLengthError(const std::string& message) : Error(ErrorKind::InvalidInput, message) {}
};

} // namespace fulgurite
