// SPDX-License-Identifier: Apache-2.0
// The only file of the client that includes Boost.
#include "core/client/http_client.h"

#include "core/client/certificate.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace fulgurite::client {

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Milliseconds = std::chrono::milliseconds;
using boost::system::error_code;

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::chrono::seconds address_lifetime{60};

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

// What a person can do about a failed connection.
Error connectionError(const HttpEndpoint& endpoint, const char* during, const error_code& code) {
    if (code == beast::error::timeout || code == net::error::timed_out)
        return {ErrorKind::Unavailable,
                fmt::format("{}: no answer while {}. Is the node busy or out of reach?", endpoint.url(), during)};
    if (code == net::error::connection_refused)
        return {ErrorKind::Unavailable,
                fmt::format("{}: nothing listens there. Start the engine, or check the port.", endpoint.url())};
    if (code == net::error::host_not_found || code == net::error::host_not_found_try_again)
        return {ErrorKind::Unavailable,
                fmt::format("{}: the name is unknown. Check its spelling.", endpoint.url())};
    if (code.category() == net::error::get_ssl_category())
        return {ErrorKind::Io, fmt::format("{}: no secure connection ({}). Check the certificate, or use http://.",
                                           endpoint.url(), code.message())};
    return {ErrorKind::Io,
            fmt::format("{}: the connection failed while {} ({})", endpoint.url(), during, code.message())};
}

void setTimeout(beast::tcp_stream& stream, Milliseconds timeout) {
    if (timeout.count() > 0)
        stream.expires_after(timeout);
    else
        stream.expires_never();
}

} // namespace

// The addresses of one name. Used on the loop's thread.
struct NameLookup {
    bool done = false;
    error_code code;
    std::vector<net::ip::address> addresses;
    std::chrono::steady_clock::time_point found;
    std::vector<net::steady_timer*> waiting; // cancelled when it is done

    bool usable() const { return !done || (!code && std::chrono::steady_clock::now() - found < address_lifetime); }
};

// What exchanges run on. They share it: a call may be cancelled after its client has gone.
struct HttpContext {
    net::io_context io{1};
    net::ssl::context tls{net::ssl::context::tls_client};
    std::map<std::string, std::shared_ptr<NameLookup>> names; // by host; on the loop's thread
};

namespace {

using LookUp = decltype(HttpClientOptions::look_up);

std::vector<net::ip::address> addressesOf(const std::string& host, const LookUp& look_up, error_code& code) {
    std::vector<net::ip::address> result;
    if (look_up) {
        for (const std::string& each : look_up(host))
            result.push_back(net::ip::make_address(each, code));
    } else {
        net::io_context own;
        for (const auto& each : net::ip::tcp::resolver(own).resolve(host, "", code))
            result.push_back(each.endpoint().address());
    }
    if (!code && result.empty())
        code = net::error::host_not_found;
    return result;
}

// The system's resolver cannot be interrupted, and where the network is cut it takes half a minute. So it gets a
// thread that nobody waits for.
std::shared_ptr<NameLookup> startLookup(const std::shared_ptr<HttpContext>& context, const std::string& host,
                                        const LookUp& look_up) {
    auto lookup = std::make_shared<NameLookup>();
    std::thread([weak = std::weak_ptr(context), lookup, host, look_up] {
        error_code code;
        std::vector<net::ip::address> addresses;
        try {
            addresses = addressesOf(host, look_up, code);
        } catch (const std::exception&) { // no memory, no descriptors
            code = net::error::host_not_found_try_again;
        }
        if (const auto alive = weak.lock())
            net::post(alive->io, [lookup, code, addresses = std::move(addresses)] {
                lookup->done = true;
                lookup->code = code;
                lookup->addresses = addresses;
                lookup->found = std::chrono::steady_clock::now();
                for (net::steady_timer* each : lookup->waiting)
                    each->cancel();
            });
    }).detach();
    return lookup;
}

} // namespace

// One exchange. Lives on the loop's thread; only cancel() may come from elsewhere.
class Exchange : public HttpCall, public std::enable_shared_from_this<Exchange> {
  public:
    Exchange(std::shared_ptr<HttpContext> context, HttpEndpoint endpoint, HttpRequest request,
             std::shared_ptr<HttpHandler> handler, LookUp look_up)
        : context_(std::move(context)),
          endpoint_(std::move(endpoint)),
          request_(std::move(request)),
          handler_(std::move(handler)),
          look_up_(std::move(look_up)) {}

    void cancel() override {
        if (ended_)
            return;
        cancelled_ = true;
        net::post(context_->io, [self = shared_from_this()] { self->close(); });
    }

