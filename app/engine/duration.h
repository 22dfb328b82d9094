// SPDX-License-Identifier: Apache-2.0
// How long something takes, for a person.
#pragma once

#include <string>

namespace fulgurite::app {

// "0.4 s", "40 s", "12 min", "3.5 h", "6.5 days".
std::string durationText(double seconds);

} // namespace fulgurite::app
