// SPDX-License-Identifier: Apache-2.0
// The inspection of a node's model and its captures, as docs/protocol.md has it. Obtained from an EngineClient
// whose engine has the capability "inspect".
#pragma once

#include "core/client/engine_types.h"
#include "core/client/http_client.h"
#include "core/probe/capture/comparison.h"
#include "core/probe/capture/tile.h"
#include "core/probe/capture/views.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite::client {

// What a capture is to hold.
struct CapturePlan {
    std::optional<std::vector<int>> attention_layers;  // queries, keys, values; absent: all
    std::vector<capture::HeadRef> attention_heads;     // single heads beside them, or, without layers, alone
    bool every_output = true;                          // head outputs at every token, not at query positions only
    std::optional<std::vector<std::size_t>> positions; // of head figures and lens; absent: the last ones
    std::size_t last = 256;
    bool heads = true;
    bool lens = true;
    int lens_candidates = 8;
    bool routing = true;
    bool logprobs = true;
    std::optional<std::pair<std::size_t, std::size_t>> fact; // marked span [first, end)
};

struct CaptureRequest {
    Prompt prompt;
    TokenIds continue_tokens;                // the answer, replayed token for token
    std::optional<std::size_t> sampled_from; // first token that the model wrote; absent: that of continue_tokens
    InterventionRecipe intervention;         // in force while it is replayed, as when it was written; empty: none
    CapturePlan plan;
};

// What it would cost. `refusal`: why it cannot be taken, with the figures; empty: it can.
struct CaptureCost {
    std::uint64_t bytes = 0;       // of the file
    std::uint64_t state_bytes = 0; // of memory while it runs
    double seconds = 0;            // 0: the engine has measured nothing yet
    std::uint64_t free_bytes = 0;
    std::uint64_t limit_bytes = 0;
    std::string refusal;
};

struct CaptureEntry {
    std::string id;
    capture::CaptureInfo info;
};

struct CaptureList {
    std::vector<CaptureEntry> captures;                      // newest first
    std::vector<std::pair<std::string, std::string>> broken; // id and what is wrong with it
};

// What is to be judged by the model as it is and under an intervention.
struct CompareRequest {
    Prompt prompt;
    TokenIds continue_tokens;         // the answer
    std::optional<std::size_t> first; // first token that is judged; absent: that of continue_tokens
    InterventionRecipe intervention;
};

struct CostCurve {
    bool computed = false; // of a shape that is not loaded: no seconds
    std::int64_t parameters = 0;
    std::vector<capture::CostPoint> points;
};

// Hears about one capture, in order; the last call is onDone or onError. Cancelling the call ends the capture with
// nothing left behind.
class CaptureListener {
  public:
    virtual ~CaptureListener() = default;
    virtual void onStart(const std::string& /*id*/, const CaptureCost& /*cost*/) {}
    virtual void onProgress(std::size_t done, std::size_t total) = 0; // tokens
    virtual void onDone(const CaptureEntry& entry) = 0;
    virtual void onError(const Error& error) = 0;
};

template <class T>
using Reply = std::function<void(Outcome<T>)>;

// Methods may be called from any thread and return at once; replies come on the client's thread. A call that was
// cancelled replies with Error{Cancelled}.
class InspectionClient {
  public:
    using Call = std::shared_ptr<HttpCall>;

    virtual ~InspectionClient() = default;
    virtual Call plan(const CaptureRequest& request, Reply<CaptureCost> reply) = 0;
    virtual Call planFor(std::size_t tokens, const CapturePlan& plan, Reply<CaptureCost> reply) = 0;
    virtual Call take(const CaptureRequest& request, std::shared_ptr<CaptureListener> listener) = 0;
    virtual Call list(Reply<CaptureList> reply) = 0;
    virtual Call info(const std::string& id, Reply<capture::CaptureInfo> reply) = 0;
    virtual Call remove(const std::string& id, Reply<std::string> reply) = 0; // the id
    // Saves the file; `target` appears whole or not at all. The reply: its bytes.
    virtual Call download(const std::string& id, const std::filesystem::path& target,
                          Reply<std::uint64_t> reply) = 0;

    virtual Call tokens(const std::string& id, std::size_t first, std::size_t count,
                        Reply<std::vector<capture::CapturedToken>> reply) = 0;
    virtual Call row(const std::string& id, capture::HeadRef head, std::size_t position,
                     Reply<capture::AttentionRow> reply) = 0;
    virtual Call tile(const std::string& id, capture::HeadRef head, const capture::TileRequest& request,
                      Reply<capture::AttentionTile> reply) = 0;
    virtual Call thumbnails(const std::string& id, int layer, std::size_t side,
                            Reply<std::vector<capture::AttentionTile>> reply) = 0;
    virtual Call heads(const std::string& id, std::size_t position, Reply<capture::HeadTable> reply) = 0;
    virtual Call routing(const std::string& id, std::size_t first, std::size_t count,
                         Reply<capture::RoutingSlice> reply) = 0;
    virtual Call routingSummary(const std::string& id, Reply<capture::RoutingSummary> reply) = 0;
    virtual Call lens(const std::string& id, std::size_t position, Reply<capture::LensView> reply) = 0;

    // Takes as long as reading the text twice. Cancelling ends it.
    virtual Call compare(const CompareRequest& request, Reply<capture::TokenComparison> reply) = 0;

    // Of the loaded model.
    virtual Call decay(Reply<capture::DecayMap> reply) = 0;
    // `measure`: also the seconds of a decode step, which takes a while. `m1`: of MiniMax-M1's shape, computed.
    virtual Call costs(std::size_t last_context, bool measure, bool m1, Reply<CostCurve> reply) = 0;
};

// A connection of its own to a node. Destroying it cancels what runs; no callback comes afterwards.
std::unique_ptr<InspectionClient> connectToInspection(const HttpEndpoint& endpoint, const std::string& token,
                                                      const HttpClientOptions& options);

} // namespace fulgurite::client
