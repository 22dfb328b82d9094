// SPDX-License-Identifier: Apache-2.0
// What is said of an answer that ended by an exception which no part of the program announces.
#pragma once

#include "core/base/error.h"

#include <exception>
#include <new>

namespace fulgurite {

// Memory may run out anywhere, for a list of a few bytes too.
inline Error unexpected(const std::exception& error) {
    if (const auto* known = dynamic_cast<const Error*>(&error)) {
        return *known;
    }
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
        return {ErrorKind::OutOfMemory, "the machine had no memory left while the answer was computed"};
    }
    return {ErrorKind::Internal, error.what()};
}

} // namespace fulgurite