    // Ends after the handshake, with what the server has shown.
    void onlyLook(std::shared_ptr<CertificateInfo> seen) { seen_ = std::move(seen); }

    net::awaitable<void> run() {
        std::optional<Error> failure;
        try {
            if (endpoint_.tls)
                co_await runSecure();
            else
                co_await runPlain();
        } catch (const Error& error) {
            failure = error;
        } catch (const std::exception& error) {
            failure = Error(ErrorKind::Internal, fmt::format("{}: {}", endpoint_.url(), error.what()));
        }
        stream_ = nullptr;
        ended_ = true;
        if (cancelled_)
            failure = Error(ErrorKind::Cancelled, "cancelled");
        if (failure)
            handler_->onError(*failure);
        else
            handler_->onEnd();
    }

  private:
    void close() {
        if (looking_up_)
            looking_up_->cancel();
        if (!stream_)
            return;
        error_code ignored;
        stream_->cancel();
        stream_->socket().close(ignored);
    }

    void check(const error_code& code, const char* during) const {
        if (cancelled_)
            fail(ErrorKind::Cancelled, "cancelled");
        if (code)
            throw connectionError(endpoint_, during, code);
    }

    net::awaitable<std::vector<net::ip::address>> lookUp() {
        error_code code;
        const net::ip::address literal = net::ip::make_address(endpoint_.host, code);
        if (!code)
            co_return std::vector<net::ip::address>{literal};
        check({}, "looking up the name"); // it may have been cancelled before it began
        std::shared_ptr<NameLookup>& known = context_->names[endpoint_.host];
        if (!known || !known->usable())
            known = startLookup(context_, endpoint_.host, look_up_);
        const std::shared_ptr<NameLookup> lookup = known;
        if (!lookup->done) {
            const bool limited = request_.connect_timeout.count() > 0;
            net::steady_timer timer(context_->io,
                                    limited ? request_.connect_timeout : Milliseconds(std::chrono::hours(24)));
            looking_up_ = &timer;
            lookup->waiting.push_back(&timer);
            co_await timer.async_wait(net::redirect_error(net::use_awaitable, code));
            std::erase(lookup->waiting, &timer);
            looking_up_ = nullptr;
        }
        check(lookup->done ? lookup->code : error_code(beast::error::timeout), "looking up the name");
        co_return lookup->addresses;
    }

    net::awaitable<void> connect(beast::tcp_stream& stream) {
        error_code code;
        stream_ = &stream;
        std::vector<net::ip::tcp::endpoint> ends;
        for (const net::ip::address& each : co_await lookUp())
            ends.emplace_back(each, endpoint_.port);
        setTimeout(stream, request_.connect_timeout);
        co_await stream.async_connect(ends, net::redirect_error(net::use_awaitable, code));
        if (code)
            context_->names.erase(endpoint_.host); // the machine may have another address now
        check(code, "connecting");
        error_code ignored;
        stream.socket().set_option(net::ip::tcp::no_delay(true), ignored);
        // A stream may be silent for long; this notices a machine that is gone.
        stream.socket().set_option(net::socket_base::keep_alive(true), ignored);
    }

    net::awaitable<void> runPlain() {
        beast::tcp_stream stream(context_->io);
        co_await connect(stream);
        co_await exchange(stream);
    }

    net::awaitable<void> runSecure() {
        beast::ssl_stream<beast::tcp_stream> stream(context_->io, context_->tls);
        co_await agree(stream);
        if (seen_) {
            (*seen_) = describeCertificate(stream.native_handle());
            seen_->trusted = SSL_get_verify_result(stream.native_handle()) == X509_V_OK && names_fit_;
            co_return;
        }
        co_await exchange(stream);
    }

    // A pinned certificate is compared after the handshake and before the first byte of the request. To look at
    // one, any is taken.
    net::awaitable<void> agree(beast::ssl_stream<beast::tcp_stream>& stream) {
        SSL_set_tlsext_host_name(stream.native_handle(), endpoint_.host.c_str());
        std::string shown;
        stream.set_verify_callback([this, &shown, verify = net::ssl::host_name_verification(endpoint_.host)](
                                       bool good, net::ssl::verify_context& chain) {
            shown = certificateFingerprint(X509_STORE_CTX_get0_cert(chain.native_handle()));
            names_fit_ = good && verify(good, chain);
            return names_fit_ || seen_ != nullptr || !endpoint_.fingerprint.empty();
        });
        co_await connect(stream.next_layer());
        error_code code;
        co_await stream.async_handshake(net::ssl::stream_base::client,
                                        net::redirect_error(net::use_awaitable, code));
        if (code && !shown.empty() && !cancelled_ && !names_fit_)
            throw unknownCertificate(endpoint_.url(), shown, code.message());
        check(code, "agreeing on encryption");
        if (seen_ != nullptr || endpoint_.fingerprint.empty())
            co_return;
        shown = describeCertificate(stream.native_handle()).fingerprint;
        if (!sameFingerprint(shown, endpoint_.fingerprint))
            throw changedCertificate(endpoint_.url(), shown, endpoint_.fingerprint);
    }

