// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/process_group.h"

#include "kernels/comm/socket_address.h"
#include "kernels/comm/wire.h"
#include "kernels/dtype.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>
#include <vector>

namespace fulgurite::kernels {

namespace {

using Clock = std::chrono::steady_clock;

// How long a rank that finds its connection closed waits to hear who has died.
constexpr std::chrono::milliseconds kWordOfDeath{3000};
// Beyond this an order is a mistake, not a batch.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 34;

enum class Call : std::uint32_t { AllReduce = 1, AllReduceBf16, AllGather, Broadcast, Barrier, Order };

const char* nameOf(Call call) {
    switch (call) {
    case Call::AllReduce:
    case Call::AllReduceBf16:
        return "a sum";
    case Call::AllGather:
        return "a gathering";
    case Call::Broadcast:
        return "a broadcast";
    case Call::Barrier:
        return "a barrier";
    case Call::Order:
        return "an order";
    }
    return "something else";
}

// In front of every message: both sides must mean the same.
struct Head {
    Call call = Call::Barrier;
    std::uint32_t root = 0;
    std::uint64_t bytes = 0;
    bool operator==(const Head&) const = default;
};
static_assert(sizeof(Head) == 16);

bool sendAll(int fd, const void* data, std::size_t count) {
    const auto* bytes = static_cast<const char*>(data);
    while (count > 0) {
        const ssize_t sent = ::send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        count -= static_cast<std::size_t>(sent);
    }
    return true;
}

bool receiveAll(int fd, void* data, std::size_t count) {
    auto* bytes = static_cast<char*>(data);
    while (count > 0) {
        const ssize_t got = ::recv(fd, bytes, count, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        bytes += got;
        count -= static_cast<std::size_t>(got);
    }
    return true;
}

void addFloats(const std::byte* from, std::byte* to, std::size_t bytes) {
    auto* sum = reinterpret_cast<float*>(to);
    const auto* part = reinterpret_cast<const float*>(from);
    for (std::size_t i = 0; i < bytes / sizeof(float); ++i) {
        sum[i] += part[i];
    }
}

} // namespace

class ProcessGroup::Impl {
  public:
    Impl(const Launch& launch, const RankIdentity& identity, std::chrono::milliseconds timeout)
        : launch_(launch), rendezvous_(launch, identity, timeout) {
        const auto deadline = Clock::now() + timeout;
        std::uint16_t port = 0;
        Connection door;
        if (isLeader()) {
            door = listenOn(0);
            port = portOf(door);
        }
        rendezvous_.share(std::as_writable_bytes(std::span(&port, 1)));
        if (isLeader()) {
            admit(door, deadline);
        } else {
            Launch data = launch_;
            data.leader_port = port;
            peers_.push_back(connectTo(data, deadline));
            const auto rank = static_cast<std::uint32_t>(launch_.rank);
            if (!sendAll(peers_[0].fd(), &rank, sizeof(rank))) {
                throw CommError(0, "rank 0 has died");
            }
        }
        rendezvous_.watch([this](const CommError& error) { lose(error); });
    }

    int rank() const { return launch_.rank; }
    int size() const { return launch_.size; }

    // `mine` (its bytes are head.bytes) of all ranks, one after another, to join(rank, bytes) on rank 0 in the
    // order of ranks; then `result` of rank 0 to all.
    template <class Join>
    void throughLeader(const Head& head, const void* mine, void* result, std::size_t result_bytes,
                       const Join& join) {
        if (!isLeader()) {
            send(0, head, mine, head.bytes);
            expect(0, head);
            receive(0, result, result_bytes);
            return;
        }
        buffer_.resize(head.bytes);
        for (int rank = 1; rank < size(); ++rank) {
            expect(rank, head);
            receive(rank, buffer_.data(), head.bytes);
            join(rank, buffer_.data());
        }
        for (int rank = 1; rank < size(); ++rank) {
            send(rank, head, result, result_bytes);
        }
    }

