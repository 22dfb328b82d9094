// SPDX-License-Identifier: Apache-2.0
// Which names a node without a token answers to. A web page may have its own name resolve to this machine's address
// and then reads what is here as if it were its own; the Host field still says the page's name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

// `host`: the field, "localhost:8080". True for an address, for localhost, for none at all (no browser leaves it out)
// and for `names`, whatever the port.
bool isKnownHost(std::string_view host, const std::vector<std::string>& names);

// The names of this machine: its host name, with and without the domain.
std::vector<std::string> machineNames();

} // namespace fulgurite::node
