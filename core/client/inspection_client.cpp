// SPDX-License-Identifier: Apache-2.0
// InspectionClient over /fulgurite/v1.
#include "core/client/inspection_client.h"

#include "core/base/atomic_file.h"
#include "core/client/event_stream_call.h"
#include "core/client/inspection_json.h"
#include "core/client/node_api.h"
#include "core/probe/capture/view_codec.h"

namespace fulgurite::client {

namespace {

constexpr const char* kCaptures = "/fulgurite/v1/captures";

class CaptureStream final : public EventStreamCall {
  public:
    CaptureStream(std::string where, std::shared_ptr<CaptureListener> listener)
        : EventStreamCall(std::move(where)), listener_(std::move(listener)) {}

  protected:
    bool onEvent(const SseEvent& event) override {
        if (event.name == "start") {
            const CaptureStart start = readCaptureStart(event.data, where());
            listener_->onStart(start.id, start.cost);
        } else if (event.name == "progress") {
            const auto [done, total] = readCaptureProgress(event.data, where());
            listener_->onProgress(done, total);
        } else if (event.name == "done") {
            listener_->onDone(readCaptureEntry(event.data, where()));
            return true;
        }
        return false;
    }
    void onFailure(const Error& error) override { listener_->onError(error); }

  private:
    std::shared_ptr<CaptureListener> listener_;
};

// Writes as it reads: captures may be larger than memory.
class Download final : public HttpHandler {
  public:
    Download(std::string where, std::filesystem::path target, Reply<std::uint64_t> reply)
        : where_(std::move(where)), target_(std::move(target)), reply_(std::move(reply)) {}

    void onHead(int status, const std::map<std::string, std::string>&) override { status_ = status; }
    void onBody(std::string_view bytes) override {
        if (status_ >= 400) {
            error_.append(bytes.substr(0, max_error_bytes - std::min(max_error_bytes, error_.size())));
            return;
        }
        if (!file_)
            file_.emplace(target_);
        file_->write(bytes);
        count_ += bytes.size();
    }
    void onEnd() override {
        if (status_ >= 400)
            return reply_(readError(status_, error_, where_));
        if (!file_)
            return reply_(Error(ErrorKind::Corrupt, fmt::format("{}: the file is empty", where_)));
        try {
            file_->commit();
        } catch (const Error& error) {
            return reply_(error);
        }
        reply_(count_);
    }
    void onError(const Error& error) override {
        file_.reset();
        reply_(error);
    }

  private:
    static constexpr std::size_t max_error_bytes = 64 * 1024;

    std::string where_;
    std::filesystem::path target_;
    Reply<std::uint64_t> reply_;
    std::optional<AtomicFile> file_;
    std::string error_;
    std::uint64_t count_ = 0;
    int status_ = 0;
};

std::string viewPath(const std::string& id, const std::string& view, const std::string& query = {}) {
    return fmt::format("{}/{}/{}{}{}", kCaptures, id, view, query.empty() ? "" : "?", query);
}

std::string headQuery(capture::HeadRef head) {
    return fmt::format("layer={}&head={}", head.layer, head.head);
}

// Reads a body of arrays with one of the decoders.
template <class T>
auto arrays(T (*decode)(std::span<const std::byte>, const std::string&)) {
    return [decode](std::string_view body, const std::string& where) {
        return decode(std::as_bytes(std::span(body)), where);
    };
}

class NodeInspection final : public InspectionClient {
  public:
    NodeInspection(HttpEndpoint endpoint, std::string token, const HttpClientOptions& options)
        // Maps of long texts and measurements take their time.
        : api_(std::move(endpoint), std::move(token), options, std::chrono::minutes(5)) {}

    Call plan(const CaptureRequest& request, Reply<CaptureCost> reply) override {
        return ask<CaptureCost>("POST", "/fulgurite/v1/inspect/plan", captureBody(request), readCaptureCost,
                                std::move(reply));
    }
    Call planFor(std::size_t tokens, const CapturePlan& plan, Reply<CaptureCost> reply) override {
        return ask<CaptureCost>("POST", "/fulgurite/v1/inspect/plan", planBody(tokens, plan), readCaptureCost,
                                std::move(reply));
    }
    Call take(const CaptureRequest& request, std::shared_ptr<CaptureListener> listener) override {
        HttpRequest http = api_.prepare("POST", kCaptures, captureBody(request));
        http.headers["Accept"] = "text/event-stream";
        // It may wait behind other captures without a word.
        http.head_timeout = http.idle_timeout = std::chrono::milliseconds(0);
        return api_.start(std::move(http),
                          std::make_shared<CaptureStream>(api_.endpoint().url() + kCaptures, std::move(listener)));
    }
    Call list(Reply<CaptureList> reply) override {
        return ask<CaptureList>("GET", kCaptures, {}, readCaptureList, std::move(reply));
    }
    Call info(const std::string& id, Reply<capture::CaptureInfo> reply) override {
        const auto read = [](std::string_view body, const std::string& where) {
            return readCaptureEntry(body, where).info;
        };
        return ask<capture::CaptureInfo>("GET", fmt::format("{}/{}", kCaptures, id), {}, read, std::move(reply));
    }
    Call remove(const std::string& id, Reply<std::string> reply) override {
        return ask<std::string>("DELETE", fmt::format("{}/{}", kCaptures, id), {}, readRemoved, std::move(reply));
    }
    Call download(const std::string& id, const std::filesystem::path& target, Reply<std::uint64_t> reply) override {
        const std::string path = viewPath(id, "file");
        return api_.start(api_.prepare("GET", path, {}),
                          std::make_shared<Download>(api_.endpoint().url() + path, target, std::move(reply)));
    }