    http::request<http::string_body> message() const {
        http::request<http::string_body> message;
        message.method_string(request_.method);
        message.target(endpoint_.base_path + request_.path);
        const bool standard = endpoint_.port == (endpoint_.tls ? 443 : 80);
        const bool v6 = endpoint_.host.find(':') != std::string::npos;
        const std::string host = v6 ? "[" + endpoint_.host + "]" : endpoint_.host;
        message.set(http::field::host, standard ? host : fmt::format("{}:{}", host, endpoint_.port));
        for (const auto& [name, value] : request_.headers)
            message.set(name, value);
        message.set(http::field::connection, "close");
        message.body() = request_.write_body ? request_.write_body() : request_.body;
        message.prepare_payload();
        return message;
    }

    template <class Stream>
    net::awaitable<void> exchange(Stream& stream) {
        error_code code;
        const http::request<http::string_body> sent = message();
        setTimeout(*stream_, request_.head_timeout);
        co_await http::async_write(stream, sent, net::redirect_error(net::use_awaitable, code));
        // A server that refuses a large body answers and closes before it has read all: the answer is what counts.
        const bool refused_early = code == net::error::broken_pipe || code == net::error::connection_reset;
        if (!refused_early)
            check(code, "sending the request");
        beast::flat_buffer buffer;
        http::response_parser<http::buffer_body> parser;
        parser.body_limit(boost::none);
        co_await http::async_read_header(stream, buffer, parser, net::redirect_error(net::use_awaitable, code));
        check(code, "waiting for the answer");
        std::map<std::string, std::string> headers;
        for (const auto& field : parser.get())
            headers.emplace(lower({field.name_string().data(), field.name_string().size()}),
                            std::string(field.value().data(), field.value().size()));
        handler_->onHead(parser.get().result_int(), headers);
        co_await readBody(stream, buffer, parser);
    }

    template <class Stream>
    net::awaitable<void> readBody(Stream& stream, beast::flat_buffer& buffer,
                                  http::response_parser<http::buffer_body>& parser) {
        std::vector<char> piece(read_bytes);
        while (!parser.is_done()) {
            parser.get().body().data = piece.data();
            parser.get().body().size = piece.size();
            setTimeout(*stream_, request_.idle_timeout);
            error_code code;
            co_await http::async_read_some(stream, buffer, parser, net::redirect_error(net::use_awaitable, code));
            if (code == http::error::need_buffer)
                code = {};
            const std::size_t got = piece.size() - parser.get().body().size;
            if (got > 0 && !cancelled_)
                handler_->onBody({piece.data(), got});
            check(code, "reading the answer");
        }
    }

    std::shared_ptr<HttpContext> context_;
    HttpEndpoint endpoint_;
    HttpRequest request_;
    std::shared_ptr<HttpHandler> handler_;
    LookUp look_up_;
    net::steady_timer* looking_up_ = nullptr; // while it waits for the name
    beast::tcp_stream* stream_ = nullptr;     // while the exchange runs
    std::shared_ptr<CertificateInfo> seen_;   // set: only the certificate is looked at
    bool names_fit_ = false;
    std::atomic<bool> cancelled_ = false;
    std::atomic<bool> ended_ = false;
};

namespace {

class CertificateLook final : public HttpHandler {
  public:
    CertificateLook(HttpClient::CertificateSeen done, std::shared_ptr<CertificateInfo> seen)
        : done_(std::move(done)), seen_(std::move(seen)) {}

    void onHead(int /*status*/, const std::map<std::string, std::string>& /*headers*/) override {}
    void onBody(std::string_view /*bytes*/) override {}
    void onEnd() override { done_(*seen_, std::nullopt); }
    void onError(const Error& error) override { done_(std::nullopt, error); }

  private:
    HttpClient::CertificateSeen done_;
    std::shared_ptr<CertificateInfo> seen_;
};

} // namespace

