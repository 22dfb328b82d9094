// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/socket_address.h"

#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace fulgurite::kernels {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRetry{100};

struct AddressList {
    AddressList(const char* host, std::uint16_t port) {
        addrinfo hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = host == nullptr ? AI_PASSIVE : 0;
        const int code = ::getaddrinfo(host, std::to_string(port).c_str(), &hints, &first);
        if (code != 0) {
            problem = ::gai_strerror(code);
        }
    }
    ~AddressList() {
        if (first != nullptr) {
            ::freeaddrinfo(first);
        }
    }
    AddressList(const AddressList&) = delete;
    AddressList& operator=(const AddressList&) = delete;

    addrinfo* first = nullptr;
    std::string problem;
};

} // namespace

Connection listenOn(std::uint16_t port) {
    const AddressList addresses(nullptr, port);
    std::string problem = addresses.problem;
    for (const addrinfo* a = addresses.first; a != nullptr; a = a->ai_next) {
        const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        const int on = 1;
        if (fd >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
            ::bind(fd, a->ai_addr, a->ai_addrlen) == 0 && ::listen(fd, SOMAXCONN) == 0) {
            return Connection(fd);
        }
        problem = std::strerror(errno);
        if (fd >= 0) {
            ::close(fd);
        }
    }
    throw CommError(0, "rank 0 cannot listen on port " + std::to_string(port) + ": " + problem +
                           "; set MASTER_PORT to a free one for all ranks");
}

Connection connectTo(const Launch& launch, Deadline deadline) {
    const AddressList addresses(launch.leader_host.c_str(), launch.leader_port);
    std::string problem = addresses.problem;
    do {
        for (const addrinfo* a = addresses.first; a != nullptr; a = a->ai_next) {
            const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
            if (fd >= 0 && ::connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
                return Connection(fd);
            }
            problem = std::strerror(errno);
            if (fd >= 0) {
                ::close(fd);
            }
        }
        std::this_thread::sleep_for(kRetry);
    } while (Clock::now() < deadline && addresses.first != nullptr);
    throw CommError(0, "rank " + std::to_string(launch.rank) + " cannot reach rank 0 at " + launch.leader_host +
                           ":" + std::to_string(launch.leader_port) + ": " + problem);
}

std::uint16_t portOf(const Connection& door) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (::getsockname(door.fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw CommError(0, std::string("rank 0 cannot tell its own port: ") + std::strerror(errno));
    }
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                                               : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

} // namespace fulgurite::kernels
