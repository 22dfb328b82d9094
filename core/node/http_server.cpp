// SPDX-License-Identifier: Apache-2.0
// Listening, accepting, and going down in order.
#include "core/node/http_server.h"

#include "core/base/error.h"
#include "core/node/connection.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <utility>

namespace fulgurite::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
// After the grace period replies are asked to end; this is how long they may take to say so.
constexpr std::chrono::milliseconds kLastWords{2000};

std::unique_ptr<asio::ssl::context> makeTls(const HttpServerOptions& options) {
    if (options.tls_certificate.empty() && options.tls_key.empty()) {
        return nullptr;
    }
    if (options.tls_certificate.empty() || options.tls_key.empty()) {
        fail(ErrorKind::InvalidInput, "TLS needs both a certificate and a key: give --tls-cert and --tls-key");
    }
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    error_code code;
    context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                             asio::ssl::context::no_tlsv1_1,
                         code);
    context->use_certificate_chain_file(options.tls_certificate, code);
    if (code) {
        fail(ErrorKind::InvalidInput, "{}: not a PEM certificate chain: {}", options.tls_certificate,
             code.message());
    }
    context->use_private_key_file(options.tls_key, asio::ssl::context::pem, code);
    if (code) {
        fail(ErrorKind::InvalidInput, "{}: not the PEM key of the certificate: {}", options.tls_key,
             code.message());
    }
    return context;
}

} // namespace

class HttpServer::Impl final : public ConnectionOwner {
  public:
    Impl(HttpServerOptions options, Metrics& metrics)
        : options_(std::move(options)),
          metrics_(metrics),
          tls_(makeTls(options_)),
          acceptor_(io_),
          pause_(io_),
          tick_(io_),
          stop_timer_(io_),
          linger_timer_(io_),
          signals_(io_),
          hangup_(io_),
          input_(io_),
          body_memory_(std::make_shared<BodyMemory>()) {
        listen();
    }

    std::uint16_t port() const { return port_; }
    void run(RequestHandler& handler);
    void stop(std::chrono::milliseconds grace);
    void change(const HttpServerOptions& options);
    void reloadCertificate() { tls_ = makeTls(options_); }

    const HttpServerOptions& options() const override { return options_; }
    asio::io_context& io() override { return io_; }
    RequestHandler& handler() override { return *handler_; }
    Metrics& metrics() override { return metrics_; }
    std::shared_ptr<BodyMemory> bodyMemory() override { return body_memory_; }
    void closed(Connection& connection) override;

  private:
    void listen();
    void accept();
    bool goOn();
    void recover() noexcept;
    void onAccept(error_code code, tcp::socket socket);
    bool closeLongestIdle();
    void watchSignals();
    void watchInput();
    void watchHangup();
    void tick();
    void beginStop(std::chrono::milliseconds grace);
    void endWhenQuiet();
    void interruptAll();
    void closeAll();
    std::vector<std::shared_ptr<Connection>> all() const;

    HttpServerOptions options_;
    Metrics& metrics_;
    asio::io_context io_{1};
    std::unique_ptr<asio::ssl::context> tls_;
    tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    asio::steady_timer pause_;
    asio::steady_timer tick_;
    asio::steady_timer stop_timer_;
    asio::steady_timer linger_timer_;
    asio::signal_set signals_;
    asio::signal_set hangup_;
    asio::posix::stream_descriptor input_;
    std::array<char, 256> input_bytes_{};
    RequestHandler* handler_ = nullptr;
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
    std::shared_ptr<BodyMemory> body_memory_;
    bool accepting_ = false; // somebody waits for the next connection
    bool ticking_ = false;   // and for the next second
    bool stopping_ = false;
    bool lingering_ = false;
    bool closing_all_ = false;
};

