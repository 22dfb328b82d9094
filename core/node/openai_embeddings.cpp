// SPDX-License-Identifier: Apache-2.0
// POST /v1/embeddings: the standard vector of each text, by the loaded model or an encoder on offer.
#include "core/base/base64.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/retrieval_service.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>

namespace fulgurite::node {

namespace {

using nlohmann::json;

constexpr std::size_t kMostTexts = 2048; // OpenAI's

std::vector<std::string> readInput(ObjectReader& reader) {
    const json* input = reader.find("input");
    if (input == nullptr) {
        refuse("input", "is missing");
    }
    std::vector<std::string> texts;
    if (input->is_string()) {
        texts.push_back(input->get<std::string>());
        return texts;
    }
    if (!input->is_array() || input->empty() || input->size() > kMostTexts) {
        refuse("input", fmt::format("must be a text or a list of 1 to {} texts", kMostTexts));
    }
    for (std::size_t i = 0; i < input->size(); ++i) {
        if (!(*input)[i].is_string()) {
            refuse(fmt::format("input[{}]", i), "must be a text: lists of token ids are not embedded");
        }
        texts.push_back((*input)[i].get<std::string>());
    }
    return texts;
}

// Little-endian float32, as OpenAI's clients unpack it.
std::string base64Of(const std::vector<float>& values) {
    std::string bytes;
    for (const float value : values) {
        const auto bits = std::bit_cast<std::uint32_t>(value);
        for (int shift = 0; shift < 32; shift += 8) {
            bytes.push_back(static_cast<char>(bits >> shift & 0xff));
        }
    }
    return toBase64(bytes);
}

} // namespace

Answer embeddings(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    RetrievalService* retrieval = model->retrieval();
    if (retrieval == nullptr) {
        throw ApiError(400, "this engine cannot embed", {}, "unsupported");
    }
    const json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const std::vector<std::string> texts = readInput(reader);
    const std::string name = reader.string("model").value_or("");
    const std::string format = reader.string("encoding_format").value_or("float");
    reader.unsupported("dimensions", "vectors have the width of their model");
    reader.ignore({"user"});
    reader.finish();
    if (format != "float" && format != "base64") {
        refuse("encoding_format", "must be \"float\" or \"base64\"");
    }
    const RetrievalService::Embedded embedded = retrieval->embed(name, texts, request.stop);
    json data = json::array();
    std::size_t tokens = 0;
    for (std::size_t i = 0; i < embedded.vectors.size(); ++i) {
        const retrieval::TextVectors& each = embedded.vectors[i];
        tokens += each.used;
        data.push_back({{"object", "embedding"},
                        {"index", i},
                        {"embedding", format == "float" ? json(each.standard) : json(base64Of(each.standard))}});
    }
    request.head.record->tokens(tokens, 0, 0);
    HttpReply reply;
    reply.body = dumpJson({{"object", "list"},
                           {"data", std::move(data)},
                           {"model", embedded.model},
                           {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
    return reply;
}

} // namespace fulgurite::node
