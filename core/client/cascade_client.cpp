// SPDX-License-Identifier: Apache-2.0
// CascadeClient over /fulgurite/v1.
#include "core/client/cascade_client.h"

#include "core/client/cascade_json.h"
#include "core/client/node_api.h"

#include <fmt/core.h>

namespace fulgurite::client {

namespace {

std::string pathOf(std::int64_t library, const std::string& rest = {}) {
    return fmt::format("/fulgurite/v1/libraries/{}{}", library, rest);
}

class NodeCascade final : public CascadeClient {
  public:
    NodeCascade(HttpEndpoint endpoint, std::string token, const HttpClientOptions& options)
        // A first search may encode for minutes, an evaluation for longer.
        : api_(std::move(endpoint), std::move(token), options, std::chrono::minutes(60)) {}

    Call libraries(Callback<std::vector<ImageLibrary>> reply) override {
        return api_.ask<std::vector<ImageLibrary>>("GET", "/fulgurite/v1/libraries", {}, readLibraries,
                                                   std::move(reply));
    }
    Call create(const std::string& name, const std::vector<std::string>& folders,
                Callback<ImageLibrary> reply) override {
        return api_.ask<ImageLibrary>("POST", "/fulgurite/v1/libraries", libraryBody(&name, &folders), readLibrary,
                                      std::move(reply));
    }
    Call setFolders(std::int64_t library, const std::vector<std::string>& folders,
                    Callback<ImageLibrary> reply) override {
        return api_.ask<ImageLibrary>("PATCH", pathOf(library), libraryBody(nullptr, &folders), readLibrary,
                                      std::move(reply));
    }
    Call rename(std::int64_t library, const std::string& name, Callback<ImageLibrary> reply) override {
        return api_.ask<ImageLibrary>("PATCH", pathOf(library), libraryBody(&name, nullptr), readLibrary,
                                      std::move(reply));
    }
    Call remove(std::int64_t library, Callback<bool> reply) override {
        return api_.ask<bool>(
            "DELETE", pathOf(library), {}, [](std::string_view, const std::string&) { return true; },
            std::move(reply));
    }
    Call scan(std::int64_t library, const std::string& action, Callback<ImageLibrary> reply) override {
        return api_.ask<ImageLibrary>("POST", pathOf(library, "/scan"), fmt::format(R"({{"action":"{}"}})", action),
                                      readLibrary, std::move(reply));
    }
    Call encoders(Callback<std::vector<ImageEncoder>> reply) override {
        return api_.ask<std::vector<ImageEncoder>>("GET", "/fulgurite/v1/encoders", {}, readEncoders,
                                                   std::move(reply));
    }

    Call unreadable(std::int64_t library, Callback<std::vector<UnreadableImage>> reply) override {
        return api_.ask<std::vector<UnreadableImage>>("GET", pathOf(library, "/unreadable"), {}, readUnreadable,
                                                      std::move(reply));
    }
    Call images(std::int64_t library, std::size_t from, std::size_t count, Callback<ImagePage> reply) override {
        return api_.ask<ImagePage>("GET", pathOf(library, fmt::format("/images?from={}&count={}", from, count)), {},
                                   readImages, std::move(reply));
    }
    Call image(std::int64_t library, ImageId image, Callback<ImageInfo> reply) override {
        return api_.ask<ImageInfo>("GET", pathOf(library, fmt::format("/images/{}", image)), {}, readImage,
                                   std::move(reply));
    }
    Call thumbnail(std::int64_t library, ImageId image, int size, Callback<std::string> reply) override {
        return api_.ask<std::string>(
            "GET", pathOf(library, fmt::format("/images/{}/thumbnail?size={}", image, size)), {},
            [](std::string_view body, const std::string&) { return std::string(body); }, std::move(reply));
    }

    Call query(std::int64_t library, const CascadeQuery& query, Callback<CascadeAnswer> reply) override {
        return api_.ask<CascadeAnswer>("POST", pathOf(library, "/query"), queryBody(query), readCascadeAnswer,
                                       std::move(reply));
    }
    Call ledger(std::int64_t library, Callback<CascadeLedger> reply) override {
        return api_.ask<CascadeLedger>("GET", pathOf(library, "/ledger"), {}, readLedger, std::move(reply));
    }
    Call simulate(std::int64_t library, const SimulationRequest& request, Callback<Simulation> reply) override {
        return api_.ask<Simulation>("POST", pathOf(library, "/simulate"), simulationBody(request), readSimulation,
                                    std::move(reply));
    }
    Call evaluate(std::int64_t library, const RecallRequest& request, Callback<RecallReport> reply) override {
        return api_.ask<RecallReport>("POST", pathOf(library, "/evaluate"), evaluationBody(request), readEvaluation,
                                      std::move(reply));
    }

  private:
    NodeApi api_;
};

} // namespace

std::unique_ptr<CascadeClient> connectToCascade(const HttpEndpoint& endpoint, const std::string& token,
                                                const HttpClientOptions& options) {
    return std::make_unique<NodeCascade>(endpoint, token, options);
}

} // namespace fulgurite::client
