// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 with a thread of its own: any number of exchanges at once, answers delivered as they arrive.
#pragma once

#include "core/base/error.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::client {

struct HttpEndpoint {
    std::string host;
    std::uint16_t port = 80;
    bool tls = false;
    std::string base_path; // "" or "/prefix"
    // SHA-256 of the certificate that a person has accepted for this address, 64 hexadecimal digits: no other is
    // taken, and no authority is asked. Empty: what the system's authorities vouch for.
    std::string fingerprint = {};

    std::string url() const;
};

// What a server shows before anything is sent to it.
struct CertificateInfo {
    std::string fingerprint; // as in HttpEndpoint
    std::string subject;
    std::string expires;  // as OpenSSL prints it
    bool trusted = false; // the system's authorities vouch for it under that name
};

// "http://host:port/prefix"; IPv6 in brackets. Throws Error{InvalidInput}.
HttpEndpoint parseUrl(std::string_view url);

struct HttpRequest {
    std::string method = "GET";
    std::string path;
    std::map<std::string, std::string> headers;
    std::string body;
    // In place of `body`: writes it on the client's thread, so that whoever asks does not have to. An Error that it
    // throws comes back as the exchange's.
    std::function<std::string()> write_body = {};
    std::chrono::milliseconds connect_timeout{5000}; // for looking up the name, and again for connecting; 0 is none
    std::chrono::milliseconds head_timeout{30000};   // from the sent request to the answer's head; 0 is none
    std::chrono::milliseconds idle_timeout{30000};   // between two pieces of the body; 0 is none
};

// Called on the client's thread, in order; the last call is onEnd or onError. Must return quickly.
class HttpHandler {
  public:
    virtual ~HttpHandler() = default;
    virtual void onHead(int status, const std::map<std::string, std::string>& headers) = 0; // lower-case names
    virtual void onBody(std::string_view bytes) = 0; // an exception ends the exchange and comes back in onError
    virtual void onEnd() = 0;
    virtual void onError(const Error& error) = 0;
};

class HttpCall {
  public:
    virtual ~HttpCall() = default;
    // Closes the connection; the handler then hears Error{Cancelled}, unless it has ended already.
    virtual void cancel() = 0;
};

struct HttpClientOptions {
    std::string ca_file; // trusted besides the system's certificates
    bool verify = true;
    std::string user_agent = "fulgurite";
    // The addresses of a name, none where it is unknown; may take as long as it likes. Empty: the system's
    // resolver.
    std::function<std::vector<std::string>(const std::string& host)> look_up = {};
};

class HttpClient {
  public:
    explicit HttpClient(HttpClientOptions options = {});
    // Cancels what runs; no handler is called after it returns. Not to be called on the client's own thread. Waits
    // for no server and no resolver: whoever draws a window may call it.
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    // From any thread; returns at once.
    std::shared_ptr<HttpCall> start(const HttpEndpoint& endpoint, HttpRequest request,
                                    std::shared_ptr<HttpHandler> handler);

    // Which certificate a server shows, for a person to accept: trust on first use is this, then `fingerprint` in
    // the endpoint. Nothing is sent. `done` is called on the client's thread with one of the two.
    using CertificateSeen =
        std::function<void(const std::optional<CertificateInfo>& seen, const std::optional<Error>& error)>;
    void lookAtCertificate(const HttpEndpoint& endpoint, CertificateSeen done);

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

} // namespace fulgurite::client
