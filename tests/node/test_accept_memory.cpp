// SPDX-License-Identifier: Apache-2.0
// A server whose thread finds no memory at one moment or another while it takes a connection takes the next one.
#include "tests/node/node_fixture.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <thread>

namespace {

// Counts down with every array that Asio asks for on the server's thread; the one that finds 0 is refused.
std::atomic<int> until{-1};
thread_local bool of_the_server = false;

} // namespace

// Where Asio has the memory of its operations from.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    if (of_the_server && until.load() >= 0 && until.fetch_sub(1) == 0) {
        return nullptr;
    }
    void* memory = nullptr;
    return ::posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment, size) == 0 ? memory
                                                                                                       : nullptr;
}

namespace fulgurite::node::test {
namespace {

class AcceptMemory : public NodeTest {};

TEST_F(AcceptMemory, TheNextConnectionIsTaken) {
    std::atomic<bool> ticked{false};
    options_.on_tick = [&] {
        of_the_server = true;
        ticked = true;
    };
    startServer();
    ASSERT_TRUE(eventually([&] { return ticked.load(); }));
    int refused = 0;
    for (int allowed = 0; allowed < 12; ++allowed) {
        until = allowed;
        RawClient client = connect();
        client.send(requestText("GET", "/health", ""));
        for (int i = 0; i < 100 && until >= 0; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        refused += until.exchange(-1) < 0 ? 1 : 0;
        client.close();
        ASSERT_EQ(get("/health").status, 200) << "array " << allowed;
    }
    EXPECT_GT(refused, 0);
    stopServer(); // before what ticks
}

} // namespace
} // namespace fulgurite::node::test
