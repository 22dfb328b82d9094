// SPDX-License-Identifier: Apache-2.0
// GET /v1/models and /v1/models/ID.
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/openai_common.h"

#include <string>
#include <string_view>

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

int valueOfHex(char c) {
    const auto at = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    return c >= '0' && at != std::string_view::npos ? static_cast<int>(at) : -1;
}

// A name as it stands in a path, "MiniMaxAI%2FMiniMax%20M1"; what is no escape stands for itself.
std::string decodePercent(std::string_view text) {
    std::string name;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? valueOfHex(text[i + 1]) : -1;
        const int low = high >= 0 ? valueOfHex(text[i + 2]) : -1;
        if (low >= 0) {
            name += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            name += text[i];
        }
    }
    return name;
}

} // namespace

Answer listModels(const EndpointContext& context, const HttpRequest& /*request*/) {
    return reply({{"object", "list"}, {"data", nlohmann::json::array({describe(context.host.get()->facts())})}});
}

Answer showModel(const EndpointContext& context, const HttpRequest& request) {
    constexpr std::string_view kPrefix = "/v1/models/";
    const std::shared_ptr<ModelService> model = context.host.get();
    const ModelFacts& facts = model->facts();
    checkModelName(decodePercent(std::string_view(request.head.path).substr(kPrefix.size())), facts);
    return reply(describe(facts));
}

} // namespace fulgurite::node