    void broadcast(void* data, std::size_t bytes, int root) {
        const Head head{Call::Broadcast, static_cast<std::uint32_t>(root), bytes};
        if (rank() == root && !isLeader()) {
            send(0, head, data, bytes);
            return;
        }
        if (isLeader() && root != 0) {
            expect(root, head);
            receive(root, data, bytes);
        }
        for (int rank = 1; isLeader() && rank < size(); ++rank) {
            if (rank != root) {
                send(rank, head, data, bytes);
            }
        }
        if (!isLeader()) {
            expect(0, head);
            receive(0, data, bytes);
        }
    }

    void tell(const std::string& order) {
        for (int rank = 1; rank < size(); ++rank) {
            send(rank, {Call::Order, 0, order.size()}, order.data(), order.size());
        }
    }

    std::string hear() {
        Head head;
        receive(0, &head, sizeof(head));
        if (head.call != Call::Order || head.bytes > kMostBytes) {
            differ(0, head, Call::Order);
        }
        std::string order(head.bytes, '\0');
        receive(0, order.data(), order.size());
        return order;
    }

    void check() {
        const std::lock_guard lock(mutex_);
        throwIfLost();
    }

    void abort(const std::string& reason) noexcept {
        rendezvous_.abort(reason);
        lose(CommError(rank(), "rank " + std::to_string(rank()) + ": " + reason));
    }

    void onLoss(std::function<void(const CommError&)> lost) {
        const std::lock_guard lock(mutex_);
        if (failure_) {
            lost(*failure_);
        } else {
            lost_ = std::move(lost);
        }
    }

  private:
    bool isLeader() const { return launch_.rank == 0; }

    void admit(const Connection& door, Clock::time_point deadline) {
        peers_.resize(static_cast<std::size_t>(size()));
        for (int missing = size() - 1; missing > 0;) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            pollfd waiting{door.fd(), POLLIN, 0};
            if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0) {
                throw CommError(-1, "some ranks did not open their second connection to rank 0 in time");
            }
            const int fd = ::accept4(door.fd(), nullptr, nullptr, SOCK_CLOEXEC);
            std::uint32_t rank = 0;
            if (fd < 0) {
                continue;
            }
            Connection connection(fd);
            if (receiveAll(fd, &rank, sizeof(rank)) && rank > 0 && rank < peers_.size() && !peers_[rank].isOpen()) {
                peers_[rank] = std::move(connection);
                --missing;
            }
        }
    }

    int fdOf(int rank) const { return peers_[static_cast<std::size_t>(rank)].fd(); }

    void send(int rank, const Head& head, const void* data, std::size_t bytes) {
        check();
        if (!sendAll(fdOf(rank), &head, sizeof(head)) || !sendAll(fdOf(rank), data, bytes)) {
            throwLoss(rank);
        }
    }
    void receive(int rank, void* data, std::size_t bytes) {
        if (!receiveAll(fdOf(rank), data, bytes)) {
            throwLoss(rank);
        }
    }
    void expect(int rank, const Head& expected) {
        Head head;
        receive(rank, &head, sizeof(head));
        if (head != expected) {
            differ(rank, head, expected.call);
        }
    }
    [[noreturn]] void differ(int rank, const Head& found, Call expected) {
        const std::string message = "rank " + std::to_string(rank) + " came with " + nameOf(found.call) + " of " +
                                    std::to_string(found.bytes) + " bytes where rank " +
                                    std::to_string(launch_.rank) + " has " + nameOf(expected);
        rendezvous_.abort(message);
        throw CommError(rank, message);
    }

