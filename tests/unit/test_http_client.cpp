// SPDX-License-Identifier: Apache-2.0
// HTTP itself: time limits, names that nobody finds, bodies that are written late.
#include "core/client/http_client.h"
#include "tests/unit/scripted_server.h"

#include <condition_variable>
#include <future>
#include <gmock/gmock.h>
#include <mutex>
#include <thread>

namespace fulgurite::client {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// How one exchange ended.
class Ending : public HttpHandler {
  public:
    void onHead(int, const std::map<std::string, std::string>&) override {}
    void onBody(std::string_view) override {}
    void onEnd() override { said_.set_value(std::nullopt); }
    void onError(const Error& error) override { said_.set_value(error); }

    bool told() { return future_.wait_for(0s) == std::future_status::ready; }
    std::optional<Error> wait() {
        if (future_.wait_for(10s) != std::future_status::ready)
            return Error(ErrorKind::Internal, "it never ended");
        return future_.get();
    }

  private:
    std::promise<std::optional<Error>> said_;
    std::future<std::optional<Error>> future_ = said_.get_future();
};

HttpRequest request() {
    HttpRequest request;
    request.path = "/";
    return request;
}

HttpEndpoint endpointOf(const ScriptedServer& server, const std::string& host = "127.0.0.1") {
    return parseUrl("http://" + host + ":" + std::to_string(server.port()));
}

// A resolver that finds nothing and does not come back, as where the network is cut.
struct StuckResolver {
    HttpClientOptions options() {
        HttpClientOptions options;
        options.look_up = [state = state](const std::string&) {
            std::unique_lock lock(state->mutex);
            state->changed.wait_for(lock, 20s, [&] { return state->free; });
            return std::vector<std::string>();
        };
        return options;
    }
    ~StuckResolver() {
        const std::scoped_lock lock(state->mutex);
        state->free = true;
        state->changed.notify_all();
    }

    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool free = false;
    };
    std::shared_ptr<State> state = std::make_shared<State>(); // its thread may outlive the test
};

TEST(HttpClient, ASilentServerRunsIntoTheTimeLimit) {
    ScriptedServer server({{{"", 0, true}}});
    HttpClient client;
    HttpRequest asked = request();
    asked.head_timeout = 100ms;
    const auto ending = std::make_shared<Ending>();
    client.start(endpointOf(server), asked, ending);
    const std::optional<Error> error = ending->wait();
    ASSERT_TRUE(error);
    EXPECT_THAT(error->what(), HasSubstr("no answer while waiting for the answer"));
}

TEST(HttpClient, EndingItWaitsForNoResolver) {
    StuckResolver resolver;
    auto client = std::make_unique<HttpClient>(resolver.options());
    const auto ending = std::make_shared<Ending>();
    client->start(parseUrl("http://far.example"), request(), ending);
    std::this_thread::sleep_for(50ms);
    const auto begin = std::chrono::steady_clock::now();
    client.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
    ASSERT_TRUE(ending->told());
    EXPECT_EQ(ending->wait()->kind(), ErrorKind::Cancelled);
}

TEST(HttpClient, LookingUpANameHasATimeLimit) {
    StuckResolver resolver;
    HttpClient client(resolver.options());
    HttpRequest asked = request();
    asked.connect_timeout = 100ms;
    const auto ending = std::make_shared<Ending>();
    client.start(parseUrl("http://far.example"), asked, ending);
    const std::optional<Error> error = ending->wait();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::Unavailable);
    EXPECT_THAT(error->what(), HasSubstr("no answer while looking up the name"));
}

TEST(HttpClient, AnAddressThatWorkedIsNotLookedUpAgain) {
    const std::string fine = ScriptedServer::answer(200, "text/plain", "fine");
    ScriptedServer server({{{fine}}, {{fine}}});
    const auto asked = std::make_shared<std::atomic<int>>(0);
    HttpClientOptions options;
    options.look_up = [asked](const std::string& host) {
        ++*asked;
        return host == "near.example" ? std::vector<std::string>{"127.0.0.1"} : std::vector<std::string>();
    };
    HttpClient client(options);
    for (int i = 0; i < 2; ++i) {
        const auto ending = std::make_shared<Ending>();
        client.start(endpointOf(server, "near.example"), request(), ending);
        EXPECT_FALSE(ending->wait());
    }
    EXPECT_EQ(*asked, 1);
    const auto nowhere = std::make_shared<Ending>();
    client.start(endpointOf(server, "no.example"), request(), nowhere);
    EXPECT_THAT(nowhere->wait()->what(), HasSubstr("the name is unknown"));
}

// A window asks; megabytes of JSON are not written on its thread.
TEST(HttpClient, ABodyMayBeWrittenOnTheClientsThread) {
    ScriptedServer server({{{ScriptedServer::answer(200, "text/plain", "fine")}}});
    HttpClient client;
    std::promise<std::thread::id> writer;
    HttpRequest asked = request();
    asked.method = "POST";
    asked.write_body = [&writer] {
        writer.set_value(std::this_thread::get_id());
        return std::string("written late");
    };
    const auto ending = std::make_shared<Ending>();
    client.start(endpointOf(server), asked, ending);
    EXPECT_FALSE(ending->wait());
    EXPECT_NE(writer.get_future().get(), std::this_thread::get_id());
    EXPECT_THAT(server.requests().front(), testing::EndsWith("\r\n\r\nwritten late"));
}

} // namespace
} // namespace fulgurite::client
