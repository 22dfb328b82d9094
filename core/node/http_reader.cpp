// SPDX-License-Identifier: Apache-2.0
// Boost.Beast's request parser behind a small state machine.
#include "core/node/http_reader.h"

#include "core/node/json_text.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http.hpp>
#include <boost/optional.hpp>
#include <fmt/format.h>

#include <new>
#include <optional>
#include <string>

namespace fulgurite::node {

namespace http = boost::beast::http;

namespace {

// A string that grows as bytes come. Beast's own takes memory for a body when its head announces the length.
struct GrowingBody {
    using value_type = std::string;

    static std::uint64_t size(const value_type& body) { return body.size(); }

    class reader {
      public:
        template <bool IsRequest, class Fields>
        reader(http::header<IsRequest, Fields>& /*head*/, value_type& body) : body_(body) {}

        void init(const boost::optional<std::uint64_t>& /*length*/, boost::system::error_code& code) { code = {}; }
        template <class Buffers>
        std::size_t put(const Buffers& buffers, boost::system::error_code& code) {
            code = {};
            const std::size_t before = body_.size();
            try {
                for (const boost::asio::const_buffer bytes : boost::beast::buffers_range_ref(buffers)) {
                    body_.append(static_cast<const char*>(bytes.data()), bytes.size());
                }
            } catch (const std::bad_alloc&) {
                code = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
            }
            return body_.size() - before;
        }
        void finish(boost::system::error_code& code) { code = {}; }

      private:
        value_type& body_;
    };
};

} // namespace

struct HttpReader::Parser {
    explicit Parser(HttpLimits wanted) : limits(wanted) { renew(); }

    void renew() {
        parser.emplace();
        parser->header_limit(static_cast<std::uint32_t>(limits.head_bytes));
        parser->body_limit(limits.body_bytes);
        parser->eager(false);
        state = State::Head;
        head = {};
        error.reset();
    }

    void failWith(int status, const std::string& message) {
        error.emplace(status, message);
        state = State::Failed;
    }

    void failWith(const boost::system::error_code& code);
    void readHead();
    std::size_t put(std::string_view bytes);

    HttpLimits limits;
    std::optional<http::request_parser<GrowingBody>> parser;
    State state = State::Head;
    HttpHead head;
    std::optional<ApiError> error;
};

namespace {

std::string fieldOf(const http::request<GrowingBody>& message, http::field name) {
    const auto value = message[name];
    return {value.data(), value.size()};
}

} // namespace

void HttpReader::Parser::failWith(const boost::system::error_code& code) {
    if (code == http::error::body_limit) {
        failWith(413, fmt::format("the body is larger than the limit of {} bytes", limits.body_bytes));
    } else if (code == http::error::header_limit) {
        failWith(431, fmt::format("the request's head is larger than the limit of {} bytes", limits.head_bytes));
    } else if (code == boost::system::errc::not_enough_memory) {
        error.emplace(503, "not enough memory for the body; try again later", std::string(), "out_of_memory");
        state = State::Failed;
    } else if (code == http::error::bad_version) {
        failWith(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    } else {
        failWith(400, fmt::format("not a valid HTTP request: {}", code.message()));
    }
}

void HttpReader::Parser::readHead() {
    const auto& message = parser->get();
    const std::string target(message.target().data(), message.target().size());
    const std::size_t question = target.find('?');
    head.method = std::string(message.method_string().data(), message.method_string().size());
    head.path = target.substr(0, question);
    head.query = question == std::string::npos ? std::string() : target.substr(question + 1);
    head.authorization = fieldOf(message, http::field::authorization);
    head.content_type = fieldOf(message, http::field::content_type);
    head.content_encoding = fieldOf(message, http::field::content_encoding);
    const auto id = message["X-Request-Id"];
    head.request_id = std::string(id.data(), id.size());
    head.host = fieldOf(message, http::field::host);
    const auto site = message["Sec-Fetch-Site"];
    head.cross_site = site == "cross-site" || site == "same-site";
    head.has_origin = message.find(http::field::origin) != message.end();
    head.http10 = message.version() == 10;
    head.keep_alive = parser->keep_alive();
    head.expects_continue = !head.http10 && boost::beast::iequals(message[http::field::expect], "100-continue");
    if (const auto length = parser->content_length()) {
        head.content_length = *length;
    } else if (!parser->chunked()) {
        head.content_length = 0;
    }
    state = State::HeadDone;
    // A message framed twice is how requests are smuggled past proxies (RFC 9112, 6.3).
    if (parser->chunked() && message.count(http::field::content_length) > 0) {
        failWith(400, "a request must not have both Content-Length and Transfer-Encoding");
    } else if (!isUtf8(target)) {
        failWith(400, "the request target is not valid UTF-8");
    }
}

std::size_t HttpReader::Parser::put(std::string_view bytes) {
    boost::system::error_code code;
    const std::size_t used = parser->put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    if (code == http::error::need_more) {
        if (state == State::Head && bytes.size() - used > limits.head_bytes) {
            failWith(http::error::header_limit);
        }
        return used;
    }
    if (code) {
        failWith(code);
        return used;
    }
    if (state == State::Head && parser->is_header_done()) {
        readHead();
    }
    if (state == State::Body && parser->is_done()) {
        state = State::Complete;
    }
    return used;
}

HttpReader::HttpReader(HttpLimits limits) : parser_(std::make_unique<Parser>(limits)) {}
HttpReader::~HttpReader() = default;

std::size_t HttpReader::feed(std::string_view bytes) {
    std::size_t used = 0;
    while ((parser_->state == State::Head || parser_->state == State::Body) && used < bytes.size()) {
        const std::size_t step = parser_->put(bytes.substr(used));
        used += step;
        if (step == 0) {
            break;
        }
    }
    return used;
}

HttpReader::State HttpReader::state() const {
    return parser_->state;
}
const HttpHead& HttpReader::head() const {
    return parser_->head;
}
const ApiError& HttpReader::error() const {
    return *parser_->error;
}
std::uint64_t HttpReader::bodyBytes() const {
    return parser_->parser->get().body().size();
}

void HttpReader::acceptBody() {
    parser_->state = parser_->parser->is_done() ? State::Complete : State::Body;
}

HttpRequest HttpReader::take() {
    HttpRequest request{std::move(parser_->head), std::move(parser_->parser->get().body()), nullptr, {}};
    parser_->renew();
    return request;
}

} // namespace fulgurite::node