    // A connection that has closed: whoever watches knows why, and often it is a third rank's fault.
    [[noreturn]] void throwLoss(int rank) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kWordOfDeath, [this] { return failure_.has_value(); });
        throwIfLost();
        throw CommError(rank, "rank " + std::to_string(rank) + " has died");
    }
    void throwIfLost() const {
        if (failure_) {
            throw CommError(*failure_);
        }
    }

    // The first loss is the cause. Whoever waits for a connection wakes up.
    void lose(const CommError& error) noexcept {
        std::function<void(const CommError&)> lost;
        {
            const std::lock_guard lock(mutex_);
            if (failure_) {
                return;
            }
            failure_.emplace(error);
            lost = std::move(lost_);
            for (const Connection& peer : peers_) {
                if (peer.isOpen()) {
                    ::shutdown(peer.fd(), SHUT_RDWR);
                }
            }
        }
        changed_.notify_all();
        if (lost) {
            lost(error);
        }
    }

    Launch launch_;
    std::vector<Connection> peers_; // rank 0: by rank; the others: rank 0
    std::vector<std::byte> buffer_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<CommError> failure_;
    std::function<void(const CommError&)> lost_;
    Rendezvous rendezvous_; // last: its thread calls lose()
};

ProcessGroup::ProcessGroup(const Launch& launch, const RankIdentity& identity, std::chrono::milliseconds timeout)
    : impl_(std::make_unique<Impl>(launch, identity, timeout)) {}

ProcessGroup::~ProcessGroup() = default;

int ProcessGroup::rank() const {
    return impl_->rank();
}

int ProcessGroup::size() const {
    return impl_->size();
}

void ProcessGroup::allReduceSum(float* data, std::size_t count, Queue&) {
    const std::size_t bytes = count * sizeof(float);
    impl_->throughLeader({Call::AllReduce, 0, bytes}, data, data, bytes, [&](int, const std::byte* part) {
        addFloats(part, reinterpret_cast<std::byte*>(data), bytes);
    });
}

void ProcessGroup::allReduceSumBf16(std::uint16_t* data, std::size_t count, Queue&) {
    const std::size_t bytes = count * sizeof(std::uint16_t);
    // Rounded once, at the end.
    std::vector<float> sums(impl_->rank() == 0 ? count : 0);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] = bf16ToFloat(data[i]);
    }
    const int last = impl_->size() - 1;
    impl_->throughLeader({Call::AllReduceBf16, 0, bytes}, data, data, bytes, [&](int rank, const std::byte* part) {
        for (std::size_t i = 0; i < count; ++i) {
            std::uint16_t value = 0;
            std::memcpy(&value, part + i * sizeof(value), sizeof(value));
            sums[i] += bf16ToFloat(value);
            if (rank == last) {
                data[i] = floatToBf16(sums[i]);
            }
        }
    });
}

void ProcessGroup::allGather(const void* mine, void* all, std::size_t bytes, Queue&) {
    auto* places = static_cast<std::byte*>(all);
    if (impl_->rank() == 0) {
        std::copy_n(static_cast<const std::byte*>(mine), bytes, places); // of nothing there may be no address
    }
    impl_->throughLeader({Call::AllGather, 0, bytes}, mine, all, bytes * static_cast<std::size_t>(impl_->size()),
                         [&](int rank, const std::byte* part) {
                             std::copy_n(part, bytes, places + static_cast<std::size_t>(rank) * bytes);
                         });
}

void ProcessGroup::broadcast(void* data, std::size_t bytes, int root, Queue&) {
    impl_->broadcast(data, bytes, root);
}

void ProcessGroup::barrier(Queue&) {
    impl_->throughLeader({Call::Barrier, 0, 0}, nullptr, nullptr, 0, [](int, const std::byte*) {});
}

void ProcessGroup::check() {
    impl_->check();
}

void ProcessGroup::abort(const std::string& reason) noexcept {
    impl_->abort(reason);
}

void ProcessGroup::tell(const std::string& order) {
    impl_->tell(order);
}

std::string ProcessGroup::hear() {
    return impl_->hear();
}

void ProcessGroup::onLoss(std::function<void(const CommError&)> lost) {
    impl_->onLoss(std::move(lost));
}

} // namespace fulgurite::kernels
