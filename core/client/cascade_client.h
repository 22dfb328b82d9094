// SPDX-License-Identifier: Apache-2.0
// The image libraries of a node, as docs/protocol.md has them. Obtained from an EngineClient whose engine has the
// capability "cascade".
#pragma once

#include "core/client/cascade_types.h"
#include "core/client/engine_client.h"
#include "core/client/http_client.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::client {

// Methods may be called from any thread and return at once; replies come on the client's thread. A call that was
// cancelled replies with Error{Cancelled}.
class CascadeClient {
  public:
    using Call = std::shared_ptr<HttpCall>;

    virtual ~CascadeClient() = default;
    virtual Call libraries(Callback<std::vector<ImageLibrary>> reply) = 0;
    virtual Call create(const std::string& name, const std::vector<std::string>& folders,
                        Callback<ImageLibrary> reply) = 0;
    virtual Call setFolders(std::int64_t library, const std::vector<std::string>& folders,
                            Callback<ImageLibrary> reply) = 0;
    virtual Call rename(std::int64_t library, const std::string& name, Callback<ImageLibrary> reply) = 0;
    virtual Call remove(std::int64_t library, Callback<bool> reply) = 0;
    // `action`: "start", "pause", "resume" or "cancel".
    virtual Call scan(std::int64_t library, const std::string& action, Callback<ImageLibrary> reply) = 0;
    virtual Call encoders(Callback<std::vector<ImageEncoder>> reply) = 0; // of rising cost

    virtual Call unreadable(std::int64_t library, Callback<std::vector<UnreadableImage>> reply) = 0;
    virtual Call images(std::int64_t library, std::size_t from, std::size_t count, Callback<ImagePage> reply) = 0;
    virtual Call image(std::int64_t library, ImageId image, Callback<ImageInfo> reply) = 0;
    // A JPEG whose longer side has at most `size` pixels.
    virtual Call thumbnail(std::int64_t library, ImageId image, int size, Callback<std::string> reply) = 0;

    virtual Call query(std::int64_t library, const CascadeQuery& query, Callback<CascadeAnswer> reply) = 0;
    virtual Call ledger(std::int64_t library, Callback<CascadeLedger> reply) = 0;
    virtual Call simulate(std::int64_t library, const SimulationRequest& request, Callback<Simulation> reply) = 0;
    // Minutes for large libraries; cancelling the call ends it on the node too.
    virtual Call evaluate(std::int64_t library, const RecallRequest& request, Callback<RecallReport> reply) = 0;
};

std::unique_ptr<CascadeClient> connectToCascade(const HttpEndpoint& endpoint, const std::string& token,
                                                const HttpClientOptions& options);

} // namespace fulgurite::client
