// SPDX-License-Identifier: Apache-2.0
// The event-driven HTTP/1.1 server: one thread for all connections, however many there are.
#pragma once

#include "core/node/http_reader.h"
#include "core/node/http_types.h"
#include "core/node/metrics.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace fulgurite::node {

struct HttpTimeouts {
    std::chrono::milliseconds handshake{10'000};
    std::chrono::milliseconds head{15'000};       // from the first byte of a request to the end of its head
    std::chrono::milliseconds body_grace{20'000}; // for the body, plus its size over body_rate
    std::size_t body_rate = 32 * 1024;            // bytes per second that a body must arrive with
    std::chrono::milliseconds idle{75'000};       // between requests
    std::chrono::milliseconds write{60'000};      // without a byte taken by the client
    std::chrono::milliseconds heartbeat{15'000};  // silence of a stream before a comment is sent
    std::chrono::milliseconds drain{5'000};       // for a refused client to stop sending
    std::chrono::milliseconds request{0};         // from a whole request to the end of its answer; 0: no limit
    std::chrono::milliseconds last_words{5'000};  // for a client to take the end of an answer that ran out of time
};

struct HttpServerOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;      // 0: any free one
    std::string tls_certificate; // PEM files; both empty: plain HTTP
    std::string tls_key;
    HttpLimits limits;
    HttpTimeouts timeouts;
    std::size_t max_connections = 8192;
    std::uint64_t body_memory = std::uint64_t{256} << 20; // of all bodies that are being read or prepared
    std::chrono::milliseconds grace{10'000};              // for running replies after a signal
    std::chrono::milliseconds linger{0};  // listen at least so long after it, for balancers that ask for readiness
    bool stop_on_signals = false;         // SIGINT, SIGTERM; a second one does not wait
    bool stop_with_stdin = false;         // when standard input ends
    std::function<void()> on_drain = {};  // called once, when it begins to go down
    std::function<void()> on_tick = {};   // called every second
    std::function<void()> on_hangup = {}; // called for SIGHUP; set: the signal is taken
};

class HttpServer {
  public:
    // Binds and listens. Throws Error{InvalidInput | Io} that names the address or the certificate.
    HttpServer(HttpServerOptions options, Metrics& metrics);
    ~HttpServer();

    std::uint16_t port() const;
    // Serves on the calling thread until stopped. `handler` must outlive the call.
    void run(RequestHandler& handler);
    // From any thread: running replies get `grace` to end, then an error each. Until they have ended, connections
    // are still taken for one request each, which the handler may refuse.
    void stop(std::chrono::milliseconds grace);
    // Limits, time-outs, connections, grace and linger of `options` from now on, for new connections. On the I/O
    // thread, or before run().
    void change(const HttpServerOptions& options);
    // Reads certificate and key again, for new connections; as change(). Throws as the constructor.
    void reloadCertificate();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace fulgurite::node
