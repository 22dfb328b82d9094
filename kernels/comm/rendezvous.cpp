// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/rendezvous.h"

#include "kernels/comm/socket_address.h"
#include "kernels/comm/wire.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace fulgurite::kernels {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A stranger that connects and says nothing holds up the others no longer than this.
constexpr milliseconds kHelloTimeout{5000};
// How much longer than the leader the others wait: its refusal names the rank that is missing.
constexpr milliseconds kGrace{5000};
constexpr milliseconds kLate{2000}; // how long ranks that were started together may lie apart

std::string rankName(int rank) {
    return "rank " + std::to_string(rank);
}

std::string secondsText(milliseconds time) {
    return std::to_string((time.count() + 999) / 1000) + " s";
}

} // namespace

class Rendezvous::Impl {
  public:
    Impl(const Launch& launch, const RankIdentity& identity, milliseconds timeout)
        : launch_(launch), timeout_(timeout) {
        const Clock::time_point deadline = Clock::now() + timeout;
        if (launch.rank == 0) {
            gather(identity, deadline);
        } else {
            enter(identity, deadline);
        }
    }

    ~Impl() {
        if (watcher_.joinable()) {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof(one));
            watcher_.join();
        }
        tellAll({FrameType::Bye, {}});
        if (wake_ >= 0) {
            ::close(wake_);
        }
    }

    void share(std::span<std::byte> bytes) {
        if (launch_.rank == 0) {
            tellAll({FrameType::Share, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}});
            return;
        }
        const auto frame = peers_[0].receive(Clock::now() + timeout_);
        if (frame && frame->type == FrameType::Abort) {
            throw decodeAbort(frame->payload);
        }
        if (!frame || frame->type != FrameType::Share || frame->payload.size() != bytes.size()) {
            throw CommError(0, "rank 0 has died");
        }
        std::memcpy(bytes.data(), frame->payload.data(), bytes.size());
    }

    void watch(std::function<void(const CommError&)> lost) {
        wake_ = ::eventfd(0, EFD_CLOEXEC);
        watcher_ = std::thread([this, lost = std::move(lost)] { watchLoop(lost); });
    }

    void abort(const std::string& reason) noexcept {
        try {
            tellAll({FrameType::Abort, encodeAbort(launch_.rank, rankName(launch_.rank) + ": " + reason)});
        } catch (const std::exception&) {
            // Out of memory on the way out: the others see the connection close.
        }
    }

  private:
    // Rank 0: waits for all the others, then lets them in, or sends them all away with the same sentence.
    void gather(const RankIdentity& identity, Clock::time_point deadline) {
        const Connection door = listenOn(launch_.leader_port);
        peers_.resize(static_cast<std::size_t>(launch_.size));
        while (missing() > 0) {
            const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
            pollfd waiting{door.fd(), POLLIN, 0};
            if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0) {
                refuse(-1, absentNames() + " did not come within " + secondsText(timeout_));
            }
            const int fd = ::accept4(door.fd(), nullptr, nullptr, SOCK_CLOEXEC);
            if (fd >= 0) {
                try {
                    admit(Connection(fd), identity);
                } catch (const CommError& error) {
                    turnAway(door, error, std::min(deadline, Clock::now() + kLate));
                    throw;
                }
            }
        }
        tellAll({FrameType::Welcome, {}});
    }

    // Who is still on the way hears what the others have heard; without a door it would only know that nobody answers.
    void turnAway(const Connection& door, const CommError& error, Clock::time_point until) {
        const bool told = error.rank() > 0 && error.rank() < launch_.size &&
                          !peers_[static_cast<std::size_t>(error.rank())].isOpen();
        std::size_t late = missing() - (told ? 1 : 0);
        while (late > 0) {
            const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now()).count();
            pollfd waiting{door.fd(), POLLIN, 0};
            if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0) {
                return;
            }
            const int fd = ::accept4(door.fd(), nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) {
                continue;
            }
            Connection connection(fd);
            const auto frame = connection.receive(Clock::now() + kHelloTimeout);
            if (frame && frame->type == FrameType::Hello) {
                connection.send({FrameType::Refused, encodeAbort(error.rank(), error.what())});
                --late;
            }
        }
    }

    void admit(Connection connection, const RankIdentity& identity) {
        const auto frame = connection.receive(Clock::now() + kHelloTimeout);
        const auto hello =
            frame && frame->type == FrameType::Hello ? Hello::decode(frame->payload) : std::optional<Hello>{};
        if (!hello) {
            return; // not one of us: something that tries ports
        }
        std::string problem;
        if (hello->size != launch_.size || hello->rank <= 0 || hello->rank >= launch_.size) {
            problem = rankName(hello->rank) + " was started as one of " + std::to_string(hello->size) +
                      ", rank 0 as one of " + std::to_string(launch_.size);
        } else if (peers_[static_cast<std::size_t>(hello->rank)].isOpen()) {
            problem = "two processes say that they are " + rankName(hello->rank);
        } else {
            problem = disagreement(hello->rank, hello->identity, identity);
        }
        if (!problem.empty()) {
            connection.send({FrameType::Refused, encodeAbort(hello->rank, problem)});
            refuse(hello->rank, problem);
        }
        peers_[static_cast<std::size_t>(hello->rank)] = std::move(connection);
    }

    [[noreturn]] void refuse(int rank, const std::string& problem) {
        tellAll({FrameType::Refused, encodeAbort(rank, problem)});
        throw CommError(rank, problem);
    }

    // Every other rank.
    void enter(const RankIdentity& identity, Clock::time_point deadline) {
        peers_.push_back(connectTo(launch_, deadline));
        const Hello hello{launch_.rank, launch_.size, identity};
        peers_[0].send({FrameType::Hello, hello.encode()});
        const auto frame = peers_[0].receive(deadline + kGrace);
        if (frame && frame->type == FrameType::Refused) {
            throw decodeAbort(frame->payload);
        }
        if (!frame || frame->type != FrameType::Welcome) {
            throw CommError(0, "rank 0 at " + launch_.leader_host + ":" + std::to_string(launch_.leader_port) +
                                   " has closed the connection");
        }
    }

    std::size_t missing() const {
        return static_cast<std::size_t>(
            std::count_if(peers_.begin() + 1, peers_.end(), [](const Connection& peer) { return !peer.isOpen(); }));
    }

    std::string absentNames() const {
        std::string names;
        for (std::size_t rank = 1; rank < peers_.size(); ++rank) {
            if (!peers_[rank].isOpen()) {
                names += (names.empty() ? "" : ", ") + rankName(static_cast<int>(rank));
            }
        }
        return names;
    }

    void tellAll(const Frame& frame) {
        const std::lock_guard lock(sending_);
        for (Connection& peer : peers_) {
            if (peer.isOpen()) {
                peer.send(frame);
            }
        }
    }

    // The rank behind peers_[index].
    int rankOf(std::size_t index) const { return launch_.rank == 0 ? static_cast<int>(index) : 0; }

    void watchLoop(const std::function<void(const CommError&)>& lost) {
        std::vector<bool> gone(peers_.size(), false); // said goodbye
        while (true) {
            std::vector<pollfd> waiting{{wake_, POLLIN, 0}};
            for (std::size_t i = 0; i < peers_.size(); ++i) {
                waiting.push_back({gone[i] || !peers_[i].isOpen() ? -1 : peers_[i].fd(), POLLIN, 0});
            }
            if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
                return;
            }
            if (waiting[0].revents != 0) {
                return;
            }
            for (std::size_t i = 0; i < peers_.size(); ++i) {
                if (waiting[i + 1].revents == 0) {
                    continue;
                }
                const auto frame = peers_[i].receive(Clock::now() + kHelloTimeout);
                if (frame && frame->type == FrameType::Bye) {
                    gone[i] = true;
                    continue;
                }
                const CommError error = frame && frame->type == FrameType::Abort
                                            ? decodeAbort(frame->payload)
                                            : CommError(rankOf(i), rankName(rankOf(i)) + " has died");
                tellAll({FrameType::Abort, encodeAbort(error.rank(), error.what())});
                lost(error);
                return;
            }
        }
    }

    Launch launch_;
    milliseconds timeout_;
    std::vector<Connection> peers_; // rank 0: by rank, its own closed; the others: rank 0
    std::mutex sending_;
    int wake_ = -1; // ends the watcher
    std::thread watcher_;
};

Rendezvous::Rendezvous(const Launch& launch, const RankIdentity& identity, milliseconds timeout)
    : impl_(std::make_unique<Impl>(launch, identity, timeout)) {}

Rendezvous::~Rendezvous() = default;

void Rendezvous::share(std::span<std::byte> bytes) {
    impl_->share(bytes);
}

void Rendezvous::watch(std::function<void(const CommError&)> lost) {
    impl_->watch(std::move(lost));
}

void Rendezvous::abort(const std::string& reason) noexcept {
    impl_->abort(reason);
}

} // namespace fulgurite::kernels