class HttpClient::Loop {
  public:
    explicit Loop(HttpClientOptions options)
        : options_(std::move(options)),
          work_(net::make_work_guard(context_->io)),
          thread_([this] { context_->io.run(); }) {}

    ~Loop() {
        {
            const std::scoped_lock lock(mutex_);
            for (const auto& call : calls_)
                if (const auto alive = call.lock())
                    alive->cancel();
        }
        work_.reset();
        thread_.join();
    }

    std::shared_ptr<HttpCall> start(const HttpEndpoint& endpoint, HttpRequest request,
                                    std::shared_ptr<HttpHandler> handler,
                                    std::shared_ptr<CertificateInfo> look = nullptr) {
        request.headers.try_emplace("User-Agent", options_.user_agent);
        if (endpoint.tls)
            loadCertificates();
        const auto call = std::make_shared<Exchange>(context_, endpoint, std::move(request), std::move(handler),
                                                     options_.look_up);
        call->onlyLook(std::move(look));
        {
            const std::scoped_lock lock(mutex_);
            std::erase_if(calls_, [](const auto& each) { return each.expired(); });
            calls_.push_back(call);
        }
        net::co_spawn(
            context_->io, [call]() -> net::awaitable<void> { co_await call->run(); }, net::detached);
        return call;
    }

  private:
    // Reading the system's certificates takes tens of milliseconds: only where they are needed.
    void loadCertificates() {
        const std::scoped_lock lock(mutex_);
        if (std::exchange(certificates_loaded_, true))
            return;
        error_code ignored;
        context_->tls.set_default_verify_paths(ignored);
        if (!options_.ca_file.empty())
            context_->tls.load_verify_file(options_.ca_file, ignored);
        context_->tls.set_verify_mode(options_.verify ? net::ssl::verify_peer : net::ssl::verify_none);
    }

    HttpClientOptions options_;
    std::shared_ptr<HttpContext> context_ = std::make_shared<HttpContext>();
    bool certificates_loaded_ = false;
    std::mutex mutex_;
    std::list<std::weak_ptr<Exchange>> calls_;
    net::executor_work_guard<net::io_context::executor_type> work_;
    std::thread thread_;
};

HttpClient::HttpClient(HttpClientOptions options) : loop_(std::make_unique<Loop>(std::move(options))) {}
HttpClient::~HttpClient() = default;

std::shared_ptr<HttpCall> HttpClient::start(const HttpEndpoint& endpoint, HttpRequest request,
                                            std::shared_ptr<HttpHandler> handler) {
    return loop_->start(endpoint, std::move(request), std::move(handler));
}

void HttpClient::lookAtCertificate(const HttpEndpoint& endpoint, CertificateSeen done) {
    auto seen = std::make_shared<CertificateInfo>();
    auto handler = std::make_shared<CertificateLook>(std::move(done), seen);
    if (!endpoint.tls) {
        handler->onError(
            Error(ErrorKind::InvalidInput, fmt::format("{}: only https:// has a certificate", endpoint.url())));
        return;
    }
    loop_->start(endpoint, {}, std::move(handler), std::move(seen));
}

std::string HttpEndpoint::url() const {
    const bool v6 = host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}{}", tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "", port,
                       base_path);
}

HttpEndpoint parseUrl(std::string_view url) {
    HttpEndpoint result;
    std::string_view rest = url;
    if (rest.starts_with("https://"))
        result.tls = true;
    else if (!rest.starts_with("http://"))
        fail(ErrorKind::InvalidInput, "\"{}\": an address begins with http:// or https://", url);
    rest.remove_prefix(result.tls ? 8 : 7);
    std::string_view authority = rest.substr(0, rest.find('/'));
    result.base_path = rest.substr(authority.size());
    while (result.base_path.ends_with('/'))
        result.base_path.pop_back();
    result.port = result.tls ? 443 : 80;
    const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
    const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        const std::string_view digits = authority.substr(colon + 1);
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
        if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || result.port == 0)
            fail(ErrorKind::InvalidInput, "\"{}\": the port should be a number from 1 to 65535", url);
        authority = authority.substr(0, colon);
    }
    if (bracket != std::string_view::npos)
        authority = authority.substr(1, bracket - 1);
    const bool odd = std::any_of(authority.begin(), authority.end(), [](unsigned char c) {
        return c <= ' ' || c == '@' || c == '?' || c == '#' || c == 0x7f;
    });
    if (authority.empty() || odd)
        fail(ErrorKind::InvalidInput,
             "\"{}\": the name of the machine is missing or holds a character it cannot have", url);
    result.host = authority;
    return result;
}

} // namespace fulgurite::client
