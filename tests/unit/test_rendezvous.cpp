// SPDX-License-Identifier: Apache-2.0
// Processes of one launch that find each other: agreement, refusal with the rank's name, and the news of a death.
#include "kernels/comm/device_ranks.h"
#include "kernels/comm/rendezvous.h"
#include "kernels/comm/wire.h"
#include "kernels/device_library.h"
#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace fulgurite::kernels {
namespace {

using test::freePort;
using testing::Each;
using testing::HasSubstr;
using namespace std::chrono_literals;

Launch launchAs(int rank, int size, std::uint16_t port) {
    return {"test", rank, size, rank, "127.0.0.1", port};
}

const RankIdentity kIdentity{"1", "model", "4 ranks"};

// What each rank that takes part was told, "" for nothing.
std::vector<std::string> meet(const std::vector<Launch>& launches, const std::vector<RankIdentity>& identities,
                              std::chrono::milliseconds timeout = 20s) {
    std::vector<std::string> messages(launches.size());
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < launches.size(); ++i) {
        threads.emplace_back([&, i] {
            try {
                Rendezvous rendezvous(launches[i], identities[i], timeout);
                std::vector<std::byte> bytes(128, static_cast<std::byte>(launches[i].rank));
                rendezvous.share(bytes);
                EXPECT_THAT(bytes, Each(std::byte{0}));
            } catch (const CommError& error) {
                messages[i] = error.what();
            }
        });
    }
    threads.clear();
    return messages;
}

TEST(Rendezvous, AllRanksMeetInAnyOrderAndGetTheBytesOfRankZero) {
    const std::uint16_t port = freePort();
    EXPECT_THAT(meet({launchAs(3, 4, port), launchAs(1, 4, port), launchAs(0, 4, port), launchAs(2, 4, port)},
                     std::vector(4, kIdentity)),
                Each(""));
}

TEST(Rendezvous, ARankThatDisagreesIsNamedToAll) {
    const std::uint16_t port = freePort();
    auto identities = std::vector(3, kIdentity);
    identities[2].model = "another";
    const auto messages = meet({launchAs(0, 3, port), launchAs(1, 3, port), launchAs(2, 3, port)}, identities, 2s);
    EXPECT_THAT(messages[0], HasSubstr("rank 2 has loaded model another"));
    EXPECT_THAT(messages, Each(messages[0])); // in whatever order they came
}

TEST(Rendezvous, ARankThatComesAfterTheDisagreementHearsOfIt) {
    const std::uint16_t port = freePort();
    std::vector<std::string> first;
    std::jthread leader([&] { first = meet({launchAs(0, 3, port)}, {kIdentity}); });
    const auto second = meet({launchAs(1, 3, port)}, {{"1", "another", "4 ranks"}});
    const auto third = meet({launchAs(2, 3, port)}, {kIdentity}); // once rank 1 has been sent away
    leader.join();
    EXPECT_THAT(second[0], HasSubstr("rank 1 has loaded model another"));
    EXPECT_EQ(third, second);
    EXPECT_EQ(first, second);
}

TEST(Rendezvous, RanksOfAnotherLaunchAndTwinsAreNamed) {
    std::uint16_t port = freePort();
    auto messages = meet({launchAs(0, 2, port), launchAs(1, 4, port)}, std::vector(2, kIdentity));
    EXPECT_THAT(messages, Each("rank 1 was started as one of 4, rank 0 as one of 2"));
    port = freePort();
    messages = meet({launchAs(0, 3, port), launchAs(1, 3, port), launchAs(1, 3, port)}, std::vector(3, kIdentity));
    EXPECT_THAT(messages, Each("two processes say that they are rank 1"));
}

TEST(Rendezvous, RanksThatDoNotComeAreNamedToThoseThatDid) {
    const std::uint16_t port = freePort();
    const auto messages = meet({launchAs(0, 4, port), launchAs(2, 4, port)}, std::vector(2, kIdentity), 3s);
    EXPECT_THAT(messages, Each("rank 1, rank 3 did not come within 3 s"));
}

TEST(Rendezvous, WithoutRankZeroTheOthersSayWhereTheyLookedForIt) {
    const std::uint16_t port = freePort();
    const auto messages = meet({launchAs(1, 2, port)}, {kIdentity}, 300ms);
    EXPECT_THAT(messages[0], HasSubstr("rank 1 cannot reach rank 0 at 127.0.0.1:" + std::to_string(port)));
}

