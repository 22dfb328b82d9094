// SPDX-License-Identifier: Apache-2.0
// A request that finds no place now and will find one later.
#pragma once

#include "core/base/error.h"

#include <string>

namespace fulgurite {

class OverloadError : public Error {
  public:
    // `seconds`: after which it is worth coming back, from how fast requests are being finished.
    OverloadError(const std::string& message, double seconds)
        : Error(ErrorKind::Unavailable, message), seconds_(seconds) {}

    double seconds() const { return seconds_; }

  private:
    double seconds_;
};

} // namespace fulgurite
