// SPDX-License-Identifier: Apache-2.0
// Takes a conversation's state from one node to another, so that the text need not be read again there.
#pragma once

#include "core/client/engine_types.h"
#include "core/client/http_client.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace fulgurite::client {

struct StateEnd {
    HttpEndpoint endpoint;
    std::string token;
};

struct StateMove {
    bool moved = false;
    std::size_t tokens = 0;  // that the state has absorbed
    std::size_t total = 0;   // of the text
    std::uint64_t bytes = 0; // that were carried
    double seconds = 0;
    std::string why; // it was not moved; a sentence
};

// Larger ones are read again: they would take longer than that over most networks.
inline constexpr std::uint64_t kLargestStateMoved = std::uint64_t{256} << 20;

// Blocks until it is done; whatever goes wrong becomes `why`, and what waits at either end is removed. `request`: the
// text, as it would be sent on.
StateMove moveState(const StateEnd& from, const StateEnd& to, const GenerateRequest& request,
                    const std::stop_token& stop);

} // namespace fulgurite::client