TEST(Rendezvous, StrangersAreIgnored) {
    const std::uint16_t port = freePort();
    std::jthread stranger([&] {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        for (int attempt = 0; attempt < 100; ++attempt) {
            const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
            const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
            if (connected) {
                const char request[] = "GET / HTTP/1.1\r\n\r\n";
                [[maybe_unused]] const auto sent = ::send(fd, request, sizeof(request), MSG_NOSIGNAL);
            }
            ::close(fd);
            if (connected) {
                return;
            }
            std::this_thread::sleep_for(5ms);
        }
    });
    std::jthread late([&] {
        std::this_thread::sleep_for(300ms);
        EXPECT_THAT(meet({launchAs(1, 2, port)}, {kIdentity}), Each(""));
    });
    EXPECT_THAT(meet({launchAs(0, 2, port)}, {kIdentity}), Each(""));
}

// Runs `work` in a process of its own; its rank dies with it.
pid_t startRank(const Launch& launch, const std::function<void(Rendezvous&)>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            Rendezvous rendezvous(launch, kIdentity);
            work(rendezvous);
        } catch (const CommError&) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    return child;
}

// What rank `observer` of three hears when process `actor` does `work`.
std::string heardBy(int observer, int actor, const std::function<void(Rendezvous&)>& work) {
    const std::uint16_t port = freePort();
    const int third = 3 - observer - actor;
    const pid_t acting = startRank(launchAs(actor, 3, port), work);
    const pid_t waiting = startRank(launchAs(third, 3, port), [](Rendezvous& rendezvous) {
        std::promise<void> heard;
        rendezvous.watch([&](const CommError&) { heard.set_value(); });
        heard.get_future().wait_for(20s);
    });
    std::string message;
    {
        std::promise<std::string> heard;
        Rendezvous rendezvous(launchAs(observer, 3, port), kIdentity);
        rendezvous.watch([&](const CommError& error) { heard.set_value(error.what()); });
        auto future = heard.get_future();
        message = future.wait_for(20s) == std::future_status::ready ? future.get() : "nothing";
    }
    int status = 0;
    ::waitpid(acting, &status, 0);
    ::waitpid(waiting, &status, 0);
    return message;
}

TEST(Rendezvous, AProcessThatDiesIsNamedToAllOthers) {
    for (const auto& [observer, actor] : {std::pair{0, 2}, {1, 2}, {2, 0}}) {
        EXPECT_EQ(heardBy(observer, actor, [](Rendezvous&) { ::_exit(9); }),
                  "rank " + std::to_string(actor) + " has died")
            << observer;
    }
}

TEST(Rendezvous, AProcessThatAbortsIsHeardWithItsReason) {
    for (const auto& [observer, actor] : {std::pair{0, 2}, {1, 2}, {2, 0}}) {
        EXPECT_EQ(heardBy(observer, actor, [](Rendezvous& rendezvous) { rendezvous.abort("the GPU is full"); }),
                  "rank " + std::to_string(actor) + ": the GPU is full")
            << observer;
    }
}

TEST(Rendezvous, AGoodbyeIsNoDeath) {
    const std::uint16_t port = freePort();
    std::jthread other([&] { const Rendezvous rendezvous(launchAs(1, 2, port), kIdentity); });
    std::promise<void> heard;
    Rendezvous rendezvous(launchAs(0, 2, port), kIdentity);
    rendezvous.watch([&](const CommError&) { heard.set_value(); });
    other.join();
    EXPECT_EQ(heard.get_future().wait_for(200ms), std::future_status::timeout);
}

TEST(DeviceRanks, WithoutACudaLibraryTheReasonIsSaid) {
    ::setenv(kDeviceLibraryVariable, "/nowhere/libfulgurite-cuda.so", 1);
    try {
        joinCudaRanks(launchAs(1, 2, freePort()), kIdentity);
        ADD_FAILURE() << "joined";
    } catch (const DeviceError& error) {
        EXPECT_EQ(error.fault(), DeviceFault::NotFound);
        EXPECT_THAT(error.what(), HasSubstr("/nowhere/libfulgurite-cuda.so"));
    }
    ::unsetenv(kDeviceLibraryVariable);
}

TEST(RankMessages, SurviveTheWireAndAreRefusedWhenCut) {
    const Hello hello{3, 8, {"0.1", "hash", "plan"}};
    const std::string bytes = hello.encode();
    const auto read = Hello::decode(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->rank, 3);
    EXPECT_EQ(read->size, 8);
    EXPECT_EQ(read->identity.model, "hash");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(Hello::decode(bytes.substr(0, length)));
    }
    EXPECT_STREQ(decodeAbort(encodeAbort(2, "why")).what(), "why");
    EXPECT_EQ(decodeAbort(encodeAbort(2, "why")).rank(), 2);
    EXPECT_EQ(decodeAbort("x").rank(), -1);
}

} // namespace
} // namespace fulgurite::kernels
