// SPDX-License-Identifier: Apache-2.0
// GET /v1/models and /v1/models/ID.
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/openai_common.h"

namespace fulgurite::node {

namespace {

nlohmann::json describe(const ModelFacts& facts) {
    return {{"id", facts.id},
            {"object", "model"},
            {"created", facts.created},
            {"owned_by", "fulgurite"},
            {"max_model_len", facts.config.max_positions}};
}

HttpReply reply(const nlohmann::json& value) {
    HttpReply answer;
    answer.body = dumpJson(value);
    return answer;
}

} // namespace

Answer listModels(const EndpointContext& context, const HttpRequest& /*request*/) {
    return reply({{"object", "list"}, {"data", nlohmann::json::array({describe(context.host.get()->facts())})}});
}

Answer showModel(const EndpointContext& context, const HttpRequest& request) {
    constexpr std::string_view kPrefix = "/v1/models/";
    const std::shared_ptr<ModelService> model = context.host.get();
    const ModelFacts& facts = model->facts();
    checkModelName(request.head.path.substr(kPrefix.size()), facts);
    return reply(describe(facts));
}

} // namespace fulgurite::node
