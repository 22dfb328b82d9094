// SPDX-License-Identifier: Apache-2.0
#include "core/node/host_check.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <unistd.h>

namespace fulgurite::node {

namespace {

bool sameName(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

// "[::1]:8080" is ::1, "name.:80" is name.
std::string_view nameIn(std::string_view host) {
    if (host.starts_with('[')) {
        return host.substr(1, std::min(host.find(']'), host.size()) - 1);
    }
    host = host.substr(0, host.find(':'));
    return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

} // namespace

bool isKnownHost(std::string_view host, const std::vector<std::string>& names) {
    if (host.empty()) {
        return true;
    }
    const std::string_view name = nameIn(host);
    boost::system::error_code none;
    boost::asio::ip::make_address(std::string(name), none);
    return !none || sameName(name, "localhost") || name.ends_with(".localhost") ||
           std::any_of(names.begin(), names.end(), [&](const std::string& each) { return sameName(name, each); });
}

std::vector<std::string> machineNames() {
    constexpr std::size_t kLongest = 256;
    std::array<char, kLongest> text{};
    if (::gethostname(text.data(), text.size() - 1) != 0) {
        return {};
    }
    const std::string whole(text.data());
    return {whole, whole.substr(0, whole.find('.'))};
}

} // namespace fulgurite::node