    Call tokens(const std::string& id, std::size_t first, std::size_t count,
                Reply<std::vector<capture::CapturedToken>> reply) override {
        return view<std::vector<capture::CapturedToken>>(
            viewPath(id, "tokens", fmt::format("first={}&count={}", first, count)), capture::decodeTokens,
            std::move(reply));
    }
    Call row(const std::string& id, capture::HeadRef head, std::size_t position,
             Reply<capture::AttentionRow> reply) override {
        return view<capture::AttentionRow>(
            viewPath(id, "row", fmt::format("{}&position={}", headQuery(head), position)), capture::decodeRow,
            std::move(reply));
    }
    Call tile(const std::string& id, capture::HeadRef head, const capture::TileRequest& request,
              Reply<capture::AttentionTile> reply) override {
        const std::string query =
            fmt::format("{}&first_row={}&rows={}&first_col={}&cols={}&side={}&row_step={}&pool={}", headQuery(head),
                        request.first_row, request.rows, request.first_col, request.cols, request.max_cells_a_side,
                        request.row_step, request.pool);
        return view<capture::AttentionTile>(viewPath(id, "map", query), capture::decodeTile, std::move(reply));
    }
    Call thumbnails(const std::string& id, int layer, std::size_t side,
                    Reply<std::vector<capture::AttentionTile>> reply) override {
        return view<std::vector<capture::AttentionTile>>(
            viewPath(id, "thumbnails", fmt::format("layer={}&side={}", layer, side)), capture::decodeTiles,
            std::move(reply));
    }
    Call heads(const std::string& id, std::size_t position, Reply<capture::HeadTable> reply) override {
        return view<capture::HeadTable>(viewPath(id, "heads", fmt::format("position={}", position)),
                                        capture::decodeHeads, std::move(reply));
    }
    Call routing(const std::string& id, std::size_t first, std::size_t count,
                 Reply<capture::RoutingSlice> reply) override {
        return view<capture::RoutingSlice>(viewPath(id, "routing", fmt::format("first={}&count={}", first, count)),
                                           capture::decodeRouting, std::move(reply));
    }
    Call routingSummary(const std::string& id, Reply<capture::RoutingSummary> reply) override {
        return view<capture::RoutingSummary>(viewPath(id, "routing/summary"), capture::decodeRoutingSummary,
                                             std::move(reply));
    }
    Call lens(const std::string& id, std::size_t position, Reply<capture::LensView> reply) override {
        return view<capture::LensView>(viewPath(id, "lens", fmt::format("position={}", position)),
                                       capture::decodeLens, std::move(reply));
    }

    Call compare(const CompareRequest& request, Reply<capture::TokenComparison> reply) override {
        const std::string path = "/fulgurite/v1/inspect/compare";
        HttpRequest http = api_.prepare("POST", path, compareBody(request));
        // It may wait behind captures without a word.
        http.head_timeout = http.idle_timeout = std::chrono::milliseconds(0);
        return api_.start(std::move(http),
                          std::make_shared<JsonCall<capture::TokenComparison>>(
                              api_.endpoint().url() + path, arrays(capture::decodeComparison), std::move(reply)));
    }

    Call decay(Reply<capture::DecayMap> reply) override {
        return ask<capture::DecayMap>("GET", "/fulgurite/v1/inspect/decay", {}, readDecay, std::move(reply));
    }
    Call costs(std::size_t last_context, bool measure, bool m1, Reply<CostCurve> reply) override {
        return ask<CostCurve>("GET",
                              fmt::format("/fulgurite/v1/inspect/costs?last={}&measure={}&shape={}", last_context,
                                          measure, m1 ? "m1" : "model"),
                              {}, readCosts, std::move(reply));
    }

  private:
    template <class T>
    Call ask(const char* method, const std::string& path, std::string body, typename JsonCall<T>::Reader reader,
             Reply<T> reply) {
        return api_.ask<T>(method, path, std::move(body), std::move(reader), std::move(reply));
    }

    template <class T>
    Call view(const std::string& path, T (*decode)(std::span<const std::byte>, const std::string&),
              Reply<T> reply) {
        return ask<T>("GET", path, {}, arrays(decode), std::move(reply));
    }

    NodeApi api_;
};

} // namespace

std::unique_ptr<InspectionClient> connectToInspection(const HttpEndpoint& endpoint, const std::string& token,
                                                      const HttpClientOptions& options) {
    return std::make_unique<NodeInspection>(endpoint, token, options);
}

} // namespace fulgurite::client
