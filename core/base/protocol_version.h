// SPDX-License-Identifier: Apache-2.0
// The version of docs/protocol.md. It rises when something that was there changes its meaning or goes; what only comes
// to it does not count, because readers skip what they do not know.
#pragma once

namespace fulgurite {

inline constexpr int kProtocolVersion = 1;

} // namespace fulgurite