void HttpServer::Impl::listen() {
    error_code code;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(options_.host, std::to_string(options_.port), tcp::resolver::passive, code);
    if (code || found.empty()) {
        fail(ErrorKind::InvalidInput, "cannot listen on '{}': {}", options_.host,
             code ? code.message() : "the name has no address");
    }
    const tcp::endpoint endpoint = found.begin()->endpoint();
    const auto check = [&](const char* step) {
        if (code) {
            fail(ErrorKind::Io, "cannot listen on {}:{}: {} ({}); choose another address with --listen",
                 options_.host, options_.port, code.message(), step);
        }
    };
    acceptor_.open(endpoint.protocol(), code);
    check("open");
    acceptor_.set_option(tcp::acceptor::reuse_address(true), code);
    check("reuse");
    acceptor_.bind(endpoint, code);
    check("bind");
    acceptor_.listen(4096, code);
    check("listen");
    port_ = acceptor_.local_endpoint(code).port();
    check("address");
}

void HttpServer::Impl::run(RequestHandler& handler) {
    handler_ = &handler;
    watchSignals();
    watchHangup();
    tick();
    watchInput();
    accept();
    for (;;) {
        try {
            io_.run();
            return;
        } catch (const std::exception&) {
            recover();
        }
    }
}

void HttpServer::Impl::stop(std::chrono::milliseconds grace) {
    asio::post(io_, [this, grace] { beginStop(grace); });
}

// What went wrong while a connection was taken, or in a tick, must not be the end of either. False: there is no
// memory for that.
bool HttpServer::Impl::goOn() {
    try {
        if (!accepting_ && acceptor_.is_open()) {
            accept();
        }
        if (!ticking_) {
            tick();
        }
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

// Out of memory in a handler: what it was doing is lost, the server is not. Without memory for a few hundred bytes
// nothing else could be done either.
void HttpServer::Impl::recover() noexcept {
    try {
        metrics_.streamDropped("internal_error");
    } catch (const std::exception&) { // uncounted
    }
    while (!goOn()) {
        std::this_thread::sleep_for(kAcceptPause);
    }
}

// Somebody waits only when that has found memory; handlers are never called from within.
void HttpServer::Impl::accept() {
    acceptor_.async_accept([this](error_code code, tcp::socket socket) { onAccept(code, std::move(socket)); });
    accepting_ = true;
}

void HttpServer::Impl::onAccept(error_code code, tcp::socket socket) {
    accepting_ = false;
    if (!acceptor_.is_open()) {
        return;
    }
    if (code) {
        // Usually no file descriptors left: make room, and do not spin.
        closeLongestIdle();
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this](error_code cancelled) {
            if (!cancelled && acceptor_.is_open()) {
                accepting_ = false;
                accept();
            }
        });
        accepting_ = true; // as good as
        return;
    }
    if (connections_.size() >= options_.max_connections && !closeLongestIdle()) {
        metrics_.connectionRefused();
        accept();
        return; // the socket closes
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto peer = socket.remote_endpoint(ignored);
    std::string address = ignored ? std::string() : peer.address().to_string();
    auto connection = std::make_shared<Connection>(
        *this, tls_ ? makeTlsSocket(std::move(socket), *tls_) : makePlainSocket(std::move(socket)),
        std::move(address));
    connections_.emplace(connection.get(), connection);
    metrics_.connectionOpened();
    if (stopping_) {
        connection->serveOnce();
    }
    connection->start();
    accept();
}

bool HttpServer::Impl::closeLongestIdle() {
    std::shared_ptr<Connection> oldest;
    for (const auto& [key, connection] : connections_) {
        if (connection->idle() && (!oldest || connection->since() < oldest->since())) {
            oldest = connection;
        }
    }
    if (!oldest) {
        return false;
    }
    oldest->closeNow();
    return true;
}

void HttpServer::Impl::closed(Connection& connection) {
    connections_.erase(&connection);
    metrics_.connectionClosed();
    if (stopping_ && !closing_all_) {
        endWhenQuiet();
    }
}

void HttpServer::Impl::change(const HttpServerOptions& options) {
    options_.limits = options.limits;
    options_.timeouts = options.timeouts;
    options_.max_connections = options.max_connections;
    options_.body_memory = options.body_memory;
    options_.grace = options.grace;
    options_.linger = options.linger;
}

void HttpServer::Impl::watchSignals() {
    if (!options_.stop_on_signals) {
        return;
    }
    error_code ignored;
    signals_.clear(ignored);
    signals_.add(SIGINT, ignored);
    signals_.add(SIGTERM, ignored);
    signals_.async_wait([this](error_code code, int) {
        if (!code) {
            beginStop(stopping_ ? std::chrono::milliseconds(0) : options_.grace);
            watchSignals();
        }
    });
}

void HttpServer::Impl::tick() {
    if (!options_.on_tick) {
        return;
    }
    tick_.expires_after(std::chrono::seconds(1));
    tick_.async_wait([this](error_code code) {
        if (!code) {
            ticking_ = false;
            tick(); // first: what a tick throws is not the end of ticking
            goOn();
            options_.on_tick();
        }
    });
    ticking_ = true;
}

void HttpServer::Impl::watchHangup() {
    if (!options_.on_hangup) {
        return;
    }
    error_code ignored;
    hangup_.clear(ignored);
    hangup_.add(SIGHUP, ignored);
    hangup_.async_wait([this](error_code code, int) {
        if (!code) {
            options_.on_hangup();
            watchHangup();
        }
    });
}

void HttpServer::Impl::watchInput() {
    if (!options_.stop_with_stdin) {
        return;
    }
    if (!input_.is_open()) {
        error_code code;
        input_.assign(::dup(STDIN_FILENO), code);
        if (code) {
            asio::post(io_, [this] { beginStop(std::chrono::milliseconds(0)); });
            return;
        }
    }
    input_.async_read_some(asio::buffer(input_bytes_), [this](error_code code, std::size_t) {
        if (code == asio::error::operation_aborted) {
            return;
        }
        if (code) {
            beginStop(std::chrono::milliseconds(0));
        } else {
            watchInput();
        }
    });
}

std::vector<std::shared_ptr<Connection>> HttpServer::Impl::all() const {
    std::vector<std::shared_ptr<Connection>> list;
    for (const auto& [key, connection] : connections_) {
        list.push_back(connection);
    }
    return list;
}

void HttpServer::Impl::beginStop(std::chrono::milliseconds grace) {
    if (!std::exchange(stopping_, true)) {
        if (options_.on_drain) {
            options_.on_drain();
        }
        lingering_ = options_.linger.count() > 0 && grace.count() > 0;
    }
    lingering_ = lingering_ && grace.count() > 0;
    if (lingering_) {
        linger_timer_.expires_after(options_.linger);
        linger_timer_.async_wait([this](error_code code) {
            if (!code) {
                lingering_ = false;
                endWhenQuiet();
            }
        });
    }
    closing_all_ = true;
    for (const auto& connection : all()) {
        connection->finish();
    }
    closing_all_ = false;
    endWhenQuiet();
    stop_timer_.expires_after(grace);
    stop_timer_.async_wait([this](error_code code) {
        if (!code) {
            interruptAll();
        }
    });
}

// The last answer is out: whoever asks for readiness or health meanwhile keeps nothing alive.
void HttpServer::Impl::endWhenQuiet() {
    const bool busy = std::any_of(connections_.begin(), connections_.end(),
                                  [](const auto& entry) { return entry.second->busy(); });
    if (busy || lingering_) {
        return;
    }
    error_code ignored;
    acceptor_.close(ignored);
    closeAll();
    io_.stop();
}

void HttpServer::Impl::interruptAll() {
    for (const auto& connection : all()) {
        connection->interrupt();
    }
    stop_timer_.expires_after(kLastWords);
    stop_timer_.async_wait([this](error_code code) {
        if (!code) {
            lingering_ = false;
            closeAll();
            endWhenQuiet();
        }
    });
}

void HttpServer::Impl::closeAll() {
    closing_all_ = true;
    for (const auto& connection : all()) {
        connection->closeNow();
    }
    closing_all_ = false;
}

HttpServer::HttpServer(HttpServerOptions options, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), metrics)) {}
HttpServer::~HttpServer() = default;
std::uint16_t HttpServer::port() const {
    return impl_->port();
}
void HttpServer::run(RequestHandler& handler) {
    impl_->run(handler);
}
void HttpServer::change(const HttpServerOptions& options) {
    impl_->change(options);
}
void HttpServer::reloadCertificate() {
    impl_->reloadCertificate();
}
void HttpServer::stop(std::chrono::milliseconds grace) {
    impl_->stop(grace);
}

} // namespace fulgurite::node
